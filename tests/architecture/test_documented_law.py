"""Every entry of the shipped law stands on its page, as it is."""

from __future__ import annotations

from pathlib import Path

from breachdesk.gdpr.law import load_shipped_law
from schemas.law import DatedEntry, Provision, ReviewedEntry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "law.md"


def row(entry: ReviewedEntry) -> str:
    period = (entry.period if isinstance(entry, Provision) else None) or "–"
    begun = f"{entry.valid_from:%Y-%m-%d}" if isinstance(entry, DatedEntry) else "–"
    ended = (
        f"{entry.valid_to:%Y-%m-%d}" if isinstance(entry, DatedEntry) and entry.valid_to else "–"
    )
    verified = "yes" if entry.verified else "no"
    reviewed = f"{entry.reviewed_on:%Y-%m-%d}"
    return (
        f"| `{entry.id}` | {entry.name} | {period} | {begun} | {ended} | {reviewed} | {verified} |"
    )


def test_the_page_shows_every_entry_of_the_shipped_law_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## What is shipped")[2]
    rows = [line for line in table.splitlines() if line.startswith("| `")]

    assert sorted(rows) == sorted(row(entry) for entry in load_shipped_law().entries)
