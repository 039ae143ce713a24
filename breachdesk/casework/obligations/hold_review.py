"""Obligation to review a law-enforcement hold on its review date; only a new decision ends it."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation, get_provision
from schemas.casework.decision import Decision, LawEnforcementHold
from schemas.casework.obligation import Obligation, ObligationKind


def build_hold_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each hold, or review date of it, in the order of the decisions."""
    first: Decision | None = None
    for decision in dossier.decisions:
        if first is not None and decision.hold != first.hold:
            yield _build_review(dossier, first, decision)
            first = None
        if first is None and decision.hold is not None:
            first = decision
    if first is not None:
        yield _build_review(dossier, first, None)


def _build_review(dossier: BreachDossier, first: Decision, ending: Decision | None) -> Obligation:
    hold = first.hold
    assert hold is not None
    return build_obligation(
        dossier,
        ObligationKind.HOLD_REVIEW,
        id=f"hold_review:v{first.version}",
        title="Look at the law-enforcement hold again",
        started_at=first.decided_at,
        due=hold.review_on,
        ended_at=ending.decided_at if ending else None,
        ended_by=_describe_ending(ending) if ending else None,
        law=get_provision(dossier, "dpa2018_sch2_para2"),
        note=f"Decision {first.version}, by {first.decided_by}. "
        "The letters that it stops wait. The report to the regulator does not.",
    )


def _describe_ending(ending: Decision) -> str:
    by = f"decision {ending.version}, by {ending.decided_by}"
    hold: LawEnforcementHold | None = ending.hold
    return f"hold changed or prolonged, {by}" if hold else f"hold lifted, {by}"
