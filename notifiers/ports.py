"""What the notifiers wing needs from outside, and what a mail channel must be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from schemas.casework.notice import NoticeRow, OutgoingMessage, SendResult
from schemas.settings import SenderSettings


class NoticeOutbox(Protocol):
    """The rows of step 8. Semantics: docs/reference/streaming.md, section 4.

    A row with intent is never leased again: its end is handed_over, bounced, deferred (surely not
    accepted), unsendable or unknown. No transaction is open across SMTP.
    """

    def enter(self, boot_id: str, now: datetime) -> None:
        """A dispatcher begins under a boot id that nobody ever used. Where several send, it takes
        a lease that `renew_lease` renews. Decides, before anything expires, whether all mail is held:
        when it waited while no dispatcher was seen (whatever the clock says now), and when the
        store is a copy or an older state."""
        ...

    def renew_lease(self, boot_id: str, now: datetime) -> bool:
        """The dispatcher of this boot id lives. Also recovers what others left, once in a while.
        False: its lease ran out meanwhile (it was suspended); it must enter under a new boot id."""
        ...

    def leave(self, boot_id: str, now: datetime) -> None:
        """The dispatcher of this boot id ends: what it left `sending` may be recovered at once."""
        ...

    def find_hold(self, now: datetime) -> str:
        """Why no dispatcher may send until a person has looked; empty: they may."""
        ...

    def recover(self, boot_id: str, now: datetime) -> int:
        """Rows that a dead process left `sending` become `unknown`; returns how many. Where
        several send, dead is who holds no live lease; where one does, every other boot is."""
        ...

    def list_due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """Rows that may be tried now: queued, or deferred and their time has come. Several
        dispatchers are given them in different orders; `begin` decides who sends."""
        ...

    def start_attempt(
        self, row_id: int, attempt_id: str, boot_id: str, now: datetime
    ) -> OutgoingMessage | None:
        """Write intent, in one conditional transaction: the approval still stands and its hash is
        the row's, rendering again gives the row's hash, not paused, not expired, nobody else has
        it; nothing holds all mail, and this boot's lease lives. None: do not send (the row then
        says why, if it is for good)."""
        ...

    def finish_attempt(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        """Write the end of this attempt. Idempotent by attempt id; a late end may turn `unknown`
        into handed_over or bounced, never the other way."""
        ...


class MailChannel(Protocol):
    """One way out. One instance a sender; `send` may be called one at a time."""

    async def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Try once. Never raises for what a server says: 4xx before DATA's end is `deferred`, 5xx
        is `bounced`, silence from DATA on is `unknown`. What `notifiers.delivery.message.build_message` refuses
        is `unsendable`, and no server is asked. One RCPT a message."""
        ...

    async def close(self) -> None:
        """Say goodbye to the server, if connected."""
        ...


class ChannelFactory(Protocol):
    """What a channel plug-in's CHANNEL constant is."""

    id: str

    def open(self, sender: SenderSettings) -> MailChannel:
        """Raises Misconfigured when the sender's settings cannot work with this channel."""
        ...
