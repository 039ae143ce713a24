"""Model who is affected, in which role and how certainly, and who is notified."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataCategory, DataRole, FrozenModel, PecrStatus, PersonKind

MANIFEST_FORM = 2
"""Of the lists frozen now."""


class Certainty(StrEnum):
    """How sure we are that this customer's data was reached; every customer ends as one."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"


class BreachEffect(StrEnum):
    """What a breach does to data: confidentiality, integrity, availability (Art. 4(12))."""

    SEEN = "seen"
    COPIED = "copied"
    ALTERED = "altered"
    LOST = "lost"
    """Destroyed, or gone with no copy left."""
    UNAVAILABLE = "unavailable"
    """Out of reach for a time."""


class EffectCertainty(StrEnum):
    """How surely an effect came about."""

    HAPPENED = "happened"
    POSSIBLE = "possible"


class ActSummary(FrozenModel):
    """Events of one kind in an exposure's own evidence, counted. Kept records only, so it is a
    lower bound."""

    action: str
    """ECS `event.action`, case-folded; letters put it in words."""
    outcome: str = ""
    """success | failure; empty: the record does not say."""
    count: int
    first: datetime
    last: datetime
    assets: tuple[str, ...] = Field(default=(), repr=False)
    """`kind:value`, this customer's own."""
    details: dict[str, str] = Field(default={}, repr=False)
    """What a letter may name of it, e.g. the name of a mailbox rule and where it sends copies."""
    said: str | None = Field(default=None, repr=False)
    """A responder's words, where those of the letter do not fit."""


class DoubtKind(StrEnum):
    """Why an exposure cannot be ruled out."""

    BLIND_SOURCE = "blind_source"
    """A source that would have shown it recorded nothing for a time."""
    NAMED_ONLY = "named_only"
    """An alert names it, and no kept record shows how."""
    WITHIN_REACH = "within_reach"
    """A system of ours was opened from which it could be reached."""
    CHOSEN_BY_HAND = "chosen_by_hand"


class ExposureDoubt(FrozenModel):
    """One reason why an exposure cannot be ruled out."""

    kind: DoubtKind
    begin: datetime | None = None
    end: datetime | None = None
    source: str | None = None
    """The configured source that was blind; never printed in a letter."""


class Exposure(FrozenModel):
    """One customer's data in one role: reached, maybe reached, or excluded, and why."""

    customer_id: str
    role: DataRole
    certainty: Certainty
    reason: str
    """Plain words, no personal data: `118 files downloaded`, `signed in to only 2 accounts …`."""
    assets: tuple[str, ...] = Field(default=(), repr=False)
    known_as: dict[str, str] = Field(default={}, repr=False)
    """Asset → the name by which its owner knows it, where the value is only an id."""
    services: tuple[str, ...] = ()
    pecr: PecrStatus = PecrStatus.NO
    evidence: tuple[str, ...] = ()
    """Event ids."""
    decided_by: str | None = None
    """A person who overrode the proposal."""
    effects: dict[DataCategory, dict[BreachEffect, EffectCertainty]] = {}
    """What happened to each category that is involved; no effect: it is not known."""
    acts: tuple[ActSummary, ...] = ()
    """This customer's own evidence in this role, in time order."""
    doubts: tuple[ExposureDoubt, ...] = ()
    first: datetime | None = None
    """Of its own evidence; None: no record tells of it."""
    last: datetime | None = None
    alerted_at: datetime | None = None
    """When the first alert that names it was raised; None: no alert names it."""

    @model_validator(mode="before")
    @classmethod
    def _migrate_categories(cls, stored: Any) -> Any:
        """Convert an earlier form: `categories` said only whether each category was seen."""
        if not isinstance(stored, dict) or "categories" not in stored:
            return stored
        fields = {name: value for name, value in stored.items() if name != "categories"}
        earlier = {c: _EARLIER_EFFECTS[seen] for c, seen in stored["categories"].items()}
        return fields | {"effects": fields.get("effects") or earlier}

    @property
    def categories(self) -> tuple[DataCategory, ...]:
        """The kinds of data that are involved, always in the same order."""
        return tuple(c for c in DataCategory if c in self.effects)


_EARLIER_EFFECTS: Mapping[str, dict[str, str]] = {
    "seen": {"seen": "happened"},
    "may_have_been_seen": {"seen": "possible"},
    "not_known": {},
}


class ContactChannel(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    TELEPHONE = "telephone"


class Recipient(FrozenModel):
    """One person to be told, of one exposure, by one channel."""

    customer_id: str
    person_id: str
    person_kind: PersonKind
    kind: NoticeKind
    name: str = Field(repr=False)
    email: str = Field(default="", repr=False)
    phone: str = Field(default="", repr=False)
    channel: ContactChannel
    reason: str = ""
    """Why by telephone, if by telephone."""


class Manifest(FrozenModel):
    """The frozen list of who is affected and who is told. Identity is its hash."""

    breach_id: str
    version: int
    frozen_by: str
    frozen_at: datetime
    exposures: tuple[Exposure, ...]
    recipients: tuple[Recipient, ...] = Field(repr=False)
    salt: str = Field(repr=False)
    form: int = 1
    """Which fields the hash covers; 1: frozen by a release that knew `seen` only."""
    hash: str = ""
    """SHA-256 of the canonical JSON of all the other fields."""
