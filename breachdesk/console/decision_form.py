"""The decision as a form: what a person typed, and what an older decision shows in its fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from breachdesk.console.forms import Form
from breachdesk.console.severity_form import factors_before, read_factors
from breachdesk.console.times import Times
from breachdesk.gdpr.edpb import edpb_cases
from breachdesk.gdpr.raised import Question
from schemas.decision import NOT_ASKED, Answer, Basis, Decision, LawEnforcementHold
from schemas.errors import BadInput

TEXTS = ("risk", "high_risk", "art34_3_limb", "art34_3_evidence", "public_communication")
PARAGRAPHS = ("likely_harm", "safeguards_before", "safeguards_after", "edpb_comparison")
NONE_ALIKE = "none"
MAY_WAIT = {
    Basis.ART34: "letters that Art. 34 demands",
    Basis.OWN_PROMISE: "letters that our own promise demands",
    Basis.PECR_5A3: "letters to subscribers that PECR demands",
}
"""What a hold may stop. What we tell controllers never waits."""


def typed_decision(
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
        **{question.value: _answer(typed, question) for question in Question},
        **{name: typed.get(name, "").strip() for name in TEXTS},
        **paragraphs,
        pecr_unintelligible=typed.get("pecr_unintelligible", "").strip() if exempt else None,
        severity=read_factors(typed),
        edpb_case=_edpb_case(typed.get("edpb_case", "")),
        departures={
            name.removeprefix("departure_"): reason.strip()
            for name, reason in typed.items()
            if name.startswith("departure_") and reason.strip()
        },
        hold=hold,
    )


def read_hold(form: Form) -> LawEnforcementHold | None:
    """None: nobody asked us to wait. Raises BadInput for a time that is missing or none."""
    if not form.ticked("hold"):
        return None
    return LawEnforcementHold(
        asked_by=form.text("hold_asked_by"),
        asked_at=form.must_when("hold_asked_at", "Hold asked for at"),
        basis=form.text("hold_basis"),
        review_on=form.must_when("hold_review_on", "Hold reviewed on"),
        stops=frozenset(basis for basis in MAY_WAIT if form.ticked(f"stops_{basis}")),
    )


def check_case_chosen(typed: Mapping[str, str]) -> None:
    """Raises BadInput while neither a case nor `none` is chosen."""
    if typed.get("edpb_comparison", "").strip() and not typed.get("edpb_case"):
        raise BadInput("no case is chosen", place="EDPB case", remedy="Choose one, or none.")


def fields_of(old: Decision, times: Times) -> dict[str, str]:
    """An older decision as the form shows it."""
    shown = {name: getattr(old, name) for name in TEXTS}
    shown |= {name: getattr(old, name) or "" for name in PARAGRAPHS}
    for question in Question:
        answer: Answer = getattr(old, question)
        if answer.asked:
            shown[question] = "yes" if answer.yes else "no"
            shown[f"{question}_reasons"] = answer.reasons
    if old.edpb_comparison:
        shown["edpb_case"] = str(old.edpb_case or NONE_ALIKE)
    if old.pecr_unintelligible is not None:
        shown |= {"pecr_exempt": "yes", "pecr_unintelligible": old.pecr_unintelligible}
    shown |= {f"departure_{name}": reason for name, reason in old.departures.items()}
    return shown | factors_before(old) | _hold_fields(old.hold, times)


def _hold_fields(hold: LawEnforcementHold | None, times: Times) -> dict[str, str]:
    if hold is None:
        return {}
    return {
        "hold": "yes",
        "hold_asked_by": hold.asked_by,
        "hold_asked_at": times.typed(hold.asked_at),
        "hold_basis": hold.basis,
        "hold_review_on": times.typed(hold.review_on),
        **{f"stops_{basis}": "yes" for basis in hold.stops},
    }


def _answer(typed: Mapping[str, str], question: Question) -> Answer:
    chosen = typed.get(question, "")
    if chosen not in ("yes", "no"):
        return NOT_ASKED
    return Answer(yes=chosen == "yes", reasons=typed.get(f"{question}_reasons", "").strip())


def _edpb_case(chosen: str) -> int | None:
    if chosen in ("", NONE_ALIKE):
        return None
    numbers = {str(case.number): case.number for case in edpb_cases()}
    if chosen not in numbers:
        raise BadInput("there is no such case", place="EDPB case", remedy="Choose one.")
    return numbers[chosen]
