"""Is this store the one that mail was last sent from, or a copy, an older state, another's?

The store and two files beside it each tell of the last attempt to send. One attempt is written in
four steps: the announcement beside the store; intent in the store, with the moment at which the
announcement's file changed; the record of the begun attempt beside the store; then the letter
leaves. So wherever a process was killed the three agree up to one step, and whatever else is found
was put back or copied: all mail waits for a person (docs/adr/0004-copies-and-restores.md).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from breachdesk.casework.attempt_account import Account, AttemptFiles
from breachdesk.ports import UnitOfWork
from schemas.attempt import Announced, Begun, BesideStore, Host, LastAttempt

INSTALLATION = "dispatch-installation"
"""Mark of a store in a data folder: the installation that sends from it."""
LAST = "dispatch-attempt:"
DOUBT = "dispatch-doubt:"
ACCEPTED = "accepted "


class Installation:
    """One dispatcher's place to send from. `shared`: several dispatchers, each with files of its
    own, send from one store; one without files is new, not a copy."""

    def __init__(self, files: AttemptFiles, *, shared: bool) -> None:
        self._files = files
        self._shared = shared
        self._announced: tuple[Announced, int] | None = None

    def establish(self, uow: UnitOfWork, now: datetime) -> None:
        """Give a store that never held a notice its installation. Does nothing to another one."""
        if self.is_new(uow):
            self._begin_anew(uow, now)

    def is_new(self, uow: UnitOfWork) -> bool:
        """Would `establish` do anything?"""
        return self.account(uow).is_new

    def account(self, uow: UnitOfWork) -> Account:
        """What store and files tell now."""
        beside = self._files.read()
        installation = None if self._shared else uow.marks.get(INSTALLATION)
        was_used = self._shared or bool(installation) or any(uow.notices.counts().values())
        account = Account(
            beside=beside,
            is_shared=self._shared,
            installation=installation,
            last=None,
            was_used=was_used,
            host=self._files.host,
            tries=self._tries(uow),
        )
        return replace(account, last=_last(uow, account.name))

    def must_settle(self, uow: UnitOfWork) -> bool:
        """Is there a doubt that is not written down, or that a person has accepted?"""
        account = self.account(uow)
        return bool(account.doubt) and uow.marks.get(DOUBT + account.name) != account.fingerprint

    def settle(self, uow: UnitOfWork, now: datetime) -> str:
        """Write a doubt down, for a person to accept; begin anew after an accepted one. Returns the
        doubt that stands."""
        account = self.account(uow)
        why = account.doubt
        if not why:
            return ""
        if account.is_new:
            self._begin_anew(uow, now)
            return ""
        mark = DOUBT + account.name
        if uow.marks.get(mark) == ACCEPTED + account.fingerprint:
            uow.marks.set(mark, "")
            self._begin_anew(uow, now)
            return ""
        uow.marks.set(mark, account.fingerprint)
        return why

    def note_doubt(self, uow: UnitOfWork) -> str:
        """As `settle` for who only looks: writes nothing beside the store."""
        account = self.account(uow)
        mark = DOUBT + account.name
        is_accepted = uow.marks.get(mark) == ACCEPTED + account.fingerprint
        if not account.doubt or account.is_new or is_accepted:
            return ""
        uow.marks.set(mark, account.fingerprint)
        return account.doubt

    def announce(self, uow: UnitOfWork, attempt: str, now: datetime) -> bool:
        """Write the attempt that is about to begin beside the store. False: do not begin. Raises
        Retryable when it cannot be written."""
        account = self.account(uow)
        beside, last = account.beside, account.last
        if account.doubt:
            return False
        if beside.begun is None:
            beside = self._first_files(now)
            last = None
        begun = beside.begun
        assert begun is not None, "without a doubt there is one, or it was just written"
        begun_changed = beside.begun_changed
        if last is not None and begun.attempt != last.attempt:
            begun = _begun(begun.installation, last)
            begun_changed = self._files.begin(begun)
        announced = Announced(
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
        """In the transaction that writes intent: note the announced attempt. False: store or files
        are not what they were when it was announced."""
        assert self._announced is not None, "announced before it is written"
        announced, changed = self._announced
        beside, last = self._files.read(), _last(uow, announced.installation)
        known = last.attempt if last else None
        is_first = announced.count == 1 and known is None and self._shared
        if (beside.announced, beside.announced_changed) != (announced, changed):
            return False
        if known != announced.previous and not is_first:
            return False
        # This one is written on its notice in the same transaction.
        tries = 0 if self._shared else self._tries(uow) + 1
        _note(uow, announced, changed, self._files.host, tries)
        return True

    def confirm(self) -> None:
        """Intent is committed: write beside the store that the attempt has begun. Raises Retryable
        when it cannot be written; then the letter must not leave."""
        assert self._announced is not None, "announced before it is confirmed"
        announced = self._announced[0]
        self._files.begin(
            Begun(
                installation=announced.installation,
                count=announced.count,
                attempt=announced.attempt,
                at=announced.at,
            )
        )

    def _begin_anew(self, uow: UnitOfWork, now: datetime) -> None:
        beside = self._first_files(now)
        assert beside.announced is not None, "just written"
        if not self._shared:
            uow.marks.set(INSTALLATION, beside.announced.installation)
        changed = beside.announced_changed
        _note(uow, beside.announced, changed, self._files.host, self._tries(uow))

    def _tries(self, uow: UnitOfWork) -> int:
        """A database server puts no part of a store back: there nothing is counted."""
        return 0 if self._shared else uow.notices.tries()

    def _first_files(self, now: datetime) -> BesideStore:
        """Of an installation that never sent: its attempt 0 is its establishment."""
        name, attempt = uuid.uuid4().hex[:16], uuid.uuid4().hex
        begun = Begun(installation=name, count=0, attempt=attempt, at=now)
        changed = self._files.begin(begun)
        announced = Announced(
            installation=name, count=0, attempt=attempt, at=now, previous="", begun_changed=changed
        )
        return BesideStore(
            announced=announced,
            announced_changed=self._files.announce(announced),
            begun=begun,
            begun_changed=changed,
        )


def accept(uow: UnitOfWork) -> int:
    """A person has looked: what was in doubt until now is accepted, and nothing that is found
    later. Returns how many doubts there were."""
    names = [name for name in uow.marks.names(DOUBT) if _is_open(uow.marks.get(name) or "")]
    for name in names:
        uow.marks.set(name, f"{ACCEPTED}{uow.marks.get(name)}")
    return len(names)


def _is_open(doubt: str) -> bool:
    return bool(doubt) and not doubt.startswith(ACCEPTED)


def _begun(installation: str, last: LastAttempt) -> Begun:
    return Begun(installation=installation, count=last.count, attempt=last.attempt, at=last.at)


def _last(uow: UnitOfWork, installation: str) -> LastAttempt | None:
    said = uow.marks.get(LAST + installation)
    return LastAttempt.model_validate_json(said) if said else None


def _note(uow: UnitOfWork, announced: Announced, changed: int, host: Host, tries: int) -> None:
    last = LastAttempt(
        count=announced.count,
        attempt=announced.attempt,
        at=announced.at,
        announced_changed=changed,
        host=host,
        tries=tries,
    )
    uow.marks.set(LAST + announced.installation, last.model_dump_json())
