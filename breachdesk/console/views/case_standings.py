"""Read the next step and the duties of each case; they are computed again only after a change.

A list shows dozens of cases, and to compute the next step of one reads its whole file. What was
computed is kept with the case's stamp (`CaseBook.compute_stamps`), the day and the law, on which
alone it depends."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from breachdesk.case_ports import CaseCounts
from breachdesk.console.views.case_progress import CaseStep, find_next_step
from breachdesk.console.views.case_view import CaseFile, read_unnamed
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case
from schemas.casework.obligation import Obligation
from schemas.law import LawBook

MAX_CACHED = 2_000
"""Cases; a standing takes a few kilobytes."""


@dataclass(frozen=True)
class CaseStanding:
    """What lists show of a case."""

    next_step: CaseStep | None
    """None: it is closed."""
    running: tuple[Obligation, ...] = ()
    """Duties of its breach that run, the most pressing first."""


@dataclass(frozen=True, slots=True)
class _StandingKey:
    """All that a standing depends on."""

    stamp: str
    day: date
    law: LawBook

    def is_equivalent(self, other: _StandingKey) -> bool:
        return (self.stamp, self.day) == (other.stamp, other.day) and self.law is other.law


class CaseStandings:
    """Of the cases asked for last. Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[_StandingKey, CaseStanding]] = OrderedDict()
        self._lock = threading.Lock()

    def read_standings(
        self, uow: UnitOfWork, cases: Sequence[Case], now: datetime
    ) -> Mapping[str, CaseStanding]:
        """By case."""
        stamps = uow.cases.compute_stamps([case.id for case in cases])
        keys = {case.id: _StandingKey(stamps[case.id], now.date(), uow.law) for case in cases}
        standings = {case.id: self._find_cached(case.id, keys[case.id]) for case in cases}
        stale = [case for case in cases if standings[case.id] is None]
        _read_ahead(uow, stale)
        for case in stale:
            standing = _compute_standing(read_unnamed(uow, case, now))
            standings[case.id] = standing
            self._add_cached(case.id, keys[case.id], standing)
        return {
            case_id: standing for case_id, standing in standings.items() if standing is not None
        }

    def _find_cached(self, case_id: str, seal: _StandingKey) -> CaseStanding | None:
        """None: it has to be computed."""
        with self._lock:
            cached = self._kept.get(case_id)
            if cached is None or not cached[0].is_equivalent(seal):
                return None
            self._kept.move_to_end(case_id)
            return cached[1]

    def _add_cached(self, case_id: str, seal: _StandingKey, standing: CaseStanding) -> None:
        with self._lock:
            self._kept[case_id] = seal, standing
            self._kept.move_to_end(case_id)
            while len(self._kept) > MAX_CACHED:
                self._kept.popitem(last=False)


def count_cases(uow: UnitOfWork) -> CaseCounts:
    """Count all cases and their open tasks. Two entries of the navigation share the answer."""
    return uow.cases.count_all()


def _read_ahead(uow: UnitOfWork, cases: Sequence[Case]) -> None:
    """What all of them need, in a few statements."""
    case_ids = [case.id for case in cases]
    breach_ids = [case.breach_id for case in cases if case.breach_id is not None]
    uow.cases.read_ahead(case_ids)
    uow.records.read_ahead(case_ids)
    uow.breaches.read_ahead(breach_ids)
    uow.notices.read_ahead(breach_ids)


def _compute_standing(file: CaseFile) -> CaseStanding:
    """Of the duties without their readers, whom lists do not name."""
    running = (duty.model_copy(update={"owed": ()}) for duty in file.obligations if duty.running)
    return CaseStanding(find_next_step(file), tuple(running))
