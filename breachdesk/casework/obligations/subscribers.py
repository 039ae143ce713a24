"""Obligation to notify the subscribers and users of a telecoms service."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import get_provision
from breachdesk.casework.obligations.telling import build_telling_obligation
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind


def build_subscriber_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation of PECR reg. 5A(3) once the decision says that an adverse effect is
    likely."""
    if is_owed(dossier, NotificationBasis.PECR_5A3):
        law = get_provision(dossier, "pecr_5a_3")
        yield build_telling_obligation(
            dossier,
            ObligationKind.PECR_SUBSCRIBERS,
            NotificationBasis.PECR_5A3,
            title=f"Tell the subscribers ({law.article})",
            law=law,
        )
