"""Who is affected, in which role and how surely; who is told of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import DataCategory, Frozen, Pecr, PersonKind, Role


class Certainty(StrEnum):
    """How sure we are that this customer's data was reached; every customer ends as one."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"


class Seen(StrEnum):
    """What we may say of one category in a notice."""

    SEEN = "seen"
    MAY_HAVE_BEEN_SEEN = "may_have_been_seen"
    NOT_KNOWN = "not_known"


class Exposure(Frozen):
    """One customer's data in one role: reached, maybe reached, or excluded, and why."""

    customer_id: str
    role: Role
    certainty: Certainty
    reason: str
    """Plain words, no personal data: `118 files downloaded`, `signed in to only 2 accounts …`."""
    categories: dict[DataCategory, Seen] = {}
    assets: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    pecr: Pecr = Pecr.NO
    evidence: tuple[str, ...] = ()
    """Event ids."""
    decided_by: str | None = None
    """A person who overrode the proposal."""


class Channel(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    TELEPHONE = "telephone"


class NoticeKind(StrEnum):
    """Two letters that are never merged."""

    ACCOUNT_HOLDER = "account_holder"
    CONTROLLER_PACK = "controller_pack"
    WITNESS = "witness"
    """No letter to anybody affected: the plain message to the outsider of a broken glass."""


class Recipient(Frozen):
    """One person to be told, of one exposure, by one channel."""

    customer_id: str
    person_id: str
    person_kind: PersonKind
    kind: NoticeKind
    name: str = Field(repr=False)
    email: str = Field(default="", repr=False)
    phone: str = Field(default="", repr=False)
    channel: Channel
    reason: str = ""
    """Why by telephone, if by telephone."""


class Manifest(Frozen):
    """The frozen list of who is affected and who is told. Identity is its hash."""

    breach_id: str
    version: int
    frozen_by: str
    frozen_at: datetime
    exposures: tuple[Exposure, ...]
    recipients: tuple[Recipient, ...] = Field(repr=False)
    salt: str = Field(repr=False)
    hash: str = ""
    """SHA-256 of the canonical JSON of all the other fields."""
