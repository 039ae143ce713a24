"""Obligation to notify the people whose data we are controller of, where a high risk to them is
likely."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import get_provision
from breachdesk.casework.obligations.telling import build_telling_obligation
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind


def build_people_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation of Art. 34(1). A hold replaces it with the review of the hold."""
    if is_owed(dossier, NotificationBasis.ART34):
        law = get_provision(dossier, "uk_gdpr_art34_1")
        yield build_telling_obligation(
            dossier,
            ObligationKind.ART34_PEOPLE,
            NotificationBasis.ART34,
            title=f"Tell the people affected ({law.article})",
            law=law,
            note=None if dossier.decision else "Owed only if a high risk to people is likely.",
        )
