"""Obligations to notify people who are not customers, where a high risk to people is likely."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.affected.group_records import format_group_kind, list_affected
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation, get_provision
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind


def build_group_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each group, under Art. 34 alone: no commitment of ours covers them.
    Before the decision they may be owed it; a hold on Art. 34 replaces it with the review of the
    hold."""
    decision = dossier.decision
    if decision is not None:
        is_held = decision.hold is not None and NotificationBasis.ART34 in decision.hold.stops
        answer = decision.tell_people
        if is_held or (answer.asked and not answer.yes):
            return
    for group in list_affected(dossier.uow, dossier.case.id):
        yield _build_obligation(dossier, group)


def _build_obligation(dossier: BreachDossier, group: AffectedGroup) -> Obligation:
    not_told = group.not_told
    ended_at = not_told.decided_at if not_told else group.told_at
    ended_by = f"{group.told:,} told by other means than our letters"
    if not_told is not None:
        ended_by = f"not told, as {not_told.decided_by} decided with reasons"
    return build_obligation(
        dossier,
        ObligationKind.ART34_GROUP,
        id=f"art34_group:{group.id}",
        title=f"Tell people who are no customers: {format_group_kind(group)}",
        started_at=dossier.breach.aware_at,
        ended_at=ended_at,
        ended_by=ended_by if ended_at else None,
        law=get_provision(dossier, "uk_gdpr_art34_1"),
        note=None if _is_decided(dossier) else "Owed only if a high risk to people is likely.",
    )


def _is_decided(dossier: BreachDossier) -> bool:
    """Whether the decision covers the group: it may be older, and not have asked."""
    return dossier.decision is not None and dossier.decision.tell_people.asked
