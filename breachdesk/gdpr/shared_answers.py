"""Answer questions that several forms share: times, states abroad, steps, what is still owed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from breachdesk.gdpr.filing import UNKNOWN, FormAnswer, ReportFiling, answer_choice


def answer_moment(filing: ReportFiling, at: datetime | None) -> FormAnswer:
    """Answer with the time, or that it is not yet known."""
    return (
        FormAnswer(filing.format_moment(at))
        if at is not None
        else FormAnswer(UNKNOWN, unknown=True)
    )


def answer_window(filing: ReportFiling) -> FormAnswer:
    """Answer with `from 22 November 2026 at 3:07am GMT to …`, or as a person wrote it."""
    begin, end = filing.written.occurred_from, filing.written.occurred_to
    if begin is None and end is None:
        return FormAnswer(UNKNOWN, unknown=True)
    if begin is None:
        return FormAnswer(f"until {filing.format_moment(end)}; when it began is not yet known")
    if end is None:
        return FormAnswer(f"from {filing.format_moment(begin)}; when it ended is not yet known")
    if begin == end:
        return FormAnswer(filing.format_moment(begin))
    return FormAnswer(f"from {filing.format_moment(begin)} to {filing.format_moment(end)}")


def generate_prevention_lines(filing: ReportFiling) -> Iterator[str]:
    """Generate each step with the day on which it was or will be complete."""
    for step in filing.written.prevention:
        phrase = "complete since" if step.done else "expected by"
        yield f"{step.what.rstrip('. ')} ({phrase} {_format_day(step.on)})"


def generate_owed_lines(filing: ReportFiling) -> Iterator[str]:
    """Generate what follows in phases, who owes it, by when."""
    facts = filing.written
    for item in facts.not_yet_known:
        yield f"{item.what}: {item.who}, by {filing.format_moment(item.by)}"
    if facts.rest_by is not None:
        yield f"every other answer that is not given here: {facts.rest_who}, by {filing.format_moment(facts.rest_by)}"


def answer_abroad(filing: ReportFiling) -> FormAnswer:
    """Answer with people in other states, which states, and which of their authorities know."""
    facts = filing.written
    states = ", ".join(facts.abroad_states)
    authorities = ", ".join(facts.abroad_authorities)
    return answer_choice(
        filing.form,
        "abroad",
        facts.abroad,
        states and f"States: {states}",
        authorities and f"Authorities told or to be told: {authorities}",
    )


def _format_day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
