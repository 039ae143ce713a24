"""Decide who may send from a store: the process that holds the folder's lock, or several that each
hold a lease. Every method that takes a unit of work runs in a transaction of the outbox."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from breachdesk.casework.delivery import mail_hold
from breachdesk.ports import Store, UnitOfWork
from schemas.casework.notice import NoticeRow
from schemas.errors import EditConflict

LEASE_SECONDS = 60.0
ALONE_BEATS_EVERY = timedelta(minutes=1)


class DispatcherMembership(Protocol):
    """The dispatchers of one store, seen by one of them."""

    def enter(
        self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime, *, missed: bool
    ) -> None:
        """Begin under a new boot id; `missed`: mail was due while no dispatcher was seen."""
        ...

    def must_renew(self, now: datetime) -> bool:
        """Whether the heartbeat is due."""
        ...

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        """Renew the lease. False: it ran out, and this boot id may not be used again."""
        ...

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """Give up the lease."""
        ...

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:
        """Whether the dispatcher `boot_id` still sends. `ours` is the boot id of the caller."""
        ...

    def get_server_identity(self) -> str:
        """Return the identity of the database server that responds now. Runs outside a
        transaction."""
        ...

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:
        """Whether the responding database server is the one that mail was last sent from. Mail is
        held otherwise."""
        ...

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:
        """Whether an attempt may begin: the lease is live, mail is not held and the database server
        is unchanged."""
        ...

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """Return why nobody may send; empty when sending is allowed."""
        ...

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """Sort the rows into the order in which this dispatcher tries them."""
        ...


class OnlyDispatcher:
    """The holder of the folder's lock: every other boot is dead."""

    def __init__(self) -> None:
        self._renewed: datetime | None = None

    def enter(
        self,
        uow: UnitOfWork,
        boot_id: str,  # noqa: ARG002 - the port's signature
        identity: str,  # noqa: ARG002 - the port's signature
        now: datetime,
        *,
        missed: bool,
    ) -> None:
        """Record a heartbeat, and hold mail that became due while no dispatcher was alive."""
        if missed:
            mail_hold.hold_after_gap(uow, now)
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now

    def must_renew(self, now: datetime) -> bool:
        """Whether the heartbeat is due, often enough that a quick restart is no gap."""
        return self._renewed is None or abs(now - self._renewed) >= ALONE_BEATS_EVERY

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:  # noqa: ARG002
        """Return True: the lock is held as long as the process lives."""
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now
        return True

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """Do nothing: the operating system releases the lock when the process ends."""

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:  # noqa: ARG002
        """True for our own boot id only: no other process can hold the folder's lock."""
        return boot_id == ours

    def get_server_identity(self) -> str:
        """Return an empty identity: a file has no server."""
        return ""

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:  # noqa: ARG002
        """Return True: a file has no server that could change."""
        return True

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:  # noqa: ARG002
        """Return True: no other process can hold the lock."""
        return not mail_hold.get_hold_reason(uow)

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """Return the hold reason that the store records."""
        return mail_hold.get_hold_reason(uow)

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """Sort the oldest rows first."""
        return rows


class LeasedDispatchers:
    """Several dispatchers, on one host or more. Each holds the lease `dispatch:<boot id>`, timed by
    the database's clock; a boot id whose lease ran out is never used again."""

    def __init__(self, store: Store, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._seconds = lease_seconds
        self._boot_id = ""
        self._server = ""
        self._renewed: datetime | None = None

    def enter(
        self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime, *, missed: bool
    ) -> None:
        """Take a lease. Mail that waited in a silence of all dispatchers is held, and mail is
        held when another database server answers. Raises EditConflict for a used boot id."""
        if uow.leases.take(_build_lease_name(boot_id), boot_id, self._seconds, now) is None:
            raise EditConflict("this boot id is another dispatcher's", place="dispatch")
        mail_hold.is_our_server(uow, identity, now, remembered=self._server)
        if missed:
            mail_hold.hold_after_gap(uow, now)
        mail_hold.record_heartbeat(uow, now)
        self._boot_id, self._renewed, self._server = boot_id, now, identity

    def must_renew(self, now: datetime) -> bool:
        """Whether the lease is due for renewal: four times in its duration, and at once after a
        doubt."""
        quarter = timedelta(seconds=self._seconds / 4)
        return self._renewed is None or abs(now - self._renewed) >= quarter

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        """Renew the lease. One that ran out is not taken again: others may have recovered its
        rows."""
        if not self._is_lease_held(uow, boot_id, now):
            return False
        uow.leases.take(_build_lease_name(boot_id), boot_id, self._seconds, now)
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now
        return True

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """Release the lease so that others need not wait until it ends."""
        uow.leases.drop(_build_lease_name(boot_id), boot_id)

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:  # noqa: ARG002
        """Whether the dispatcher holds a live lease; this also applies to the caller."""
        return self._is_lease_held(uow, boot_id, now)

    def get_server_identity(self) -> str:
        """Return the identity that the store reports."""
        return self._store.get_server_identity()

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:
        """Whether the server matches the store's note and the one this process remembers."""
        return mail_hold.is_our_server(uow, identity, now, remembered=self._server)

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:
        """Whether the attempt may begin, checked in the transaction that writes intent."""
        if not self._is_lease_held(uow, boot_id, now):
            self._renewed = None
            return False
        if mail_hold.get_hold_reason(uow):
            return False
        return self.is_home(uow, identity, now)

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """Return the hold reason that the store records."""
        return mail_hold.get_hold_reason(uow)

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """Rotate rows by boot id so that dispatchers rarely collide; `begin` resolves a
        collision."""
        if not rows:
            return rows
        digest = hashlib.sha256(self._boot_id.encode()).digest()
        start = int.from_bytes(digest[:8]) % len(rows)
        return [*rows[start:], *rows[:start]]

    def _is_lease_held(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        return uow.leases.find_holder(_build_lease_name(boot_id), now) is not None


def _build_lease_name(boot_id: str) -> str:
    return f"dispatch:{boot_id}"
