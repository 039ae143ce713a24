"""Every page of the console that tests ask for, and their text as a browser shows it.

In braces: ids of the store that the test makes.
"""

from __future__ import annotations

from breachdesk.casework.case_file.build import SECTIONS

PAGES = (
    "/",
    "/alerts",
    "/alerts?state=case",
    "/alerts?state=dismissed",
    "/alerts?state=all&page=2",
    "/alerts/{alert}",
    "/cases",
    "/cases/new",
    "/cases/{open}",
    "/cases/{open}/confirm",
    "/cases/{breached}",
    "/cases/{breached}/confirm",
    "/cases/{breached}/affected",
    "/cases/{breached}/groups",
    "/figures",
    "/figures?year=2026&drills=true",
    "/figures.csv",
    "/figures.svg",
    "/cases/{breached}/file",
    "/cases/{open}/file",
    "/cases/{breached}/file?names=out",
    *(f"/cases/{{breached}}/file?section={name}" for name in SECTIONS),
    *(f"/cases/{{breached}}/file?names=out&section={name}" for name in SECTIONS),
    "/near-misses/new",
    "/cases/{breached}/decision",
    "/cases/{breached}/decision/grounds",
    "/cases/{breached}/facts",
    "/cases/{breached}/approval",
    "/cases/{breached}/delivery",
    "/cases/{open}/people",
    "/cases/{breached}/people",
    "/complaints",
    "/complaints?case={open}&page=2",
    "/complaints.csv",
    "/cases/{breached}/report",
    "/cases/{breached}/report/copy",
    "/cases/{breached}/report.json",
    "/tasks",
    "/register",
    "/register.csv",
    "/register.json",
    "/customers",
    "/customers?q=contoso",
    "/customers/contoso",
    "/customers/import",
    "/unattributed",
    "/held-changes",
    "/binding-proposals",
    "/sources",
    "/coverage",
    "/rules",
    "/law",
    "/audit",
    "/audit?verify=true",
    "/first-run",
    "/account",
    "/account/password",
    "/account/second-factor",
)


def collapse_whitespace(page: str) -> str:
    """Return the page with every run of white space as one space, as a browser shows it."""
    return " ".join(page.split())
