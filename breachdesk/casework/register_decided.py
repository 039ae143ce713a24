"""What the register keeps of the decisions: the one that holds, and those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breachdesk.gdpr.raised import TITLES, Question
from breachdesk.gdpr.severity import level
from breachdesk.gdpr.tensions import GROUNDS
from schemas.decision import Answer, Decision
from schemas.register import RegisterDecision, RegisterEarlierDecision


def decided(decisions: Sequence[Decision]) -> dict[str, object]:
    """Fields of RegisterEntry; empty: nobody has decided."""
    if not decisions:
        return {}
    newest = decisions[-1]
    return {
        "decisions": [
            RegisterDecision(question=question, yes=answer.yes, reasons=answer.reasons)
            for question, answer in _answers(newest)
        ],
        "earlier_decisions": [_earlier(decision) for decision in decisions[:-1]],
        "pecr": "yes" if newest.pecr.yes else "no",
        "risk": newest.risk,
        "high_risk": newest.high_risk,
        "severity": _severity(newest),
        "exemption": "; ".join(_exemptions(newest)),
        "exemption_evidence": "; ".join(
            evidence
            for evidence in (newest.art34_3_evidence, newest.pecr_unintelligible)
            if evidence
        ),
        "public_communication": newest.public_communication,
        **_hold(newest),
    }


def _answers(decision: Decision) -> list[tuple[str, Answer]]:
    answers = [(TITLES[question], getattr(decision, question)) for question in Question]
    return [(title, answer) for title, answer in answers if answer.asked]


def _earlier(decision: Decision) -> RegisterEarlierDecision:
    return RegisterEarlierDecision(
        version=decision.version,
        decided_at=decision.decided_at,
        decided_by=decision.decided_by,
        answers={question: answer.yes for question, answer in _answers(decision)},
    )


def _exemptions(decision: Decision) -> Iterator[str]:
    if decision.art34_3_limb:
        yield f"Art. 34(3)({decision.art34_3_limb})"
    if decision.pecr_unintelligible is not None:
        yield "PECR regulation 5A, unintelligible data"


def _severity(decision: Decision) -> str:
    """`4.00, very high`"""
    score = decision.severity_score
    if score is None:
        return ""
    return f"{score:.2f}, {level(round(score * 4)).value.replace('_', ' ')}"


def _hold(decision: Decision) -> dict[str, object]:
    hold = decision.hold
    if hold is None:
        return {}
    stopped = ", ".join(GROUNDS[basis] for basis in sorted(hold.stops))
    return {
        "hold": f"{hold.basis}; review on {hold.review_on:%Y-%m-%d}; stops what is owed by {stopped}",
        "hold_asked_by": hold.asked_by,
        "hold_asked_at": hold.asked_at,
    }
