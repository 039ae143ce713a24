"""Telling the subscribers and users of a telecoms service."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import provision
from breachdesk.casework.obligations.telling import telling
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind


def subscribers(dossier: Dossier) -> Iterator[Obligation]:
    """PECR reg. 5A(3). Owed once the decision says that an adverse effect is likely."""
    if is_owed(dossier, Basis.PECR_5A3):
        law = provision(dossier, "pecr_5a_3")
        yield telling(
            dossier,
            ObligationKind.PECR_SUBSCRIBERS,
            Basis.PECR_5A3,
            title=f"Tell the subscribers ({law.article})",
            law=law,
        )
