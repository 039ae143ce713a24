"""Compare the last send attempt as recorded in the store and in the files next to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from schemas.casework.attempt import (
    AnnouncedAttempt,
    AttemptMarkers,
    BegunAttempt,
    HostIdentity,
    LastAttempt,
)

NEVER = "the store does not say where mail was last sent from: it is an earlier version's"
MISSING = "the files next to the store that record the last attempt are missing"
UNREADABLE = "the files next to the store that record the last attempt cannot be read"
OTHER_INSTALLATION = "the files next to the store are another installation's"
STORE_IS_OLDER = "the store lacks the last attempt that the files next to it record"
FILES_ARE_OLDER = "the files next to the store lack the last attempt that the store records"
PUT_BACK = "the data folder was copied or put back, or its files' owner, mode or label was changed"
PARTLY_OLDER = (
    "part of the store was put back: its notices do not know all the attempts that it tells of"
)
OTHER_MACHINE = "the data folder is on another machine than mail was last sent from"


class AttemptRecords(Protocol):
    """Files next to the store that record the last send attempt; one dispatcher writes them at a
    time.

    `*_changed` is the file's change time, which no program can set: a copied or restored file shows
    another value."""

    @property
    def host(self) -> HostIdentity: ...

    def read(self) -> AttemptMarkers:
        """Read the records; never raises."""
        ...

    def announce(self, announced: AnnouncedAttempt) -> int:
        """Replace the announcement; durable on return. Raises RetryableError, and the former
        stays."""
        ...

    def record_begin(self, begun: BegunAttempt) -> int:
        """Replace the record of the last begun attempt, as `announce` does."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptComparison:
    """What store and files say about the last attempt at one moment."""

    beside: AttemptMarkers
    is_shared: bool
    """Do several dispatchers, each with files of its own, send from the store?"""
    installation: str | None
    """The store's. None: not yet any, or the store is shared."""
    last: LastAttempt | None
    """Of the installation that the files name."""
    was_used: bool
    """Does the store have an installation, or hold notices of an earlier version's?"""
    host: HostIdentity
    tries: int = 0
    """How many attempts the store's notices tell of together. 0: not counted, the store is
    shared."""

    @property
    def fingerprint(self) -> str:
        """Stays the same until somebody writes or moves something; a restart changes nothing."""
        machine = (self.host.board, self.host.system)
        text = repr((self.beside, self.installation, self.last, self.tries, machine))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """Of the installation that the files name, for marks."""
        beside = self.beside
        named = beside.begun or beside.announced
        return named.installation if named else "none"

    @property
    def is_new(self) -> bool:
        """May the store be given an installation without a person's word?"""
        begun = self.beside.begun
        return not (self.was_used or self.beside.unreadable or (begun and begun.count))

    @property
    def doubt(self) -> str:
        """Why nothing may leave from here; empty: it may."""
        beside = self.beside
        if beside.unreadable:
            return UNREADABLE
        if not self.is_shared and self.installation is None:
            return STORE_IS_OLDER if beside.begun and beside.begun.count else NEVER
        if beside.begun is None or beside.announced is None:
            has_none = beside.begun is None and beside.announced is None
            return "" if self.is_shared and has_none else MISSING
        return self._compare_installation(beside.begun, beside.announced) or self._compare_sequence(
            beside.begun, beside.announced
        )

    def _compare_installation(self, begun: BegunAttempt, announced: AnnouncedAttempt) -> str:
        names = {begun.installation, announced.installation, self.installation or self.name}
        return OTHER_INSTALLATION if len(names) > 1 else ""

    def _compare_sequence(self, begun: BegunAttempt, announced: AnnouncedAttempt) -> str:
        last = self.last
        if last is None:
            return STORE_IS_OLDER if begun.count or not self.is_shared else ""
        why = _compare(announced, begun, self.beside, last)
        if not why and self.tries < last.tries:
            # SQLite plays a log that was left behind over a store that was put back.
            why = PARTLY_OLDER
        return why or (OTHER_MACHINE if self.host.is_other_host(last.host) else "")


def _compare(
    announced: AnnouncedAttempt, begun: BegunAttempt, beside: AttemptMarkers, last: LastAttempt
) -> str:
    """Check that the records agree, or differ exactly as a killed process leaves them."""
    if announced.count == last.count:
        return _compare_attempts(announced, begun, beside, last)
    if announced.count == last.count + 1 and begun.attempt == last.attempt == announced.previous:
        # Killed, or refused, before intent was written.
        return "" if beside.begun_changed == announced.begun_changed else PUT_BACK
    return STORE_IS_OLDER if announced.count > last.count else FILES_ARE_OLDER


def _compare_attempts(
    announced: AnnouncedAttempt, begun: BegunAttempt, beside: AttemptMarkers, last: LastAttempt
) -> str:
    if announced.attempt != last.attempt or begun.count > last.count:
        return STORE_IS_OLDER
    if begun.attempt not in (announced.attempt, announced.previous):
        return FILES_ARE_OLDER
    return "" if beside.announced_changed == last.announced_changed else PUT_BACK
