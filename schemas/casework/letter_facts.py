"""Model what a responder writes once for every letter and script."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from schemas.customer import DataRole, FrozenModel


class ReaderStanding(StrEnum):
    """Which readers of one role are told the same."""

    REACHED = "reached"
    """Confirmed or likely."""
    POSSIBLE = "possible"
    """It cannot be ruled out."""
    CORRECTED = "corrected"
    """Told before, excluded now."""


class ExposureWords(FrozenModel):
    """The responder's words for one customer, or for every exposure of one role and standing that
    has no words of its own. Words of a customer replace those of its group as a whole."""

    role: DataRole
    standing: ReaderStanding
    customer_id: str | None = None
    """None: the words of the group."""
    what_happened: str | None = Field(default=None, repr=False)
    """To these readers; what is true of everybody is in `NoticeFacts.what_happened`."""
    consequences: tuple[str, ...] = Field(default=(), repr=False)
    measures: tuple[str, ...] = Field(default=(), repr=False)
    """Dated, approved acts that concern these readers."""
    steps: tuple[str, ...] = Field(default=(), repr=False)
    """Three to five things that these readers should do."""
    not_involved: str | None = Field(default=None, repr=False)
    """Only what evidence shows."""
    not_involved_evidence: str | None = Field(default=None, repr=False)
    contained: bool = False
    nature: str | None = Field(default=None, repr=False)
    """For a controller: confidentiality, integrity, availability; the cause."""
    encryption: str | None = Field(default=None, repr=False)
    people_and_records: str | None = Field(default=None, repr=False)
    deleted_but_in_backups: str | None = Field(default=None, repr=False)
    log_extracts: str | None = Field(default=None, repr=False)
    sub_processors: str | None = Field(default=None, repr=False)
    """None: nobody has said, unless `no_sub_processors` is set."""
    no_sub_processors: bool = False
    """A person says that no other supplier is involved."""


class WordsKey(FrozenModel):
    """The readers of the words: role, certainty, and the customer; without a customer, the whole
    group."""

    role: DataRole
    standing: ReaderStanding
    customer_id: str | None = None

    @classmethod
    def from_words(cls, words: ExposureWords) -> WordsKey:
        """Build the key; two words with the same key cannot be in one version."""
        return cls(role=words.role, standing=words.standing, customer_id=words.customer_id)


class NoticeFacts(FrozenModel):
    """What the responder writes once; every letter takes its own part of it."""

    breach_id: str
    version: int
    written_by: str
    written_at: datetime
    what_happened: str = Field(repr=False)
    """True of every reader."""
    next_update: datetime | None = None
    words: tuple[ExposureWords, ...] = Field(default=(), repr=False)
    """At most one for each (role, standing, customer)."""
    only: WordsKey | None = None
    """Whose words this version changes: readers of others are not told again because of it. None:
    it may concern every reader."""

    @model_validator(mode="before")
    @classmethod
    def _migrate_common_words(cls, stored: Any) -> Any:
        """Convert the one set of words of an earlier form to the words for those reached: it told a
        reader who is only `possible` too much."""
        if not isinstance(stored, dict) or "found_at" not in stored:
            return stored
        fields = {name: value for name, value in stored.items() if name in cls.model_fields}
        return {"words": _split_common_words(stored)} | fields


def _split_common_words(stored: dict[str, Any]) -> list[dict[str, Any]]:
    common = {
        "standing": ReaderStanding.REACHED,
        "consequences": stored.get("consequences", ()),
        "measures": stored.get("measures", ()),
        "not_involved": stored.get("not_involved") or None,
        "not_involved_evidence": stored.get("not_involved_evidence") or None,
        "contained": stored.get("contained", False),
    }
    pack = {name: stored.get(name) or None for name in PACK_WORDS}
    return [
        common | {"role": DataRole.CONTROLLER, "steps": stored.get("steps", ())},
        common | pack | {"role": DataRole.PROCESSOR, "steps": stored.get("controller_steps", ())},
    ]


PACK_WORDS = (
    "nature",
    "encryption",
    "people_and_records",
    "deleted_but_in_backups",
    "log_extracts",
    "sub_processors",
)
"""Words that only a controller's pack has."""


READERS = {
    (DataRole.CONTROLLER, ReaderStanding.REACHED): "account holders who were reached",
    (DataRole.CONTROLLER, ReaderStanding.POSSIBLE): "account holders who cannot be ruled out",
    (DataRole.CONTROLLER, ReaderStanding.CORRECTED): "account holders who were told wrongly",
    (DataRole.PROCESSOR, ReaderStanding.REACHED): "controllers who were reached",
    (DataRole.PROCESSOR, ReaderStanding.POSSIBLE): "controllers who cannot be ruled out",
    (DataRole.PROCESSOR, ReaderStanding.CORRECTED): "controllers who were told wrongly",
}


def describe_readers(words: ExposureWords) -> str:
    """Return `controllers who were reached`, or that and the customer, as the place of a problem on
    a screen."""
    readers = READERS[words.role, words.standing]
    return f"{words.customer_id}, of {readers}" if words.customer_id else readers


class OwnFacts(FrozenModel):
    """What one reader is told: what is true of everybody, and the words for its own exposure.
    A template sees no other reader's words."""

    version: int
    what_happened: str = Field(repr=False)
    next_update: datetime | None = None
    own: ExposureWords = Field(repr=False)
    written: bool = True
    """Somebody has written `own`; False: it is blank."""
