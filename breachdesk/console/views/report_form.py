"""The report's form: which fields answer each question of a regulator's form, and what was
typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.times import TimeFormatter
from schemas.casework.report import (
    NotYetKnown,
    NumberPrecision,
    PreventionStep,
    ReportedQuantity,
    ReportFacts,
    ReportPhase,
)
from schemas.errors import BadInput

TEXT, AREA, LINES, CHOICE, TICKS, WHEN, QUANTITY, YES_NO, READ = (
    "text", "area", "lines", "choice", "ticks", "when", "quantity", "yes_no", "read",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of ReportFacts as it is typed."""

    name: str
    kind: str
    label: str = ""
    """Empty: the form's own question is above it."""
    hint: str = ""
    """`{regulator}` is what the form's jurisdiction calls its authority."""


FIELDS: Mapping[str, tuple[FormField, ...]] = {
    "spoken": (
        FormField("spoken", YES_NO),
        FormField("spoken_to", TEXT, "With whom", "The name of {regulator}’s member of staff."),
    ),
    "case_reference": (FormField("case_reference", TEXT),),
    "reason": (FormField("reason", CHOICE),),
    "what_happened": (FormField("what_happened", AREA),),
    "cyber": (FormField("cyber", CHOICE),),
    "how_found": (FormField("how_found", AREA),),
    "discovered": (FormField("discovered_at", WHEN),),
    "occurred": (
        FormField("occurred_from", WHEN, "From"),
        FormField("occurred_to", WHEN, "Until"),
    ),
    "delay_reasons": (FormField("delay_reasons", AREA),),
    "data_kinds": (
        FormField("data_kinds", TICKS),
        FormField("data_other", TEXT, "Other, in words"),
    ),
    "records": (FormField("records", QUANTITY),),
    "people": (FormField("people", QUANTITY),),
    "people_kinds": (
        FormField("people_kinds", TICKS),
        FormField("people_other", TEXT, "Other, in words"),
    ),
    "measures_before": (FormField("measures_before", AREA),),
    "consequences": (FormField("consequences", AREA),),
    "actual_harm": (FormField("actual_harm", AREA),),
    "likelihood": (FormField("likelihood", CHOICE),),
    "high_risk": (FormField("high_risk", CHOICE),),
    "harmed": (FormField("harmed", TICKS),),
    "affected_how": (FormField("affected_how", AREA),),
    "impact": (FormField("impact", CHOICE),),
    "recovery": (FormField("recovery", CHOICE),),
    "trained": (FormField("trained", CHOICE),),
    "training": (FormField("training", AREA),),
    "measures_after": (FormField("measures_after", AREA),),
    "people_told": (
        FormField("people_told", CHOICE),
        FormField("people_told_words", AREA, "In words, if there is more to say"),
    ),
    "told_bodies": (
        FormField("told_bodies", CHOICE),
        FormField(
            "other_bodies", LINES, "Which", "One per line, with the reference if there is one."
        ),
    ),
    "code_of_conduct": (
        FormField("code_of_conduct", CHOICE),
        FormField("code_of_conduct_words", TEXT, "Which"),
    ),
    "reporter": (
        FormField("reporter_name", TEXT, "Name"),
        FormField("reporter_email", TEXT, "Email"),
        FormField("reporter_phone", TEXT, "Telephone"),
    ),
    "abroad": (
        FormField("abroad", CHOICE),
        FormField("abroad_states", LINES, "Which states", "One per line."),
        FormField("abroad_authorities", LINES, "Authorities told or to be told", "One per line."),
    ),
    "other_providers": (
        FormField("other_providers", CHOICE),
        FormField("other_providers_words", AREA, "Which, and what they do for us"),
    ),
    "means": (FormField("means", TICKS), FormField("means_other", TEXT, "Other, in words")),
}
"""By the question's key. What is not here is answered by what is recorded elsewhere."""
EVERY = {f.name: f for fields in FIELDS.values() for f in fields}
ROWS = 3
"""Rows for steps and for what is owed, and as many more as are filled."""
BECAUSE = "because_"


def get_row_range(count: int) -> range:
    """One more than is filled, at least three."""
    return range(1, max(ROWS, count + 1) + 1)


def collect_fields(
    facts: ReportFacts, answers: Mapping[str, Any], times: TimeFormatter
) -> dict[str, Any]:
    """The facts as the form shows them; `answers` fill what they leave blank."""
    shown: dict[str, Any] = {"stage": facts.stage.value, "last": "yes" if facts.last else ""}
    for name, of in EVERY.items():
        value = answers.get(name, getattr(facts, name))
        if of.kind == QUANTITY:
            shown[name] = "" if value.value is None else str(value.value)
            shown[f"{name}_precision"] = value.precision.value
        else:
            shown[name] = _format_value(value, of.kind, times)
    for i, step in enumerate(facts.prevention, 1):
        step_done = "yes" if step.done else ""
        shown |= {f"step_what_{i}": step.what, f"step_on_{i}": f"{step.on:%Y-%m-%d}"}
        shown[f"step_done_{i}"] = step_done
    for i, item in enumerate(facts.not_yet_known, 1):
        shown |= {f"owed_what_{i}": item.what, f"owed_who_{i}": item.who}
        shown |= {
            f"owed_by_{i}": times.format_for_form(item.by),
            f"owed_key_{i}": "".join(item.questions[:1]),
        }
    shown["rest_who"] = facts.rest_who
    shown["rest_by"] = times.format_for_form(facts.rest_by) if facts.rest_by else ""
    return shown | {f"{BECAUSE}{name}": text for name, text in facts.departures.items()}


def _format_value(value: Any, kind: str, times: TimeFormatter) -> Any:
    if kind == TICKS:
        return tuple(value)
    if kind == LINES:
        return "\n".join(value)
    if kind == WHEN:
        return times.format_for_form(value) if value else ""
    if kind == YES_NO:
        return {True: "yes", False: "no", None: ""}[value]
    return value or ""


def parse_facts(
    form: SubmittedForm,
    breach_id: str,
    form_id: str,
    by: str,
    now: datetime,
    contradictions: tuple[str, ...],
) -> ReportFacts:
    """What was typed. Raises BadInput naming the field."""
    values = {name: _parse_field(form, of) for name, of in EVERY.items()}
    return ReportFacts(
        breach_id=breach_id,
        version=1,
        written_by=by,
        written_at=now,
        jurisdiction=form_id,
        stage=form.parse_choice("stage", ReportPhase, "Stage"),
        last=form.is_ticked("last"),
        prevention=tuple(_parse_steps(form)),
        not_yet_known=tuple(_parse_not_yet_known(form)),
        rest_who=form.get_text("rest_who"),
        rest_by=form.parse_time("rest_by", "Every other answer: by when"),
        departures={
            name: form.get_text(f"{BECAUSE}{name}")
            for name in contradictions
            if form.get_text(f"{BECAUSE}{name}")
        },
        **values,
    )


def _parse_field(form: SubmittedForm, of: FormField) -> Any:
    if of.kind == QUANTITY:
        return _parse_quantity(form, of.name)
    if of.kind == TICKS:
        return form.list_values(of.name)
    if of.kind == LINES:
        return form.list_lines(of.name)
    if of.kind == WHEN:
        return form.parse_time(of.name, of.name.replace("_", " "))
    if of.kind == YES_NO:
        return {"yes": True, "no": False}.get(form.get_text(of.name))
    return form.get_text(of.name) or (None if of.kind == CHOICE else "")


def _parse_quantity(form: SubmittedForm, name: str) -> ReportedQuantity:
    label = f"Number of {name}"
    if not form.get_text(f"{name}_precision"):
        return ReportedQuantity()
    precision = form.parse_choice(f"{name}_precision", NumberPrecision, label)
    count = form.parse_number(name, label)
    if count is None and precision is not NumberPrecision.UNKNOWN:
        raise BadInput("the number is missing", place=label, remedy="Type it, or say not known.")
    return ReportedQuantity(value=count, precision=precision)


def _list_filled_rows(form: SubmittedForm, name: str) -> list[int]:
    numbers = (key.removeprefix(f"{name}_") for key in form if key.startswith(f"{name}_"))
    return sorted(int(n) for n in numbers if n.isdecimal() and form.get_text(f"{name}_{n}"))


def _parse_steps(form: SubmittedForm) -> list[PreventionStep]:
    return [
        PreventionStep(
            what=form.get_text(f"step_what_{i}"),
            on=_parse_day(form.get_text(f"step_on_{i}")),
            done=form.is_ticked(f"step_done_{i}"),
        )
        for i in _list_filled_rows(form, "step_what")
    ]


def _parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "no day is given" if not text else "this is no day",
            place="Steps against a recurrence: complete on",
            remedy="Type it as YYYY-MM-DD.",
        ) from None


def _parse_not_yet_known(form: SubmittedForm) -> list[NotYetKnown]:
    return [
        NotYetKnown(
            what=form.get_text(f"owed_what_{i}"),
            who=form.get_text(f"owed_who_{i}"),
            by=form.require_time(f"owed_by_{i}", "Not yet known: by when"),
            questions=tuple(filter(None, (form.get_text(f"owed_key_{i}"),))),
        )
        for i in _list_filled_rows(form, "owed_what")
    ]
