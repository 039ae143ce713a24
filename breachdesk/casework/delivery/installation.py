"""Detect a store that is a copy, an older state or another installation's, and hold its mail.

The store and two files next to it each record the last send attempt. One attempt is written in four
steps: the announcement next to the store; intent in the store, with the moment at which the
announcement's file changed; the record of the begun attempt next to the store; then the letter
leaves. Wherever a process is killed, the three agree up to one step. Any other difference means
that something was restored or copied: all mail waits for a person
(docs/adr/0004-copies-and-restores.md)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from breachdesk.casework.delivery.attempt_comparison import AttemptComparison, AttemptRecords
from breachdesk.ports import UnitOfWork
from schemas.casework.attempt import (
    AnnouncedAttempt,
    AttemptMarkers,
    BegunAttempt,
    HostIdentity,
    LastAttempt,
)

INSTALLATION = "dispatch-installation"
"""Mark of a store in a data folder: the installation that sends from it."""
LAST = "dispatch-attempt:"
DOUBT = "dispatch-doubt:"
ACCEPTED = "accepted "


class SendingInstallation:
    """One dispatcher's place to send from. `shared`: several dispatchers, each with files of its
    own, send from one store; one without files is new, not a copy."""

    def __init__(self, files: AttemptRecords, *, shared: bool) -> None:
        self._files = files
        self._shared = shared
        self._announced: tuple[AnnouncedAttempt, int] | None = None

    def establish(self, uow: UnitOfWork, now: datetime) -> None:
        """Give a store that never held a notice its installation. Does nothing to another one."""
        if self.is_new(uow):
            self._renew_installation(uow, now)

    def is_new(self, uow: UnitOfWork) -> bool:
        """Whether `establish` would change anything."""
        return self.compare_attempts(uow).is_new

    def compare_attempts(self, uow: UnitOfWork) -> AttemptComparison:
        """Compare the last attempt in the store and in the files now."""
        beside = self._files.read()
        installation = None if self._shared else uow.marks.get(INSTALLATION)
        was_used = self._shared or bool(installation) or any(uow.notices.count_by_status().values())
        account = AttemptComparison(
            beside=beside,
            is_shared=self._shared,
            installation=installation,
            last=None,
            was_used=was_used,
            host=self._files.host,
            tries=self._count_attempts(uow),
        )
        return replace(account, last=_find_last_attempt(uow, account.name))

    def must_settle(self, uow: UnitOfWork) -> bool:
        """Whether a doubt is not yet recorded, or was accepted by a person."""
        account = self.compare_attempts(uow)
        return bool(account.doubt) and uow.marks.get(DOUBT + account.name) != account.fingerprint

    def settle(self, uow: UnitOfWork, now: datetime) -> str:
        """Record a doubt for a person to accept, or start new records after an accepted one.
        Returns the doubt that remains."""
        account = self.compare_attempts(uow)
        why = account.doubt
        if not why:
            return ""
        if account.is_new:
            self._renew_installation(uow, now)
            return ""
        mark = DOUBT + account.name
        if uow.marks.get(mark) == ACCEPTED + account.fingerprint:
            uow.marks.set(mark, "")
            self._renew_installation(uow, now)
            return ""
        uow.marks.set(mark, account.fingerprint)
        return why

    def note_doubt(self, uow: UnitOfWork) -> str:
        """Record a doubt as `settle` does, but write nothing next to the store; for readers."""
        account = self.compare_attempts(uow)
        mark = DOUBT + account.name
        is_accepted = uow.marks.get(mark) == ACCEPTED + account.fingerprint
        if not account.doubt or account.is_new or is_accepted:
            return ""
        uow.marks.set(mark, account.fingerprint)
        return account.doubt

    def announce(self, uow: UnitOfWork, attempt: str, now: datetime) -> bool:
        """Write the attempt that is about to begin next to the store. False: do not begin. Raises
        RetryableError when it cannot be written."""
        account = self.compare_attempts(uow)
        beside, last = account.beside, account.last
        if account.doubt:
            return False
        if beside.begun is None:
            beside = self._build_first_files(now)
            last = None
        begun = beside.begun
        assert begun is not None, "without a doubt there is one, or it was just written"
        begun_changed = beside.begun_changed
        if last is not None and begun.attempt != last.attempt:
            begun = _to_begun(begun.installation, last)
            begun_changed = self._files.record_begin(begun)
        announced = AnnouncedAttempt(
            installation=begun.installation,
            count=begun.count + 1,
            attempt=attempt,
            at=now,
            previous=begun.attempt,
            begun_changed=begun_changed,
        )
        self._announced = (announced, self._files.announce(announced))
        return True

    def write(self, uow: UnitOfWork) -> bool:
        """Record the announced attempt in the transaction that writes intent. False: store or files
        changed since the announcement."""
        assert self._announced is not None, "announced before it is written"
        announced, changed = self._announced
        beside, last = self._files.read(), _find_last_attempt(uow, announced.installation)
        known = last.attempt if last else None
        is_first = announced.count == 1 and known is None and self._shared
        if (beside.announced, beside.announced_changed) != (announced, changed):
            return False
        if known != announced.previous and not is_first:
            return False
        # This one is written on its notice in the same transaction.
        tries = 0 if self._shared else self._count_attempts(uow) + 1
        _save_last_attempt(uow, announced, changed, self._files.host, tries)
        return True

    def confirm(self) -> None:
        """Record next to the store that the attempt has begun; intent is committed. Raises
        RetryableError when it cannot be written; then the letter must not leave."""
        assert self._announced is not None, "announced before it is confirmed"
        announced = self._announced[0]
        self._files.record_begin(
            BegunAttempt(
                installation=announced.installation,
                count=announced.count,
                attempt=announced.attempt,
                at=announced.at,
            )
        )

    def _renew_installation(self, uow: UnitOfWork, now: datetime) -> None:
        beside = self._build_first_files(now)
        assert beside.announced is not None, "just written"
        if not self._shared:
            uow.marks.set(INSTALLATION, beside.announced.installation)
        changed = beside.announced_changed
        _save_last_attempt(
            uow, beside.announced, changed, self._files.host, self._count_attempts(uow)
        )

    def _count_attempts(self, uow: UnitOfWork) -> int:
        """Count the store's attempts; 0 for a database server, which cannot be restored in part."""
        return 0 if self._shared else uow.notices.count_attempts()

    def _build_first_files(self, now: datetime) -> AttemptMarkers:
        """Build the files of an installation that never sent: its attempt 0 is its
        establishment."""
        name, attempt = uuid.uuid4().hex[:16], uuid.uuid4().hex
        begun = BegunAttempt(installation=name, count=0, attempt=attempt, at=now)
        changed = self._files.record_begin(begun)
        announced = AnnouncedAttempt(
            installation=name, count=0, attempt=attempt, at=now, previous="", begun_changed=changed
        )
        return AttemptMarkers(
            announced=announced,
            announced_changed=self._files.announce(announced),
            begun=begun,
            begun_changed=changed,
        )


def accept_installation(uow: UnitOfWork) -> int:
    """Accept the doubts found until now, after a person has checked; later ones are not accepted.
    Returns how many there were."""
    names = [name for name in uow.marks.list_names(DOUBT) if _is_open(uow.marks.get(name) or "")]
    for name in names:
        uow.marks.set(name, f"{ACCEPTED}{uow.marks.get(name)}")
    return len(names)


def _is_open(doubt: str) -> bool:
    return bool(doubt) and not doubt.startswith(ACCEPTED)


def _to_begun(installation: str, last: LastAttempt) -> BegunAttempt:
    return BegunAttempt(
        installation=installation, count=last.count, attempt=last.attempt, at=last.at
    )


def _find_last_attempt(uow: UnitOfWork, installation: str) -> LastAttempt | None:
    text = uow.marks.get(LAST + installation)
    return LastAttempt.model_validate_json(text) if text else None


def _save_last_attempt(
    uow: UnitOfWork, announced: AnnouncedAttempt, changed: int, host: HostIdentity, tries: int
) -> None:
    last = LastAttempt(
        count=announced.count,
        attempt=announced.attempt,
        at=announced.at,
        announced_changed=changed,
        host=host,
        tries=tries,
    )
    uow.marks.set(LAST + announced.installation, last.model_dump_json())
