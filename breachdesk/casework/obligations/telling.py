"""Obligations that end when the last of some readers was told."""

from __future__ import annotations

from typing import Any

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import readers_by
from breachdesk.casework.obligations.making import obligation
from breachdesk.casework.obligations.readers import told
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind


def telling(dossier: Dossier, kind: ObligationKind, basis: Basis, **said: Any) -> Obligation:
    """Runs from awareness until each who is told on this ground was told; before the list is
    frozen nobody knows who they are, and it runs."""
    stands = told(dossier, readers_by(dossier, basis))
    return obligation(
        dossier,
        kind,
        started_at=dossier.breach.aware_at,
        ended_at=stands.at,
        ended_by=stands.how,
        owed=stands.owed,
        **said,
    )
