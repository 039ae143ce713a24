"""The law that this installation applies: hours, authorities and forms, with their reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.request_context import SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.law import list_overdue, list_unverified
from schemas.law import DatedEntry, Provision, ReviewedEntry

router = APIRouter()


@dataclass(frozen=True)
class LawRow:
    """One entry, and why a person should look at it."""

    entry: ReviewedEntry
    old: bool
    over: bool
    """It no longer holds."""

    @property
    def period(self) -> str | None:
        """`72 hours`; None: no figure is given."""
        return self.entry.period if isinstance(self.entry, Provision) else None

    @property
    def reviewed(self) -> str:
        return _format_day(self.entry.reviewed_on)

    @property
    def begun(self) -> str | None:
        """The first day on which it holds; None: it is no law."""
        return _format_day(self.entry.valid_from) if isinstance(self.entry, DatedEntry) else None

    @property
    def ended(self) -> str | None:
        """The first day on which it no longer holds."""
        entry = self.entry
        return (
            _format_day(entry.valid_to)
            if isinstance(entry, DatedEntry) and entry.valid_to
            else None
        )


def _format_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


@router.get("/law")
def show_law(context: SignedIn) -> Response:
    """Provisions first, then whom to report to, forms, and methods that are no law."""
    book, months = context.dependencies.store.law, context.dependencies.settings.law.review_months
    day = context.now.date()
    current = set(map(id, book.list_in_force(day)))
    old = set(map(id, list_overdue(book, day, months)))
    parts = {
        "Rules": book.provisions,
        "Authorities and others to call": book.authorities,
        "Forms": book.forms,
        "Methods and tables": book.references,
    }
    return context.render_page(
        "law.html",
        parts={
            title: [LawRow(e, id(e) in old, id(e) not in current) for e in entries]
            for title, entries in parts.items()
        },
        old=len(old),
        unverified=len(list_unverified(book, day)),
        problems=book.problems,
        months=months,
    )


SCREEN = Screen(
    id="law",
    router=router,
    navigation=NavigationEntry("/law", "Law", NavigationGroup.INSTALLATION, order=4),
)
