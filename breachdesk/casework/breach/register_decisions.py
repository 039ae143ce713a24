"""Build the register's fields for decisions: the current one, and those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breachdesk.gdpr.raised import get_answer, get_title, list_question_keys
from breachdesk.gdpr.regulators import answered_yes, list_applicable
from breachdesk.gdpr.severity import compute_level
from breachdesk.gdpr.tensions import GROUNDS
from schemas.casework.decision import Decision, DecisionAnswer, NotificationBasis
from schemas.casework.register import RegisterDecision, RegisterEarlierDecision


def build_decision_fields(decisions: Sequence[Decision]) -> dict[str, object]:
    """Build fields of RegisterEntry; empty without a decision."""
    if not decisions:
        return {}
    newest = decisions[-1]
    return {
        "decisions": [
            RegisterDecision(question=question, yes=answer.yes, reasons=answer.reasons)
            for question, answer in _list_answers(newest)
        ],
        "earlier_decisions": [_build_earlier(decision) for decision in decisions[:-1]],
        "pecr": "yes" if _is_telecoms_breach(newest) else "no",
        "risk": newest.risk,
        "high_risk": newest.high_risk,
        "severity": _format_severity(newest),
        "exemption": "; ".join(_list_exemptions(newest)),
        "exemption_evidence": "; ".join(
            evidence
            for evidence in (newest.art34_3_evidence, newest.pecr_unintelligible)
            if evidence
        ),
        "public_communication": newest.public_communication,
        **_build_hold_fields(newest),
    }


def _list_answers(decision: Decision) -> list[tuple[str, DecisionAnswer]]:
    keys = list_question_keys(decision)
    answers = [(get_title(key), get_answer(decision, key)) for key in keys]
    return [(title, answer) for title, answer in answers if answer.asked]


def _is_telecoms_breach(decision: Decision) -> bool:
    """Whether the decision finds that a rule on telecoms services covers a part of the breach."""
    yes = answered_yes(decision)
    applicable = list_applicable(decision=decision)
    return any(j.communication is NotificationBasis.PECR_5A3 and j.id in yes for j in applicable)


def _build_earlier(decision: Decision) -> RegisterEarlierDecision:
    return RegisterEarlierDecision(
        version=decision.version,
        decided_at=decision.decided_at,
        decided_by=decision.decided_by,
        answers={question: answer.yes for question, answer in _list_answers(decision)},
    )


def _list_exemptions(decision: Decision) -> Iterator[str]:
    if decision.art34_3_limb:
        yield f"Art. 34(3)({decision.art34_3_limb})"
    if decision.pecr_unintelligible is not None:
        yield "PECR regulation 5A, unintelligible data"


def _format_severity(decision: Decision) -> str:
    """Format the severity like `4.00, very high`."""
    score = decision.severity_score
    if score is None:
        return ""
    return f"{score:.2f}, {compute_level(round(score * 4)).value.replace('_', ' ')}"


def _build_hold_fields(decision: Decision) -> dict[str, object]:
    hold = decision.hold
    if hold is None:
        return {}
    stopped = ", ".join(GROUNDS[basis] for basis in sorted(hold.stops))
    return {
        "hold": f"{hold.basis}; review on {hold.review_on:%Y-%m-%d}; stops what is owed by {stopped}",
        "hold_asked_by": hold.asked_by,
        "hold_asked_at": hold.asked_at,
    }
