"""Where cases stand: the next step and the duties of each, computed anew only when it changed.

A list shows dozens of cases, and to compute where one stands reads its whole file. What was computed
is kept with the case's stamp (`CaseBook.stamps`), the day and the law, on which alone it depends.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from breachdesk.console.case_file import CaseFile, read_unnamed
from breachdesk.console.way import Step, next_step
from breachdesk.ports import UnitOfWork
from schemas.case import Case
from schemas.law import LawBook
from schemas.obligation import Obligation

KEPT = 2_000
"""Cases; a standing takes a few kilobytes."""


@dataclass(frozen=True)
class Standing:
    """What lists show of a case."""

    next_step: Step | None
    """None: it is closed."""
    running: tuple[Obligation, ...] = ()
    """Duties of its breach that run, the most pressing first."""


@dataclass(frozen=True, slots=True)
class _Seal:
    """All that a standing depends on."""

    stamp: str
    day: date
    law: LawBook

    def fits(self, other: _Seal) -> bool:
        return (self.stamp, self.day) == (other.stamp, other.day) and self.law is other.law


class Standings:
    """Of the cases asked for last. Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[_Seal, Standing]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, uow: UnitOfWork, cases: Sequence[Case], now: datetime) -> Mapping[str, Standing]:
        """By case."""
        stamps = uow.cases.stamps([case.id for case in cases])
        wanted = {case.id: _Seal(stamps[case.id], now.date(), uow.law) for case in cases}
        found = {case.id: self._of(case.id, wanted[case.id]) for case in cases}
        stale = [case for case in cases if found[case.id] is None]
        _read_ahead(uow, stale)
        for case in stale:
            standing = _standing(read_unnamed(uow, case, now))
            found[case.id] = standing
            self._keep(case.id, wanted[case.id], standing)
        return {case_id: standing for case_id, standing in found.items() if standing is not None}

    def _of(self, case_id: str, seal: _Seal) -> Standing | None:
        """None: it has to be computed."""
        with self._lock:
            kept = self._kept.get(case_id)
            if kept is None or not kept[0].fits(seal):
                return None
            self._kept.move_to_end(case_id)
            return kept[1]

    def _keep(self, case_id: str, seal: _Seal, standing: Standing) -> None:
        with self._lock:
            self._kept[case_id] = seal, standing
            self._kept.move_to_end(case_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _read_ahead(uow: UnitOfWork, cases: Sequence[Case]) -> None:
    """What all of them need, in a few statements."""
    case_ids = [case.id for case in cases]
    breach_ids = [case.breach_id for case in cases if case.breach_id is not None]
    uow.cases.read_ahead(case_ids)
    uow.records.read_ahead(case_ids)
    uow.breaches.read_ahead(breach_ids)
    uow.notices.read_ahead(breach_ids)


def _standing(file: CaseFile) -> Standing:
    """Of the duties without their readers, whom lists do not name."""
    running = (duty.model_copy(update={"owed": ()}) for duty in file.obligations if duty.running)
    return Standing(next_step(file), tuple(running))
