"""The report's form: which fields answer each question of a regulator's form, and what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from breachdesk.console.forms import Form
from breachdesk.console.times import Times
from schemas.errors import BadInput
from schemas.report import (
    NotYetKnown,
    Precision,
    PreventionStep,
    Quantity,
    ReportFacts,
    ReportStage,
)

TEXT, AREA, LINES, CHOICE, TICKS, WHEN, QUANTITY, YES_NO, READ = (
    "text", "area", "lines", "choice", "ticks", "when", "quantity", "yes_no", "read",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field of ReportFacts as it is typed."""

    name: str
    kind: str
    label: str = ""
    """Empty: the form's own question stands above it."""
    hint: str = ""


FIELDS: Mapping[str, tuple[Field, ...]] = {
    "spoken": (
        Field("spoken", YES_NO),
        Field("spoken_to", TEXT, "With whom", "The name of the ICO’s member of staff."),
    ),
    "case_reference": (Field("case_reference", TEXT),),
    "reason": (Field("reason", CHOICE),),
    "what_happened": (Field("what_happened", AREA),),
    "cyber": (Field("cyber", CHOICE),),
    "how_found": (Field("how_found", AREA),),
    "discovered": (Field("discovered_at", WHEN),),
    "occurred": (
        Field("occurred_from", WHEN, "From"),
        Field("occurred_to", WHEN, "Until"),
    ),
    "delay_reasons": (Field("delay_reasons", AREA),),
    "data_kinds": (
        Field("data_kinds", TICKS),
        Field("data_other", TEXT, "Other, in words"),
    ),
    "records": (Field("records", QUANTITY),),
    "people": (Field("people", QUANTITY),),
    "people_kinds": (
        Field("people_kinds", TICKS),
        Field("people_other", TEXT, "Other, in words"),
    ),
    "measures_before": (Field("measures_before", AREA),),
    "consequences": (Field("consequences", AREA),),
    "actual_harm": (Field("actual_harm", AREA),),
    "likelihood": (Field("likelihood", CHOICE),),
    "high_risk": (Field("high_risk", CHOICE),),
    "harmed": (Field("harmed", TICKS),),
    "affected_how": (Field("affected_how", AREA),),
    "impact": (Field("impact", CHOICE),),
    "recovery": (Field("recovery", CHOICE),),
    "trained": (Field("trained", CHOICE),),
    "training": (Field("training", AREA),),
    "measures_after": (Field("measures_after", AREA),),
    "people_told": (
        Field("people_told", CHOICE),
        Field("people_told_words", AREA, "In words, if there is more to say"),
    ),
    "told_bodies": (
        Field("told_bodies", CHOICE),
        Field("other_bodies", LINES, "Which", "One a line, with the reference if there is one."),
    ),
    "code_of_conduct": (
        Field("code_of_conduct", CHOICE),
        Field("code_of_conduct_words", TEXT, "Which"),
    ),
    "reporter": (
        Field("reporter_name", TEXT, "Name"),
        Field("reporter_email", TEXT, "Email"),
        Field("reporter_phone", TEXT, "Telephone"),
    ),
    "abroad": (
        Field("abroad", CHOICE),
        Field("abroad_states", LINES, "Which states", "One a line."),
        Field("abroad_authorities", LINES, "Authorities told or to be told", "One a line."),
    ),
    "other_providers": (
        Field("other_providers", CHOICE),
        Field("other_providers_words", AREA, "Which, and what they do for us"),
    ),
    "means": (Field("means", TICKS), Field("means_other", TEXT, "Other, in words")),
}
"""By the question's key. What is not here is answered by what is recorded elsewhere."""
EVERY = {f.name: f for fields in FIELDS.values() for f in fields}
ROWS = 3
"""Rows for steps and for what is owed, and as many more as are filled."""
BECAUSE = "because_"


def rows(count: int) -> range:
    """One more than is filled, at least three."""
    return range(1, max(ROWS, count + 1) + 1)


def typed(facts: ReportFacts, answers: Mapping[str, Any], times: Times) -> dict[str, Any]:
    """The facts as the form shows them; `answers` fill what they leave blank."""
    shown: dict[str, Any] = {"stage": facts.stage.value, "last": "yes" if facts.last else ""}
    for name, of in EVERY.items():
        value = answers.get(name, getattr(facts, name))
        if of.kind == QUANTITY:
            shown[name] = "" if value.value is None else str(value.value)
            shown[f"{name}_precision"] = value.precision.value
        else:
            shown[name] = _shown(value, of.kind, times)
    for i, step in enumerate(facts.prevention, 1):
        done = "yes" if step.done else ""
        shown |= {f"step_what_{i}": step.what, f"step_on_{i}": f"{step.on:%Y-%m-%d}"}
        shown[f"step_done_{i}"] = done
    for i, item in enumerate(facts.not_yet_known, 1):
        shown |= {f"owed_what_{i}": item.what, f"owed_who_{i}": item.who}
        shown |= {
            f"owed_by_{i}": times.typed(item.by),
            f"owed_key_{i}": "".join(item.questions[:1]),
        }
    shown["rest_who"] = facts.rest_who
    shown["rest_by"] = times.typed(facts.rest_by) if facts.rest_by else ""
    return shown | {f"{BECAUSE}{name}": text for name, text in facts.departures.items()}


def _shown(value: Any, kind: str, times: Times) -> Any:
    if kind == TICKS:
        return tuple(value)
    if kind == LINES:
        return "\n".join(value)
    if kind == WHEN:
        return times.typed(value) if value else ""
    if kind == YES_NO:
        return {True: "yes", False: "no", None: ""}[value]
    return value or ""


def read_facts(
    form: Form,
    breach_id: str,
    form_id: str,
    by: str,
    now: datetime,
    contradictions: tuple[str, ...],
) -> ReportFacts:
    """What was typed. Raises BadInput naming the field."""
    values = {name: _read(form, of) for name, of in EVERY.items()}
    return ReportFacts(
        breach_id=breach_id,
        version=1,
        written_by=by,
        written_at=now,
        jurisdiction=form_id,
        stage=form.word("stage", ReportStage, "Stage"),
        last=form.ticked("last"),
        prevention=tuple(_steps(form)),
        not_yet_known=tuple(_owed(form)),
        rest_who=form.text("rest_who"),
        rest_by=form.when("rest_by", "Every other answer: by when"),
        departures={
            name: form.text(f"{BECAUSE}{name}")
            for name in contradictions
            if form.text(f"{BECAUSE}{name}")
        },
        **values,
    )


def _read(form: Form, of: Field) -> Any:
    if of.kind == QUANTITY:
        return _quantity(form, of.name)
    if of.kind == TICKS:
        return form.every(of.name)
    if of.kind == LINES:
        return form.lines(of.name)
    if of.kind == WHEN:
        return form.when(of.name, of.name.replace("_", " "))
    if of.kind == YES_NO:
        return {"yes": True, "no": False}.get(form.text(of.name))
    return form.text(of.name) or (None if of.kind == CHOICE else "")


def _quantity(form: Form, name: str) -> Quantity:
    label = f"Number of {name}"
    if not form.text(f"{name}_precision"):
        return Quantity()
    precision = form.word(f"{name}_precision", Precision, label)
    count = form.whole(name, label)
    if count is None and precision is not Precision.UNKNOWN:
        raise BadInput("the number is missing", place=label, remedy="Type it, or say not known.")
    return Quantity(value=count, precision=precision)


def _filled(form: Form, name: str) -> list[int]:
    numbers = (key.removeprefix(f"{name}_") for key in form if key.startswith(f"{name}_"))
    return sorted(int(n) for n in numbers if n.isdecimal() and form.text(f"{name}_{n}"))


def _steps(form: Form) -> list[PreventionStep]:
    return [
        PreventionStep(
            what=form.text(f"step_what_{i}"),
            on=_day(form.text(f"step_on_{i}")),
            done=form.ticked(f"step_done_{i}"),
        )
        for i in _filled(form, "step_what")
    ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "no day is given" if not text else "this is no day",
            place="Steps against a recurrence: complete on",
            remedy="Type it as YYYY-MM-DD.",
        ) from None


def _owed(form: Form) -> list[NotYetKnown]:
    return [
        NotYetKnown(
            what=form.text(f"owed_what_{i}"),
            who=form.text(f"owed_who_{i}"),
            by=form.must_when(f"owed_by_{i}", "Not yet known: by when"),
            questions=tuple(filter(None, (form.text(f"owed_key_{i}"),))),
        )
        for i in _filled(form, "owed_what")
    ]
