"""Model the last attempt to send a notice, as the store and the files next to it record it."""

from __future__ import annotations

from datetime import datetime

from schemas.customer import FrozenModel


class HostIdentity(FrozenModel):
    """Where a process runs. An empty string: the system does not say."""

    board: str = ""
    """Digest of the firmware's id, where this user may read it."""
    system: str = ""
    """Digest of the operating system's id; a container has none of its own."""
    boot: str = ""
    """Id of the running kernel: containers of one machine share it."""

    def is_other_host(self, than: HostIdentity) -> bool:
        """Whether it is certainly another machine: another boot, and an id that both have
        differs."""
        if self.boot and self.boot == than.boot:
            return False
        pairs = ((self.board, than.board), (self.system, than.system))
        return any(ours and theirs and ours != theirs for ours, theirs in pairs)


class AnnouncedAttempt(FrozenModel):
    """Written next to the store before the transaction that records the intent."""

    installation: str
    count: int
    attempt: str
    at: datetime
    previous: str
    """The attempt that the store knew as the last one."""
    begun_changed: int
    """When the file of the last begun attempt changed, in the file system's own nanoseconds."""


class BegunAttempt(FrozenModel):
    """Written next to the store after that transaction, before the letter leaves."""

    installation: str
    count: int
    attempt: str
    at: datetime


class LastAttempt(FrozenModel):
    """Written into the store by the transaction that writes intent."""

    count: int
    attempt: str
    at: datetime
    announced_changed: int
    """When the announcement's file changed, in the file system's own nanoseconds."""
    host: HostIdentity
    tries: int = 0
    """How many attempts the store's notices tell of together, this one too. 0: not counted, in a
    shared store and by earlier versions."""


class AttemptMarkers(FrozenModel):
    """The present contents of the files next to the store; None if a file does not exist."""

    announced: AnnouncedAttempt | None = None
    announced_changed: int = 0
    begun: BegunAttempt | None = None
    begun_changed: int = 0
    unreadable: bool = False
