"""Obligations that end when the last of some readers was notified."""

from __future__ import annotations

from typing import Any

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.grounds import select_by_basis
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.casework.obligations.readers import compute_progress
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind


def build_telling_obligation(
    dossier: BreachDossier, kind: ObligationKind, basis: NotificationBasis, **fields: Any
) -> Obligation:
    """Build an obligation that runs from awareness until each reader on this ground was notified;
    before the list is frozen the readers are unknown, and it runs."""
    progress = compute_progress(dossier, select_by_basis(dossier, basis))
    return build_obligation(
        dossier,
        kind,
        started_at=dossier.breach.aware_at,
        ended_at=progress.at,
        ended_by=progress.how,
        owed=progress.owed,
        **fields,
    )
