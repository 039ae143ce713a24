"""Check a report's facts before they are filed: possible times, the form's own answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.casework.report import NumberPrecision, ReportedQuantity, ReportFacts, ReportPhase
from schemas.errors import BadInput, IncompleteDocument
from schemas.law import LawForm
from schemas.times import convert_to_utc

ONE = (
    "reason",
    "cyber",
    "likelihood",
    "high_risk",
    "impact",
    "recovery",
    "trained",
    "people_told",
    "told_bodies",
    "abroad",
    "code_of_conduct",
    "other_providers",
)
"""Fields that hold one answer of the form."""
SEVERAL = ("people_kinds", "data_kinds", "harmed", "means")
"""Fields that hold several."""
LONDON = ZoneInfo("Europe/London")


def check_facts(facts: ReportFacts, form: LawForm, now: datetime) -> None:
    """Check the facts. Raises BadInput and IncompleteDocument."""
    for name, number in (("people", facts.people), ("records", facts.records)):
        _check_quantity(name, number)
    for name, choice in _iterate_choices(facts):
        form.get_question(name).get_choice(choice)
    _check_times(facts, now)
    _check_steps(facts, now)
    _check_owed(facts, now)
    if facts.last and facts.stage is ReportPhase.INITIAL:
        raise BadInput(
            "an initial report is not our last by its nature",
            place="stage",
            remedy="Mark a follow-up as the last one.",
        )


def _iterate_choices(facts: ReportFacts) -> Iterator[tuple[str, str]]:
    for name in ONE:
        choice = getattr(facts, name)
        if choice is not None:
            yield name, choice
    for name in SEVERAL:
        yield from ((name, choice) for choice in getattr(facts, name))


def _check_quantity(name: str, number: ReportedQuantity) -> None:
    if number.value is not None and number.value < 0:
        raise BadInput("a count is never below zero", place=name, remedy="Correct it.")
    if number.value is None and number.precision is not NumberPrecision.UNKNOWN:
        raise BadInput("the number is missing", place=name, remedy="Give it, or say unknown.")


def _check_times(facts: ReportFacts, now: datetime) -> None:
    times = (
        ("happened from", facts.occurred_from),
        ("happened until", facts.occurred_to),
        ("discovered at", facts.discovered_at),
    )
    for place, moment in times:
        if moment is not None and convert_to_utc(moment) > convert_to_utc(now):
            raise BadInput("it lies in the future", place=place, remedy="Correct it.")
    begin, end = facts.occurred_from, facts.occurred_to
    if begin and end and convert_to_utc(end) < convert_to_utc(begin):
        raise BadInput("it ends before it begins", place="happened until", remedy="Correct it.")


def _check_steps(facts: ReportFacts, now: datetime) -> None:
    today = convert_to_utc(now).astimezone(LONDON).date()
    for step in facts.prevention:
        if step.done and step.on > today:
            raise BadInput(
                "a step that is complete has no day in the future",
                place=f"steps against a recurrence, {step.on:%Y-%m-%d}",
                remedy="Correct the day, or say that it is expected.",
            )
        if not step.done and step.on < today:
            raise BadInput(
                "the expected day is over",
                place=f"steps against a recurrence, {step.on:%Y-%m-%d}",
                remedy="Say that the step is complete, or give another day.",
            )


def _check_owed(facts: ReportFacts, now: datetime) -> None:
    for item in facts.not_yet_known:
        if not item.who.strip():
            raise IncompleteDocument({"not yet known": "say who owes each"}, place="report")
        if convert_to_utc(item.by) <= convert_to_utc(now):
            raise BadInput(
                "the time by which it is owed is over",
                place="not yet known",
                remedy="Give another time, or take out what is answered.",
            )
    if bool(facts.rest_who.strip()) != (facts.rest_by is not None):
        raise IncompleteDocument(
            {"every other answer": "say who owes it and by when"}, place="not yet known"
        )
    if facts.rest_by is not None and convert_to_utc(facts.rest_by) <= convert_to_utc(now):
        raise BadInput("it lies in the past", place="every other answer, by", remedy="Correct it.")
