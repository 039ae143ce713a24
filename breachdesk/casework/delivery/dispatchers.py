"""Who may send from a store: the one process that holds the folder's lock, or several that each
hold a lease. What takes a unit of work runs in a transaction of the outbox."""

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
        """Is it time to say that we live?"""
        ...

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        """False: our lease ran out; this boot id is over."""
        ...

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """Let go of our lease."""
        ...

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:
        """Does that boot still send? `ours` is the asking one's."""
        ...

    def get_server_identity(self) -> str:
        """Of the database server that answers now. The one thing asked outside a transaction."""
        ...

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:
        """Does the database server answer that mail was last sent from? If not, mail is held."""
        ...

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:
        """Lease alive, nothing held, and the database server mail was last sent from?"""
        ...

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """Why nobody may send; empty: they may."""
        ...

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """The rows in the order in which this dispatcher tries them."""
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
        """Say that we live. Mail that waited while nobody did is held."""
        if missed:
            mail_hold.hold_after_gap(uow, now)
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now

    def must_renew(self, now: datetime) -> bool:
        """Often enough that a quick restart is no gap."""
        return self._renewed is None or abs(now - self._renewed) >= ALONE_BEATS_EVERY

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:  # noqa: ARG002
        """The lock is held as long as the process lives."""
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now
        return True

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """The lock falls with the process."""

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:  # noqa: ARG002
        """Only we."""
        return boot_id == ours

    def get_server_identity(self) -> str:
        """A file has none."""
        return ""

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:  # noqa: ARG002
        """A file is no server."""
        return True

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:  # noqa: ARG002
        """Nobody else can."""
        return not mail_hold.get_hold_reason(uow)

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """The store's mark."""
        return mail_hold.get_hold_reason(uow)

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """Oldest first."""
        return rows


class LeasedDispatchers:
    """Several processes, perhaps on several hosts. Each holds the lease `dispatch:<boot id>`, on
    the database's own time; a boot id whose lease ran out is never used again."""

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
        held when another database server answers. Raises Conflict for a used boot id."""
        if uow.leases.take(_build_lease_name(boot_id), boot_id, self._seconds, now) is None:
            raise EditConflict("this boot id is another dispatcher's", place="dispatch")
        mail_hold.is_our_server(uow, identity, now, remembered=self._server)
        if missed:
            mail_hold.hold_after_gap(uow, now)
        mail_hold.record_heartbeat(uow, now)
        self._boot_id, self._renewed, self._server = boot_id, now, identity

    def must_renew(self, now: datetime) -> bool:
        """Four times in a lease, and at once when a doubt arose."""
        quarter = timedelta(seconds=self._seconds / 4)
        return self._renewed is None or abs(now - self._renewed) >= quarter

    def renew(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        """A lease that ran out is not taken again: others may have recovered its rows."""
        if not self._is_lease_held(uow, boot_id, now):
            return False
        uow.leases.take(_build_lease_name(boot_id), boot_id, self._seconds, now)
        mail_hold.record_heartbeat(uow, now)
        self._renewed = now
        return True

    def leave(self, uow: UnitOfWork, boot_id: str) -> None:
        """Others need not wait for the lease's end."""
        uow.leases.drop(_build_lease_name(boot_id), boot_id)

    def is_alive(self, uow: UnitOfWork, boot_id: str, ours: str, now: datetime) -> bool:  # noqa: ARG002
        """Whoever holds a live lease, we too."""
        return self._is_lease_held(uow, boot_id, now)

    def get_server_identity(self) -> str:
        """As the store says it."""
        return self._store.get_server_identity()

    def is_home(self, uow: UnitOfWork, identity: str, now: datetime) -> bool:
        """As the store's note and what we remember say."""
        return mail_hold.is_our_server(uow, identity, now, remembered=self._server)

    def may_begin(self, uow: UnitOfWork, boot_id: str, identity: str, now: datetime) -> bool:
        """Asked in the transaction that writes intent."""
        if not self._is_lease_held(uow, boot_id, now):
            self._renewed = None
            return False
        if mail_hold.get_hold_reason(uow):
            return False
        return self.is_home(uow, identity, now)

    def get_hold_reason(self, uow: UnitOfWork) -> str:
        """The store's mark."""
        return mail_hold.get_hold_reason(uow)

    def sort_by_turn(self, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
        """Each begins elsewhere, by its boot id: they meet late, and then `begin` decides."""
        if not rows:
            return rows
        digest = hashlib.sha256(self._boot_id.encode()).digest()
        start = int.from_bytes(digest[:8]) % len(rows)
        return [*rows[start:], *rows[:start]]

    def _is_lease_held(self, uow: UnitOfWork, boot_id: str, now: datetime) -> bool:
        return uow.leases.find_holder(_build_lease_name(boot_id), now) is not None


def _build_lease_name(boot_id: str) -> str:
    return f"dispatch:{boot_id}"
