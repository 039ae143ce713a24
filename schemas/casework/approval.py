"""Model approvals: a named person releases exactly these bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from schemas.casework.notice import RenderedText
from schemas.customer import FrozenModel


class ApprovalKind(StrEnum):
    """Two people, or one who breaks the glass."""

    SECOND_PERSON = "second_person"
    BREAK_GLASS = "break_glass"


class Approval(FrozenModel):
    """A named human's release of exactly these bytes."""

    breach_id: str
    version: int
    kind: ApprovalKind
    approved_by: str
    approved_at: datetime
    manifest_hash: str
    texts_hash: str
    decision_hash: str
    sender_hash: str
    hash: str
    """SHA-256 over the four: one changed byte voids it."""
    count: int
    """How many people are told, by mail or by telephone, typed by the approver."""
    reason: str = Field(default="", repr=False)
    not_before: datetime | None = None
    """Break-glass delay."""
    witness: str = Field(default="", repr=False)
    own_work: tuple[str, ...] = ()
    """What who released alone did of what is released: the witness reads it."""
    sender_id: str = ""
    """Which sender the letters leave through."""
    facts_version: int = 0
    """Of NoticeFacts: the letters' version."""
    told_at: datetime | None = None
    """What the letters say of their own time."""
    report_recorded: bool = False
    """Whether any report to a regulator was recorded at release."""
    told_under: tuple[str, ...] = ()
    """The jurisdictions with a recorded report at release: what letters say of their regulators."""
    audit_head: str = ""
    """`number:hash` of the audit chain's newest entry before this release; empty: not noted."""

    @model_validator(mode="before")
    @classmethod
    def _migrate_report_recorded(cls, stored: Any) -> Any:
        """Accept an approval of an earlier release, which named the regulator in the field."""
        if isinstance(stored, Mapping) and "ico_told" in stored:
            fields = dict(stored)
            return {"report_recorded": fields.pop("ico_told"), **fields}
        return stored


class SealedTexts(FrozenModel):
    """Every text of an approval as it was sealed: what was sent can be read later, and a letter
    that comes back is told on the telephone in the words that were approved."""

    breach_id: str
    version: int
    """Of the approval."""
    approval_hash: str
    mails: tuple[RenderedText, ...] = Field(default=(), repr=False)
    """Without their HTML, which says the same; the hash covers it."""
    scripts: tuple[RenderedText, ...] = Field(repr=False)
    """Of everybody who is told, mailed or not."""


class WitnessMail(FrozenModel):
    """One more message to the witness, when the one before did not arrive."""

    breach_id: str
    version: int
    approval_version: int
    number: int
    """Which message of this approval, from 2."""
    address: str = Field(repr=False)
    asked_by: str
    asked_at: datetime
