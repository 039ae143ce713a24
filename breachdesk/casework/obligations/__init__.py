"""Everything that a breach obliges us to, computed from its documents: nothing but an act ends one.

A report to a regulator is added by its jurisdiction. To add another obligation:

1. `schemas.casework.obligation.ObligationKind`: its name.
2. `kinds.RULES`: when it starts, when it is due, what ends it, on which page of the case, and
   whether it may be waived, by one person or by two. The same row goes into
   `docs/reference/obligations.md`; a test compares them.
3. A module of this package with a maker: a function that takes the `BreachDossier` and yields
   `making.obligation(...)`. It reads documents only. It yields ended obligations too, with the act
   that ended them. Its `id` is the kind's name, with what tells several apart after a colon
   (`contract_hours:contoso`). An obligation to tell readers is made by `telling.telling`.
4. `registry.MAKERS`: the maker.

Clocks, overview, closing, command line and metrics then show it, and waiving works.
"""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.obligations.dossier import build_dossier
from breachdesk.casework.obligations.kinds import KindRule, get_rule, list_rules
from breachdesk.casework.obligations.registry import compute_obligations, get_urgency_key
from breachdesk.casework.obligations.regulators import build_regulator_obligations, check_law
from breachdesk.casework.obligations.waivers import confirm_waiver, undo_waiver, waive_obligation
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.ports import UnitOfWork
from schemas.casework.obligation import Obligation


def list_obligations(uow: UnitOfWork, breach_id: str, now: datetime) -> tuple[Obligation, ...]:
    """List all obligations of the breach, the most urgent first, ended and waived ones last."""
    return compute_obligations(build_dossier(uow, breach_id, now))


def list_reports(uow: UnitOfWork, breach_id: str, now: datetime) -> tuple[Obligation, ...]:
    """List the reports to regulators alone, ordered as `list_obligations` does."""
    return compute_obligations(build_dossier(uow, breach_id, now), (build_regulator_obligations,))


def list_running(uow: UnitOfWork, now: datetime) -> tuple[Obligation, ...]:
    """List obligations that run in cases that are not closed, the most urgent first."""
    breaches = uow.breaches.list_of_open_cases()
    read_ahead(uow, breaches)
    running = [
        duty
        for breach in breaches
        for duty in list_obligations(uow, breach.id, now)
        if duty.running
    ]
    return tuple(sorted(running, key=get_urgency_key))


__all__ = [
    "KindRule",
    "check_law",
    "confirm_waiver",
    "get_rule",
    "get_urgency_key",
    "list_obligations",
    "list_reports",
    "list_rules",
    "list_running",
    "undo_waiver",
    "waive_obligation",
]
