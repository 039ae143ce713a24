"""Obligation to notify customers, as controllers, of what they store with us."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import get_provision
from breachdesk.casework.obligations.telling import build_telling_obligation
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind


def build_controller_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation of Art. 33(2), owed whatever the risk and the decision."""
    if is_owed(dossier, NotificationBasis.ART33_2):
        law = get_provision(dossier, "uk_gdpr_art33_2")
        yield build_telling_obligation(
            dossier,
            ObligationKind.CONTROLLERS_ART33_2,
            NotificationBasis.ART33_2,
            title=f"Tell our customers as controllers ({law.article})",
            law=law,
            note="Owed whatever the risk.",
        )
