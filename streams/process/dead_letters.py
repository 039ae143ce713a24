"""Build dead letters of records that the pipeline refused, without their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.normalise.hour_counts import sum_hours
from streams.normalise.source_counts import sum_counts
from streams.ports import HourCount, KnownLetter, SourceCount, SubjectKind

WORKER = "worker"
"""Value of `parser` in letters that the worker itself wrote (empty: no parser recognised the
record)."""


def build_poison_letter(record: RawRecord, problem: Exception) -> DeadLetter:
    """Build the letter of a record on which the pipeline, or the store after it, failed
    unexpectedly. Only the kind of the failure is stored: its message may quote the line."""
    return _build_letter(
        record,
        f"the pipeline failed on this record: {type(problem).__name__}."
        " Report it with the position; replay it once the program is mended.",
    )


def build_piece_letter(record: RawRecord) -> DeadLetter:
    """Build the letter of a piece of an over-long record
    (streams.intake.splitting.record_buffer)."""
    return _build_letter(
        record,
        f"the record is longer than max_line_bytes and was kept in pieces: {record.piece}."
        " Raise max_line_bytes and send it again.",
    )


def _build_letter(record: RawRecord, reason: str) -> DeadLetter:
    return DeadLetter(
        position=record.position,
        source=record.source,
        arrived=record.arrived,
        parser=WORKER,
        reason=reason,
        sha256=hashlib.sha256(record.raw).hexdigest(),
    )


def count_letters(letters: Sequence[DeadLetter]) -> Sequence[SourceCount]:
    """Count each letter as received and dead; one count a source."""
    return sum_counts(
        [
            SourceCount(each.source, received=1, dead_letters=1, last_arrived=each.arrived)
            for each in letters
        ]
    )


def count_letter_hours(letters: Sequence[DeadLetter]) -> Sequence[HourCount]:
    """Count the same by hour of arrival."""
    counts = []
    for each in letters:
        arrived = each.arrived.timestamp()
        hour, rest = divmod(arrived, 3600)
        counts.append(
            HourCount(
                SubjectKind.SOURCE,
                each.source,
                int(hour),
                received=1,
                dead_letters=1,
                minutes=1 << int(rest // 60),
                first_failure=arrived,
                last_failure=arrived,
                last_arrived=arrived,
            )
        )
    return sum_hours(counts)


def restore_first_arrivals(
    records: Sequence[RawRecord], letters: Mapping[RecordPosition, KnownLetter]
) -> tuple[Sequence[RawRecord], set[RecordPosition]]:
    """Restore the first arrival of records that repeat a dead letter: the claim holds if the store
    has that letter with the same bytes and source. Returns also which are further copies, that say
    nothing new: an interrupted or repeated replay leaves them."""
    if not letters:
        return [replace(r, replay_of=None) if r.replay_of else r for r in records], set()
    present = dict(letters)
    further: set[RecordPosition] = set()
    restored: list[RawRecord] = []
    for record in records:
        copy, is_further = _restore_first_arrival(record, present)
        restored.append(copy)
        if is_further:
            further.add(record.position)
    return restored, further


def _restore_first_arrival(
    record: RawRecord, letters: dict[RecordPosition, KnownLetter]
) -> tuple[RawRecord, bool]:
    """Restore it once a letter: in `letters` the letter no longer waits."""
    if record.replay_of is None:
        return record, False
    known = letters.get(record.replay_of)
    if known is None or not _is_copy(record, known.letter):
        return replace(record, replay_of=None), False
    letters[record.replay_of] = known._replace(waits=False)
    arrived = known.letter.arrived
    if known.waits:
        return replace(record, arrived=arrived), False
    return replace(record, arrived=arrived, replay_of=None), True


def _is_copy(record: RawRecord, letter: DeadLetter) -> bool:
    own = (record.source, hashlib.sha256(record.raw).hexdigest())
    return own == (letter.source, letter.sha256)
