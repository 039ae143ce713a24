"""Model a printed case for a lawyer, an insurer or a director."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import FrozenModel


class FileTable(FrozenModel):
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = Field(repr=False)


class FilePart(FrozenModel):
    """A part of a section: what it has of these is shown in this order."""

    heading: str | None = None
    facts: tuple[tuple[str, str], ...] = Field(default=(), repr=False)
    """Name and text."""
    paragraphs: tuple[str, ...] = Field(default=(), repr=False)
    table: FileTable | None = None
    quoted: str | None = Field(default=None, repr=False)
    """Shown line by line as it was written."""


class FileSection(FrozenModel):
    """One question that the reader has."""

    title: str
    parts: tuple[FilePart, ...]


class PrintedCase(FrozenModel):
    """The whole file, in the words and the one zone that it is printed in."""

    case_id: str
    breach_id: str | None
    title: str
    drill: bool
    prepared_at: datetime
    prepared: str
    """The same in words."""
    prepared_by: str
    organisation: str
    zone: str
    named: bool
    """False: names of customers and of people affected are left out."""
    sections: tuple[FileSection, ...]
    hash: str = ""
    """SHA-256 of the canonical JSON of all the other fields."""
