"""The decision as a form: what a person typed, and what an older decision shows in its fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.severity_form import collect_factor_fields, parse_factors
from breachdesk.console.views.times import TimeFormatter
from breachdesk.gdpr.edpb import list_edpb_cases
from breachdesk.gdpr.jurisdiction import load_jurisdictions
from breachdesk.gdpr.raised import DecisionQuestion, get_answer, list_question_keys
from schemas.casework.decision import (
    NOT_ASKED,
    Decision,
    DecisionAnswer,
    LawEnforcementHold,
    NotificationBasis,
)
from schemas.errors import BadInput

TEXTS = ("risk", "high_risk", "art34_3_limb", "art34_3_evidence", "public_communication")
PARAGRAPHS = ("likely_harm", "safeguards_before", "safeguards_after", "edpb_comparison")
NONE_ALIKE = "none"
MAY_WAIT = {
    NotificationBasis.ART34: "letters that Art. 34 demands",
    NotificationBasis.OWN_PROMISE: "letters that our own promise demands",
    NotificationBasis.PECR_5A3: "letters to subscribers that PECR demands",
}
"""What a hold may stop. What we tell controllers never waits."""


def parse_decision(
    typed: Mapping[str, str], breach_id: str, by: str, at: datetime, hold: LawEnforcementHold | None
) -> Decision:
    """What was typed, blank answers too: sealing says what is missing. Raises BadInput for a value
    that is not offered."""
    exempt = bool(typed.get("pecr_exempt"))
    paragraphs = {name: typed.get(name, "").strip() or None for name in PARAGRAPHS}
    return Decision(
        breach_id=breach_id,
        version=1,
        decided_by=by,
        decided_at=at,
        report={
            j.id: _parse_answer(typed, j.question_key)
            for j in load_jurisdictions().values()
            if j.applies_always or j.question_key in typed
        },
        **{question.value: _parse_answer(typed, question) for question in DecisionQuestion},
        **{name: typed.get(name, "").strip() for name in TEXTS},
        **paragraphs,
        pecr_unintelligible=typed.get("pecr_unintelligible", "").strip() if exempt else None,
        severity=parse_factors(typed),
        edpb_case=_parse_edpb_case(typed.get("edpb_case", "")),
        departures={
            name.removeprefix("departure_"): reason.strip()
            for name, reason in typed.items()
            if name.startswith("departure_") and reason.strip()
        },
        hold=hold,
    )


def parse_hold(form: SubmittedForm) -> LawEnforcementHold | None:
    """None: nobody asked us to wait. Raises BadInput for a time that is missing or none."""
    if not form.is_ticked("hold"):
        return None
    return LawEnforcementHold(
        asked_by=form.get_text("hold_asked_by"),
        asked_at=form.require_time("hold_asked_at", "Hold requested at"),
        basis=form.get_text("hold_basis"),
        review_on=form.require_time("hold_review_on", "Hold reviewed on"),
        stops=frozenset(basis for basis in MAY_WAIT if form.is_ticked(f"stops_{basis}")),
    )


def check_case_chosen(typed: Mapping[str, str]) -> None:
    """Raises BadInput while neither a case nor `none` is chosen."""
    if typed.get("edpb_comparison", "").strip() and not typed.get("edpb_case"):
        raise BadInput("no case is chosen", place="EDPB case", remedy="Choose one, or none.")


def collect_decision_fields(old: Decision, times: TimeFormatter) -> dict[str, str]:
    """An older decision as the form shows it."""
    shown = {name: getattr(old, name) for name in TEXTS}
    shown |= {name: getattr(old, name) or "" for name in PARAGRAPHS}
    for question in list_question_keys(old):
        answer = get_answer(old, question)
        if answer.asked:
            shown[question] = "yes" if answer.yes else "no"
            shown[f"{question}_reasons"] = answer.reasons
    if old.edpb_comparison:
        shown["edpb_case"] = str(old.edpb_case or NONE_ALIKE)
    if old.pecr_unintelligible is not None:
        shown |= {"pecr_exempt": "yes", "pecr_unintelligible": old.pecr_unintelligible}
    shown |= {f"departure_{name}": reason for name, reason in old.departures.items()}
    return shown | collect_factor_fields(old) | _collect_hold_fields(old.hold, times)


def _collect_hold_fields(hold: LawEnforcementHold | None, times: TimeFormatter) -> dict[str, str]:
    if hold is None:
        return {}
    return {
        "hold": "yes",
        "hold_asked_by": hold.asked_by,
        "hold_asked_at": times.format_for_form(hold.asked_at),
        "hold_basis": hold.basis,
        "hold_review_on": times.format_for_form(hold.review_on),
        **{f"stops_{basis}": "yes" for basis in hold.stops},
    }


def _parse_answer(typed: Mapping[str, str], question: str) -> DecisionAnswer:
    chosen = typed.get(question, "")
    if chosen not in ("yes", "no"):
        return NOT_ASKED
    return DecisionAnswer(yes=chosen == "yes", reasons=typed.get(f"{question}_reasons", "").strip())


def _parse_edpb_case(chosen: str) -> int | None:
    if chosen in ("", NONE_ALIKE):
        return None
    numbers = {str(case.number): case.number for case in list_edpb_cases()}
    if chosen not in numbers:
        raise BadInput("there is no such case", place="EDPB case", remedy="Choose one.")
    return numbers[chosen]
