"""Everything that a breach obliges us to, computed from its documents: nothing but an act ends one.

To add a duty:

1. `schemas.obligation.ObligationKind`: its name.
2. `kinds.RULES`: when it starts, when it is due, what ends it, on which page of the case, and
   whether it may be waived, by one person or by two. The same row goes into
   `docs/reference/obligations.md`; a test compares them.
3. A module of this package with a maker: a function that takes the `Dossier` and yields
   `making.obligation(...)`. It reads documents only. It yields ended obligations too, with the act
   that ended them. Its `id` is the kind's name, with what tells several apart after a colon
   (`contract_hours:contoso`). An obligation to tell readers is made by `telling.telling`.
4. `registry.MAKERS`: the maker.

Clocks, overview, closing, command line and metrics then show it, and waiving works.
"""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.obligations.dossier import dossier_of
from breachdesk.casework.obligations.kinds import RULES, KindRule
from breachdesk.casework.obligations.registry import computed, urgency
from breachdesk.casework.obligations.regulators import check_law, regulators
from breachdesk.casework.obligations.waivers import confirm_waiver, undo_waiver, waive
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.ports import UnitOfWork
from schemas.obligation import Obligation


def obligations_of(uow: UnitOfWork, breach_id: str, now: datetime) -> tuple[Obligation, ...]:
    """All of the breach, the most pressing first, ended and waived ones last."""
    return computed(dossier_of(uow, breach_id, now))


def reports_of(uow: UnitOfWork, breach_id: str, now: datetime) -> tuple[Obligation, ...]:
    """As `obligations_of`, the reports to regulators alone."""
    return computed(dossier_of(uow, breach_id, now), (regulators,))


def overview(uow: UnitOfWork, now: datetime) -> tuple[Obligation, ...]:
    """Those that run in cases that are not closed, the most pressing first."""
    breaches = uow.breaches.of_open_cases()
    read_ahead(uow, breaches)
    running = [
        duty for breach in breaches for duty in obligations_of(uow, breach.id, now) if duty.running
    ]
    return tuple(sorted(running, key=urgency))


__all__ = [
    "RULES",
    "KindRule",
    "check_law",
    "confirm_waiver",
    "obligations_of",
    "overview",
    "reports_of",
    "undo_waiver",
    "urgency",
    "waive",
]
