"""Encode frames: many records of one commit, column by column, deflated. One frame is one row.

Layout before zlib (little-endian): version u8, records u32, head length u32, head (JSON runs of
`[count, source, transport, sender, backfill, piece]`, and of records that repeat a dead letter also
its journal and offset), arrival times (i64 microseconds since the epoch), lengths (u32), then the
bytes of all records."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, repeat

from schemas.errors import BadInput, CorruptData
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord

MOST_RECORDS = 1000
MOST_BYTES = 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1) // _MICROSECOND
_HEAD = struct.Struct("<BII")
_VERSION = 1

RecordRun = tuple[str, str, str, bool, str, RecordPosition | None]
"""source, transport, sender, backfill, piece, replay_of: what neighbours nearly always share."""


@dataclass(slots=True)
class RecordColumns:
    """Records of one arrival day on their way into a frame."""

    day: str
    """`YYYYMMDD`, UTC."""
    runs: list[RecordRun] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """How many records in a row share each run."""
    arrived: array[int] = field(default_factory=lambda: array("q"))
    raws: list[bytes] = field(default_factory=list)
    size: int = 0

    def __len__(self) -> int:
        return len(self.raws)

    def is_full_for(self, records: int, size: int) -> bool:
        """Whether this many more records would exceed one frame."""
        return len(self.raws) + records > MOST_RECORDS or self.size + size > MOST_BYTES

    def add(self, record: IncomingRecord, arrived: int) -> None:
        self.raws.append(record.raw)
        self.arrived.append(arrived)
        self.size += len(record.raw)
        run = (
            record.source,
            record.transport,
            record.sender,
            record.backfill,
            record.piece,
            record.replay_of,
        )
        self._extend(1, run)

    def absorb(self, other: RecordColumns) -> None:
        self.raws += other.raws
        self.arrived += other.arrived
        self.size += other.size
        for count, run in zip(other.counts, other.runs, strict=True):
            self._extend(count, run)

    def _extend(self, count: int, run: RecordRun) -> None:
        if self.runs and self.runs[-1] == run:
            self.counts[-1] += count
        else:
            self.runs.append(run)
            self.counts.append(count)


def to_columns(incoming: Iterable[IncomingRecord]) -> list[RecordColumns]:
    """Cut into columns of one day, none larger than a frame, in order.

    Raises BadInput for an arrival without a time zone.
    """
    columns: list[RecordColumns] = []
    current: RecordColumns | None = None
    stamp, micros, day = None, 0, ""
    begin = end = 0
    for record in incoming:
        if record.arrived is not stamp:
            stamp = record.arrived
            micros = _to_microseconds(stamp)
            if not begin <= micros < end:
                begin = micros - micros % _DAY
                end, day = begin + _DAY, f"{stamp.astimezone(UTC):%Y%m%d}"
        if current is None or current.day != day or current.is_full_for(1, len(record.raw)):
            current = RecordColumns(day)
            columns.append(current)
        current.add(record, micros)
    return columns


def _to_microseconds(arrived: datetime) -> int:
    if arrived.tzinfo is None:
        raise BadInput(
            "an arrival time carries no time zone.",
            place="event log",
            remedy="Stamp records with aware UTC.",
        )
    return (arrived - _EPOCH) // _MICROSECOND


def merge(parts: Sequence[RecordColumns]) -> RecordColumns:
    """Merge neighbouring column sets; extends the first one in place."""
    whole = parts[0]
    for part in parts[1:]:
        whole.absorb(part)
    return whole


def encode(columns: RecordColumns) -> bytes:
    """Encode the frame's body."""
    runs = zip(columns.counts, columns.runs, strict=True)
    head = json.dumps([_encode_run(count, run) for count, run in runs]).encode()
    lengths = array("I", map(len, columns.raws))
    parts = (
        _HEAD.pack(_VERSION, len(columns), len(head)),
        head,
        _to_little_endian(columns.arrived).tobytes(),
        _to_little_endian(lengths).tobytes(),
        *columns.raws,
    )
    return zlib.compress(b"".join(parts), 1)


def _encode_run(count: int, run: RecordRun) -> list[int | str]:
    *shared, replay_of = run
    return [count, *shared, *(replay_of or ())]


def _to_little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers


def decode(body: bytes, journal: str, first: int, start: int, stop: int) -> list[RawRecord]:
    """Decode the records `start` to `stop` (indices in the frame); `first` is the offset of the
    frame's first record.

    Raises CorruptData if `encode` did not write the body."""
    try:
        return _build_slice(zlib.decompress(body), journal, first, start, stop)
    except (zlib.error, struct.error, ValueError, IndexError) as error:
        raise CorruptData(
            "a frame of the journal cannot be read.",
            place=f"journal {journal}, offset {first}",
            remedy="Restore the file from a backup; other frames are not touched.",
        ) from error


def _build_slice(data: bytes, journal: str, first: int, start: int, stop: int) -> list[RawRecord]:
    version, count, head_length = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise ValueError(version)
    at = _HEAD.size + head_length
    runs = _expand_runs(json.loads(data[_HEAD.size : at]))
    arrived = _decode_numbers("q", data[at : at + 8 * count])
    at += 8 * count
    ends = list(accumulate(_decode_numbers("I", data[at : at + 4 * count]), initial=at + 4 * count))
    if ends[-1] != len(data) or len(runs) != count:
        raise ValueError(count)
    stop = min(stop, count)
    bounds = zip(ends[start:stop], ends[start + 1 :], strict=False)
    raws = [data[begin:end] for begin, end in bounds]
    return _build_records(journal, first + start, runs[start:stop], arrived[start:stop], raws)


def build_records(
    columns: RecordColumns, journal: str, first: int, start: int, stop: int
) -> list[RawRecord]:
    """Build the same records as `decode` of the encoded columns."""
    runs: list[RecordRun] = []
    for count, run in zip(columns.counts, columns.runs, strict=True):
        runs += [run] * count
    raws = columns.raws[start:stop]
    return _build_records(
        journal, first + start, runs[start:stop], columns.arrived[start:stop], raws
    )


def _build_records(
    journal: str, first: int, runs: list[RecordRun], arrived: array[int], raws: list[bytes]
) -> list[RawRecord]:
    """Build records with consecutive offsets from `first`."""
    micros, stamp = None, _EPOCH
    records: list[RawRecord] = []
    places = list_positions(RecordPosition(journal, first), len(raws))
    for position, at, run, raw in zip(places, arrived, runs, raws, strict=True):
        if at != micros:
            micros, stamp = at, _EPOCH + timedelta(microseconds=at)
        source, transport, sender, backfill, piece, replay_of = run
        records.append(
            RawRecord(position, source, raw, stamp, transport, sender, backfill, piece, replay_of)
        )
    return records


def list_positions(first: RecordPosition, count: int) -> list[RecordPosition]:
    """List so many positions, one after another."""
    journal, offset = first
    return list(map(RecordPosition._make, zip(repeat(journal), range(offset, offset + count))))


def _decode_numbers(kind: str, data: bytes) -> array[int]:
    numbers = array(kind)
    numbers.frombytes(data)
    return _to_little_endian(numbers)


def _expand_runs(head: list[list[int | str | bool]]) -> list[RecordRun]:
    spread: list[RecordRun] = []
    for count, source, transport, sender, backfill, piece, *repeated in head:
        replay_of = RecordPosition(str(repeated[0]), int(repeated[1])) if repeated else None
        run = (str(source), str(transport), str(sender), bool(backfill), str(piece), replay_of)
        spread += [run] * int(count)
    return spread
