"""What a responder writes once, and every letter and script is made of."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import Frozen


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
