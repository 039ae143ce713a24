"""Format the demo's registers as the CSV files a provider would import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from breachdesk.demo.provider import (
    FIREWALL_ADDRESS,
    FIREWALL_SERIAL,
    FIRMS,
    FORMER,
    MAIL_HOST,
    PANEL,
    UNIFI_OWNER,
    VICTIM,
    VIGOR_OWNER,
    DemoFirm,
)
from breachdesk.demo.routers import UNIFI_NAME, VIGOR_NAME, VIGOR_SOURCE
from schemas.customer import PROVIDER

CUSTOMER_COLUMNS = (
    "customer id",
    "name",
    "default email",
    "phone",
    "account holder",
    "data protection contact",
    "data protection email",
    "locale",
    "contract start",
    "contract end",
)
ASSET_COLUMNS = (
    "customer id",
    "kind",
    "value",
    "service",
    "role",
    "categories",
    "pecr",
    "valid from",
    "valid to",
)
OURS = (
    ("host", MAIL_HOST),
    ("host", FIREWALL_SERIAL),
    ("ip", FIREWALL_ADDRESS),
    ("domain", "fenland-it.example"),
    ("source", "mail-gw"),
    ("source", "sonicwall-hq"),
)


def format_customers_csv() -> str:
    """Format fifty customers in the plain sheet's columns."""
    return _format_csv(CUSTOMER_COLUMNS, (_build_customer_row(firm) for firm in FIRMS))


def format_assets_csv() -> str:
    """Format every asset by its service preset, and the provider's own machines."""
    ours = ((PROVIDER, kind, value, "our own system") for kind, value in OURS)
    theirs = (row for firm in FIRMS for row in _iterate_assets(firm))
    panel = (PROVIDER, "site", PANEL, "our billing panel")
    return _format_csv(ASSET_COLUMNS, [panel, *ours, *theirs])


def _format_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([*row, *[""] * (len(columns) - len(row))] for row in rows)
    return text.getvalue()


OUTSIDE = {VICTIM: ("Imogen Vale", "imogen.vale@fenbridgeprivacy.example")}
"""Data protection contacts who are not at the customer: their mail does not pass through it."""


def _get_officer(firm: DemoFirm) -> tuple[str, str]:
    """Name and address of the data protection contact; two customers in three have one."""
    if firm.id in OUTSIDE:
        return OUTSIDE[firm.id]
    return ("", "") if firm.number % 3 == 1 else (firm.holder, f"privacy@{firm.domain}")


def _build_customer_row(firm: DemoFirm) -> Sequence[str]:
    return (
        firm.id,
        firm.name,
        f"accounts@{firm.domain}",
        firm.phone,
        firm.holder,
        *_get_officer(firm),
        "en-GB",
        f"20{15 + firm.number % 10}-04-01",
        "2025-03-31" if firm.id == FORMER else "",
    )


def _iterate_assets(firm: DemoFirm) -> Iterator[Sequence[str]]:
    yield firm.id, "service", f"{PANEL}?userid={firm.userid}", "billing account"
    if firm.id != FORMER:
        yield from _iterate_assets_in_use(firm)


def _iterate_assets_in_use(firm: DemoFirm) -> Iterator[Sequence[str]]:
    if firm.tenant:
        health = "mail; files; health" if firm.id == VICTIM else ""
        yield firm.id, "tenant", firm.tenant, "Microsoft 365 tenant", "", health
    if firm.tenant or "h" in firm.services:
        yield firm.id, "domain", firm.domain, "hosted mail domain"
    else:
        yield firm.id, "domain", firm.domain, "domain"
    if firm.site:
        yield firm.id, "site", firm.site, "hosted website"
    if "b" in firm.services:
        yield firm.id, "service", f"backup:{firm.id}", "backup"
    if "l" in firm.services:
        yield firm.id, "ip", firm.office, "broadband line"
    if "p" in firm.services:
        yield firm.id, "service", f"passwords:{firm.id}", "support passwords"
    yield from _iterate_watched(firm)


def _iterate_watched(firm: DemoFirm) -> Iterator[Sequence[str]]:
    """Iterate over routers whose lines we receive."""
    if firm.id == VIGOR_OWNER:
        yield firm.id, "host", VIGOR_NAME, "managed firewall"
        yield firm.id, "source", VIGOR_SOURCE, "managed firewall"
    if firm.id == UNIFI_OWNER:
        yield firm.id, "host", UNIFI_NAME, "managed firewall"
