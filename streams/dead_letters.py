"""Dead letters fed again, as they first came: same bytes, position, arrival and so the same ids.

A replay does not move the position: its batches end where they begin (`after == before`), so the
store's fence holds and the stream goes on where it stood. Counts follow: a replayed record is not
received anew, and leaves the count it was dead under.

A replay changes window state, so it must run in the worker that owns it (`Worker.replay`); in
another process only while no `run` serves the data folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.event import Position, RawRecord
from schemas.source import DeadLetter
from streams.ports import EventLog, LegacyBatch, SourceCount


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of each letter."""

    replayed: tuple[Position, ...]
    """Became events (or were folded): the caller marks them."""
    again: tuple[DeadLetter, ...]
    """Dead again, with the reason of today."""
    gone: tuple[Position, ...]
    """Retention has dropped their bytes."""


def replay(
    letters: Sequence[DeadLetter],
    log: EventLog,
    process: Callable[[Sequence[RawRecord]], Sequence[DeadLetter]],
) -> Replayed:
    """Fetch the letters' records, oldest first, and have them processed and committed.

    `process` returns the ones that are dead again. Raises what the log and `process` raise; what
    was committed before stays, and replaying it once more changes nothing but counts.
    """
    positions = sorted({letter.position for letter in letters})
    found = {position: log.get(position) for position in positions}
    records = [record for record in found.values() if record is not None]
    again = tuple(process(records)) if records else ()
    dead = {letter.position for letter in again}
    return Replayed(
        replayed=tuple(r.position for r in records if r.position not in dead),
        again=again,
        gone=tuple(position for position, record in found.items() if record is None),
    )


def unmoved(
    batch: LegacyBatch,
    records: Sequence[RawRecord],
    letters: Mapping[Position, DeadLetter],
    position: Position,
) -> LegacyBatch:
    """The batch of replayed records as it is to be committed."""
    counts = {count.source: count for count in batch.sources}
    dead: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for record in records:
        (dead if letters[record.position].parser else unknown)[record.source] += 1
    sources = [
        _recounted(counts.get(name, SourceCount(name)), dead[name], unknown[name])
        for name in sorted({*counts, *dead, *unknown})
    ]
    return replace(batch, before=position, after=position, sources=sources)


def _recounted(count: SourceCount, dead: int, unknown: int) -> SourceCount:
    return replace(
        count,
        received=0,
        dead_letters=count.dead_letters - dead,
        not_understood=count.not_understood - unknown,
    )
