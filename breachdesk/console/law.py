"""The law that this installation applies: hours, authorities and forms, with their reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Signed
from breachdesk.gdpr.law import overdue, unverified
from schemas.law import Dated, Provision, Reviewed

router = APIRouter()


@dataclass(frozen=True)
class LawRow:
    """One entry, and why a person should look at it."""

    entry: Reviewed
    old: bool
    over: bool
    """It no longer holds."""

    @property
    def period(self) -> str | None:
        """`72 hours`; None: no figure is given."""
        return self.entry.period if isinstance(self.entry, Provision) else None

    @property
    def reviewed(self) -> str:
        return _day(self.entry.reviewed_on)

    @property
    def begun(self) -> str | None:
        """The first day on which it holds; None: it is no law."""
        return _day(self.entry.valid_from) if isinstance(self.entry, Dated) else None

    @property
    def ended(self) -> str | None:
        """The first day on which it no longer holds."""
        entry = self.entry
        return _day(entry.valid_to) if isinstance(entry, Dated) and entry.valid_to else None


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


@router.get("/law")
def show(desk: Signed) -> Response:
    """Provisions first, then whom to report to, forms, and methods that are no law."""
    book, months = desk.house.store.law, desk.house.settings.law.review_months
    day = desk.now.date()
    current = set(map(id, book.in_force(day)))
    old = set(map(id, overdue(book, day, months)))
    parts = {
        "Rules": book.provisions,
        "Authorities and others to call": book.authorities,
        "Forms": book.forms,
        "Methods and tables": book.references,
    }
    return desk.page(
        "law.html",
        parts={
            title: [LawRow(e, id(e) in old, id(e) not in current) for e in entries]
            for title, entries in parts.items()
        },
        old=len(old),
        unverified=len(unverified(book, day)),
        problems=book.problems,
        months=months,
    )
