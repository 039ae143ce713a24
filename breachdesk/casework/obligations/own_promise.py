"""Telling customers because our own policy promises it, whatever the risk."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import provision
from breachdesk.casework.obligations.telling import telling
from schemas.decision import Basis
from schemas.obligation import Obligation, ObligationKind

UNDECIDED = "It falls away if the decision finds that no promise of ours binds."


def own_promise(dossier: Dossier) -> Iterator[Obligation]:
    """Owed unless the decision finds that no promise of ours binds."""
    if is_owed(dossier, Basis.OWN_PROMISE):
        yield telling(
            dossier,
            ObligationKind.OWN_PROMISE,
            Basis.OWN_PROMISE,
            title="Our own promise to customers",
            law=provision(dossier, "own_promise"),
            note=None if dossier.decision else UNDECIDED,
        )
