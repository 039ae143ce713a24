"""Answers that several forms ask for alike: times, states abroad, steps, what is still owed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from breachdesk.gdpr.filing import UNKNOWN, Answer, Filing, chosen


def moment(filing: Filing, at: datetime | None) -> Answer:
    """The time, or that it is not yet known."""
    return Answer(filing.when(at)) if at is not None else Answer(UNKNOWN, unknown=True)


def window(filing: Filing) -> Answer:
    """`from 22 November 2026 at 3:07am GMT to …`, as a person wrote it."""
    begin, end = filing.written.occurred_from, filing.written.occurred_to
    if begin is None and end is None:
        return Answer(UNKNOWN, unknown=True)
    if begin is None:
        return Answer(f"until {filing.when(end)}; when it began is not yet known")
    if end is None:
        return Answer(f"from {filing.when(begin)}; when it ended is not yet known")
    if begin == end:
        return Answer(filing.when(begin))
    return Answer(f"from {filing.when(begin)} to {filing.when(end)}")


def prevention(filing: Filing) -> Iterator[str]:
    """Each step with the day on which it was or will be complete."""
    for step in filing.written.prevention:
        said = "complete since" if step.done else "expected by"
        yield f"{step.what.rstrip('. ')} ({said} {_day(step.on)})"


def owed(filing: Filing) -> Iterator[str]:
    """What follows in phases, who owes it, by when."""
    facts = filing.written
    for item in facts.not_yet_known:
        yield f"{item.what}: {item.who}, by {filing.when(item.by)}"
    if facts.rest_by is not None:
        yield f"every other answer that is not given here: {facts.rest_who}, by {filing.when(facts.rest_by)}"


def abroad(filing: Filing) -> Answer:
    """People in other states, which states, which of their authorities know."""
    facts = filing.written
    states = ", ".join(facts.abroad_states)
    authorities = ", ".join(facts.abroad_authorities)
    return chosen(
        filing.form,
        "abroad",
        facts.abroad,
        states and f"States: {states}",
        authorities and f"Authorities told or to be told: {authorities}",
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
