"""What a responder writes once, and every letter and script is made of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import Frozen, Role


class Standing(StrEnum):
    """Which readers of one role are told the same."""

    REACHED = "reached"
    """Confirmed or likely."""
    POSSIBLE = "possible"
    """It cannot be ruled out."""
    CORRECTED = "corrected"
    """Told before, excluded now."""


class ExposureWords(Frozen):
    """The responder's words for one customer, or for every exposure of one role and standing that
    has no words of its own. Words of a customer replace those of its group as a whole."""

    role: Role
    standing: Standing
    customer_id: str | None = None
    """None: the words of the group."""
    what_happened: str | None = Field(default=None, repr=False)
    """To these readers; what is true of everybody stands in `NoticeFacts.what_happened`."""
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


class NoticeFacts(Frozen):
    """What the responder writes once; the templates make both letters of it."""

    breach_id: str
    version: int
    written_by: str
    written_at: datetime
    what_happened: str = Field(repr=False)
    found_at: datetime
    consequences: tuple[str, ...] = Field(default=(), repr=False)
    not_involved: str = Field(default="", repr=False)
    """Only what evidence shows."""
    not_involved_evidence: str = ""
    measures: tuple[str, ...] = Field(default=(), repr=False)
    """Dated, approved acts."""
    steps: tuple[str, ...] = Field(default=(), repr=False)
    """Three to five things the reader should do."""
    next_update: datetime | None = None
    nature: str = Field(default="", repr=False)
    """For the controller pack: confidentiality, integrity, availability; the cause."""
    encryption: str = Field(default="", repr=False)
    people_and_records: str = Field(default="", repr=False)
    deleted_but_in_backups: str = Field(default="", repr=False)
    controller_steps: tuple[str, ...] = Field(default=(), repr=False)
    sub_processors: str = Field(default="", repr=False)
    log_extracts: str = Field(default="", repr=False)
    contained: bool = False
    words: tuple[ExposureWords, ...] = Field(default=(), repr=False)
    """At most one for each (role, standing, customer)."""
