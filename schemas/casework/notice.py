"""Notices, and the outbox's row: the unit of truth of step 8."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.casework.affected import ContactChannel
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import FrozenModel


class DeliveryStatus(StrEnum):
    """Delivery, in honest words: a 250 is handed over, never delivered."""

    QUEUED = "queued"
    SENDING = "sending"
    """Intent is written; the end is not yet known."""
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    SKIPPED = "skipped"


class RenderedText(FrozenModel):
    """One text, ready: what approval hashes, and what SMTP carries or a person says."""

    customer_id: str
    person_id: str
    kind: NoticeKind
    channel: ContactChannel = ContactChannel.EMAIL
    subject: str = Field(repr=False)
    """Empty in a script."""
    text: str = Field(repr=False)
    html: str = Field(repr=False)
    """Empty in a script."""
    attachments: dict[str, str] = Field(default={}, repr=False)
    """File name → content; only the controller pack has one (its JSON)."""
    hash: str
    """SHA-256 over subject, text, html and attachments."""


class LetterHead(FrozenModel):
    """What the approver sees and seals of a message's header, and its envelope's sender. Names and
    subject are as `schemas.text_signs` shows them. Date and Message-ID are added when it leaves."""

    from_name: str = Field(repr=False)
    from_email: str = Field(repr=False)
    envelope_sender: str = Field(repr=False)
    to_name: str = Field(repr=False)
    to_email: str = Field(repr=False)
    subject: str = Field(repr=False)


class NoticeRow(FrozenModel):
    """UNIQUE(breach, customer, person, kind, version): at most one mail for each."""

    id: int
    breach_id: str
    customer_id: str
    person_id: str
    kind: NoticeKind
    version: int
    status: DeliveryStatus
    status_reason: str = ""
    rendered_hash: str
    """Over the letter, its head and the customer's name, as they were approved."""
    message_id: str
    number: int | None = None
    """As its reader counts our letters; None: the version, in rows of an earlier release."""
    supersedes: int | None = None
    """The last letter that reached this reader before."""
    may_supersede: int | None = None
    """A later one whose end was not known at approval."""
    spoken_before: bool = False
    """The last that had reached this reader at approval was no mail of ours: a call, say."""
    attempt_id: str | None = None
    attempts: int = 0
    intent_at: datetime | None = None
    next_attempt_at: datetime | None = None
    handed_over_at: datetime | None = None
    smtp_reply: str = ""
    """Last reply's code and enhanced status only: no address."""
    approval_hash: str
    expires_at: datetime


class OutgoingMessage(FrozenModel):
    """What a channel is given: one recipient, one letter, everything fixed."""

    row_id: int
    attempt_id: str
    message_id: str
    date: datetime
    from_name: str = Field(default="", repr=False)
    """Shown text, as `to_name`: no character in it hides or reorders another."""
    from_email: str = Field(repr=False)
    envelope_sender: str = Field(repr=False)
    to_name: str = Field(repr=False)
    to_email: str = Field(repr=False)
    letter: RenderedText = Field(repr=False)
    in_reply_to: str | None = None


class SendOutcome(StrEnum):
    """What a channel knows after one try."""

    HANDED_OVER = "handed_over"
    DEFERRED = "deferred"
    """Surely not accepted; may be tried again."""
    BOUNCED = "bounced"
    """Surely refused for good (5xx)."""
    UNKNOWN = "unknown"
    """From DATA on, no clear reply."""
    UNSENDABLE = "unsendable"
    """No message can be built of it. No server was asked."""


class SendResult(FrozenModel):
    """One attempt's end, without any address."""

    outcome: SendOutcome
    reply: str = ""
    tls: str = ""
    """Version and cipher, or empty."""
