"""Obligations that end when the last of some readers was told."""

from __future__ import annotations

from typing import Any

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import readers_by
from breachdesk.casework.obligations.making import obligation
from breachdesk.casework.obligations.readers import Told, told
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind


def telling(dossier: Dossier, kind: ObligationKind, basis: Basis, **said: Any) -> Obligation:
    """Runs from awareness until each who is told on this ground was told; before the list is
    frozen nobody knows who they are, and it runs."""
    stands = told(dossier, readers_by(dossier, basis)) or Told((), None, 0, by_telephone=False)
    return obligation(
        dossier,
        kind,
        started_at=dossier.breach.aware_at,
        ended_at=stands.at,
        ended_by=_how(stands) if stands.at else None,
        owed=stands.owed,
        **said,
    )


def _how(stands: Told) -> str:
    who = "the only reader was" if stands.count == 1 else f"all {stands.count} readers were"
    return f"{who} written to or telephoned" if stands.by_telephone else f"{who} written to"
