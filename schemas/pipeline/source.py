"""Model sources: what they sent, what we understood, and blind intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from schemas.customer import FrozenModel
from schemas.pipeline.event import RecordPosition


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """What a listener hands to the event log: bytes and the facts of their arrival."""

    source: str
    raw: bytes = field(repr=False)
    arrived: datetime
    transport: str = "file"
    sender: str = field(default="", repr=False)
    backfill: bool = False
    piece: str = ""
    """Set when an over-long record had to be cut: which piece, of what, where (no content)."""
    replay_of: RecordPosition | None = None
    """The dead letter that this record repeats."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that became no event, and why. The bytes stay in the event log."""

    position: RecordPosition
    source: str
    arrived: datetime
    parser: str
    """Parser id, or empty: nobody understood it."""
    reason: str
    """Names the place and the remedy; no content of the line."""
    sha256: str


class BlindInterval(FrozenModel):
    """We could not see what this source saw: gaps widen `possible`."""

    source: str
    begin: datetime
    end: datetime | None = None
    reason: str
    lost: int | None = None
    """Records known to be lost, when it can be counted."""


class SourceView(FrozenModel):
    """One source as the console shows it."""

    name: str
    owner: str
    parser: str = ""
    received: int = 0
    parsed: int = 0
    ignored: int = 0
    dead_letters: int = 0
    not_understood: int = 0
    """`source seen, not understood: n lines, kept`"""
    late: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_arrived: datetime | None = None
    gaps: tuple[BlindInterval, ...] = ()
