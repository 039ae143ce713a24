"""Telling the people whose data we are controller of, where a high risk to them is likely."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import provision
from breachdesk.casework.obligations.telling import telling
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind


def people(dossier: Dossier) -> Iterator[Obligation]:
    """Art. 34(1). A hold that stops it leaves the review of the hold in its place."""
    if is_owed(dossier, Basis.ART34):
        law = provision(dossier, "uk_gdpr_art34_1")
        yield telling(
            dossier,
            ObligationKind.ART34_PEOPLE,
            Basis.ART34,
            title=f"Tell the people affected ({law.article})",
            law=law,
            note=None if dossier.decision else "Owed only if a high risk to people is likely.",
        )
