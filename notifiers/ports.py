"""Define what the notifiers package needs from outside, and what a mail channel must implement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from schemas.casework.notice import NoticeRow, OutgoingMessage, SendResult
from schemas.settings import SenderSettings


class NoticeOutbox(Protocol):
    """The rows of step 8. Semantics: docs/reference/streaming.md, Mail.

    A row with intent is never leased again: its end is handed_over, bounced, deferred (surely not
    accepted), unsendable or unknown. No transaction is open across SMTP.
    """

    def enter(self, boot_id: str, now: datetime) -> None:
        """Register a dispatcher under a boot id that was never used. Where several send, it takes a
        lease that `renew_lease` renews. Before anything expires, the outbox decides whether to hold
        all mail: when mail waited while no dispatcher ran (whatever the clock says now), and when
        the store is a copy or an older state."""
        ...

    def renew_lease(self, boot_id: str, now: datetime) -> bool:
        """Renew the lease of this boot id; from time to time also recover what other dispatchers
        left. Returns False if the lease has expired (the dispatcher was suspended); it must enter
        under a new boot id."""
        ...

    def leave(self, boot_id: str, now: datetime) -> None:
        """End the dispatcher of this boot id: rows that it left `sending` may be recovered at
        once."""
        ...

    def find_hold(self, now: datetime) -> str:
        """Return why no dispatcher may send until a person has looked, empty if they may."""
        ...

    def recover(self, boot_id: str, now: datetime) -> int:
        """Change rows that a dead process left `sending` to `unknown`, and return their number.
        Where several send, a process without a live lease is dead; where one sends, every other
        boot is."""
        ...

    def list_due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """List rows that may be sent now: queued, or deferred until now. Several dispatchers get
        them in different orders; `start_attempt` decides who sends."""
        ...

    def start_attempt(
        self, row_id: int, attempt_id: str, boot_id: str, now: datetime
    ) -> OutgoingMessage | None:
        """Record the intent in one conditional transaction: the approval is valid and its hash
        equals the row's, rendering again gives the row's hash, the row is neither paused nor
        expired nor taken by another dispatcher, mail is not held, and this boot's lease is live.
        Returns None if it must not be sent (if for good, the row says why)."""
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
        is `bounced`, silence from DATA on is `unknown`. What
        `notifiers.delivery.message.build_message` refuses is `unsendable`, and no server is asked.
        One RCPT a message."""
        ...

    async def close(self) -> None:
        """Close the session with the server, if connected."""
        ...


class ChannelFactory(Protocol):
    """What a channel plug-in's CHANNEL constant is."""

    id: str

    def open(self, sender: SenderSettings) -> MailChannel:
        """Raises ConfigurationError when the sender's settings cannot work with this channel."""
        ...
