"""A law-enforcement hold is looked at again on its review date; only a new decision does that."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.making import obligation, provision
from schemas.decision import Decision, LawEnforcementHold
from schemas.obligation import Obligation, ObligationKind


def hold_review(dossier: Dossier) -> Iterator[Obligation]:
    """One for each hold, or review date of it, in the order of the decisions."""
    first: Decision | None = None
    for decision in dossier.decisions:
        if first is not None and decision.hold != first.hold:
            yield _review(dossier, first, decision)
            first = None
        if first is None and decision.hold is not None:
            first = decision
    if first is not None:
        yield _review(dossier, first, None)


def _review(dossier: Dossier, first: Decision, ending: Decision | None) -> Obligation:
    hold = first.hold
    assert hold is not None
    return obligation(
        dossier,
        ObligationKind.HOLD_REVIEW,
        id=f"hold_review:v{first.version}",
        title="Look at the law-enforcement hold again",
        started_at=first.decided_at,
        due=hold.review_on,
        ended_at=ending.decided_at if ending else None,
        ended_by=_how(ending) if ending else None,
        law=provision(dossier, "dpa2018_sch2_para2"),
        note=f"Decision {first.version}, by {first.decided_by}. "
        "The letters that it stops wait. The report to the regulator does not.",
    )


def _how(ending: Decision) -> str:
    by = f"decision {ending.version}, by {ending.decided_by}"
    hold: LawEnforcementHold | None = ending.hold
    return f"hold changed or prolonged, {by}" if hold else f"hold lifted, {by}"
