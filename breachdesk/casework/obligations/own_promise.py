"""Obligation to notify customers because our own policy promises it, whatever the risk."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.grounds import is_owed
from breachdesk.casework.obligations.making import get_provision
from breachdesk.casework.obligations.telling import build_telling_obligation
from schemas.casework.decision import NotificationBasis
from schemas.casework.obligation import Obligation, ObligationKind

UNDECIDED = "It falls away if the decision finds that no promise of ours binds."


def build_promise_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation unless the decision finds that no promise of ours binds."""
    if is_owed(dossier, NotificationBasis.OWN_PROMISE):
        yield build_telling_obligation(
            dossier,
            ObligationKind.OWN_PROMISE,
            NotificationBasis.OWN_PROMISE,
            title="Our own promise to customers",
            law=get_provision(dossier, "own_promise"),
            note=None if dossier.decision else UNDECIDED,
        )
