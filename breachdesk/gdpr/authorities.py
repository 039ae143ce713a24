"""Authorities that several jurisdictions report to: dated data, like the law."""

from __future__ import annotations

from datetime import date

from breachdesk.gdpr.jurisdiction import Authority

UK_INFORMATION_COMMISSIONER = (
    Authority(
        valid_from=date(2018, 5, 25),
        name="Information Commissioner's Office",
        address="Wycliffe House, Water Lane, Wilmslow, Cheshire SK9 5AF",
        telephone="0303 123 1113",
        source="https://ico.org.uk/global/contact-us/",
        reviewed_on=date(2026, 11, 22),
        note="A change of name to Information Commission is legislated; its date was not found.",
    ),
)
