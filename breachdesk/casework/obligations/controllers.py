"""Telling our customers as controllers of what they store with us."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import provision
from breachdesk.casework.obligations.telling import telling
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind


def controllers(dossier: Dossier) -> Iterator[Obligation]:
    """Art. 33(2). Owed whatever the risk, and whatever was decided."""
    if is_owed(dossier, Basis.ART33_2):
        law = provision(dossier, "uk_gdpr_art33_2")
        yield telling(
            dossier,
            ObligationKind.CONTROLLERS_ART33_2,
            Basis.ART33_2,
            title=f"Tell our customers as controllers ({law.article})",
            law=law,
            note="Owed whatever the risk.",
        )
