"""Convert the body of one request to records in the event log, in memory that does not grow with
the body.

A body is read twice. The first pass unpacks, splits and counts, and keeps nothing: whatever would
be refused is refused then, before the event log has any of it. The second pass appends the records
in slices. A body that fits into one slice is split once and appended whole."""

from __future__ import annotations

import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from schemas.errors import BadInput, RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.intake.splitting.inflate import decompress
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.record_splitter import RecordSplitter
from streams.ports import EventLog

MOST_BODY_BYTES = 16 * 1024 * 1024
"""As sent."""
MOST_PLAIN_BYTES = 64 * 1024 * 1024
"""Unpacked: a small gzip body may be a bomb."""
MOST_CPU_SECONDS = 10.0
"""Of one thread, for one look at a body. 64 MiB of audit records take about two."""
SLICE_RECORDS = 5000
SLICE_BYTES = 4 * 1024 * 1024
_IN_MEMORY = 256 * 1024
_CHUNK_BYTES = 64 * 1024
_BLANK = b" \t\r\n\v\f"
AGAIN = {"Retry-After": "5"}
_MARK = b"\xef\xbb\xbf"


class IntakeRefusal(BadInput):
    """An answer that is not 202. `received`: complete records of the body that are stored."""

    def __init__(
        self,
        status: int,
        problem: str,
        remedy: str,
        *,
        received: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(problem, place="intake", remedy=remedy)
        self.status = status
        self.received = received
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What one body may hold. `stopping` ends the work between two slices."""

    records: int
    line_bytes: int
    stopping: Event


class RequestBody:
    """A body as received: the first bytes in memory, more of it in a file that has no name."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - __exit__
            _IN_MEMORY, dir=None if folder is None else str(folder)
        )
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what a full disk did not take is tried once more here
            self._file.close()

    def add(self, part: bytes) -> None:
        """Raises Refusal: too large, or the disk is full."""
        self._size += len(part)
        if self._size > MOST_BODY_BYTES:
            raise build_too_large(f"the body is larger than {MOST_BODY_BYTES} bytes.")
        try:
            self._file.write(part)
        except OSError as error:
            raise build_not_stored(0) from error

    def iterate_chunks(self) -> Iterator[bytes]:
        """Yield the body from its beginning. Raises Refusal if the disk did not accept the end of
        it."""
        try:
            self._file.seek(0)
        except OSError as error:
            raise build_not_stored(0) from error
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk


def store(
    log: EventLog,
    body: RequestBody,
    incoming: Callable[[FramedRecord], IncomingRecord],
    limits: BodyLimits,
    *,
    gzip: bool,
) -> tuple[int, RecordPosition | None]:
    """Append every record of the body: how many, and the position of the last.

    Raises Refusal. With 503 the records before `received` are stored; with any other, none is.
    """
    slices = _check_records(body, limits, gzip=gzip)
    if slices is None:
        with closing(iterate_plain(body, gzip=gzip)) as parts:
            return _append(log, incoming, _iterate_slices(_split(parts, limits)), limits)
    return _append(log, incoming, iter(slices), limits)


def store_records(
    log: EventLog,
    iterate: Callable[[Callable[[], None]], Iterator[list[FramedRecord]]],
    incoming: Callable[[FramedRecord], IncomingRecord],
    limits: BodyLimits,
    count: BodyCount,
) -> tuple[int, RecordPosition | None]:
    """Append every record that `iterate` yields, which is called once or twice, with what it must
    call now and then. Raises as `store` does."""
    for framed in iterate(count.check):
        count.count_framed(framed)
    slices = count.one_slice
    # What has been counted is stored, however long that takes: of a refusal nothing is stored.
    again = _iterate_slices(iterate(_pass)) if slices is None else iter(slices)
    return _append(log, incoming, again, limits)


def _pass() -> None:
    return None


def _check_records(
    body: RequestBody, limits: BodyLimits, *, gzip: bool
) -> list[list[FramedRecord]] | None:
    """Return the records if they fit into one slice; None if the body must be read again."""
    count = BodyCount(limits)
    with closing(iterate_plain(body, gzip=gzip, meanwhile=count.check)) as parts:
        splitter = RecordSplitter(limits.line_bytes)
        for part in parts:
            count.count_plain(part)
            count.count_framed(splitter.feed(part))
    count.count_framed(splitter.finish())
    if not count.records and count.is_blank:
        raise IntakeRefusal(400, "the body holds no record.", "Send one record a line.")
    return count.one_slice


class BodyCount:
    """What a first look at the body has found so far."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._began = time.thread_time()
        self._plain = self._bytes = 0
        self.records = 0
        self.is_blank = True
        self._slice: list[FramedRecord] | None = []

    @property
    def one_slice(self) -> list[list[FramedRecord]] | None:
        return None if self._slice is None else [self._slice]

    def count_plain(self, part: bytes) -> None:
        if self.is_blank:
            self.is_blank = not (part if self._plain else part.removeprefix(_MARK)).strip(_BLANK)
        self._plain += len(part)
        if self._plain > MOST_PLAIN_BYTES:
            raise build_too_large(f"the body unpacks to more than {MOST_PLAIN_BYTES} bytes.")

    def count_framed(self, records: list[FramedRecord]) -> None:
        self.records += len(records)
        self._bytes += sum(len(each.raw) for each in records)
        if self.records > self._limits.records:
            raise build_too_large(f"the body holds more than {self._limits.records} records.")
        if self._bytes > MOST_PLAIN_BYTES:  # UTF-16 grows when it becomes UTF-8
            raise build_too_large(f"the records are longer than {MOST_PLAIN_BYTES} bytes.")
        if self.records > SLICE_RECORDS or self._bytes > SLICE_BYTES:
            self._slice = None
        elif self._slice is not None:
            self._slice += records
        self.check()

    def check(self) -> None:
        """Raises Refusal when we stop, or when the body has cost too much."""
        if self._limits.stopping.is_set():
            raise build_not_stored(0)
        if time.thread_time() - self._began > MOST_CPU_SECONDS:
            raise build_too_large("the body takes too long to read.")


def _split(parts: Iterator[bytes], limits: BodyLimits) -> Iterator[list[FramedRecord]]:
    splitter = RecordSplitter(limits.line_bytes)
    for part in parts:
        yield splitter.feed(part)
    yield splitter.finish()


def _iterate_slices(fed: Iterator[list[FramedRecord]]) -> Iterator[list[FramedRecord]]:
    records: list[FramedRecord] = []
    size = 0
    for several in fed:
        records += several
        size += sum(len(each.raw) for each in several)
        if len(records) >= SLICE_RECORDS or size >= SLICE_BYTES:
            yield records
            records, size = [], 0
    if records:
        yield records


def _append(
    log: EventLog,
    incoming: Callable[[FramedRecord], IncomingRecord],
    slices: Iterator[list[FramedRecord]],
    limits: BodyLimits,
) -> tuple[int, RecordPosition | None]:
    stored = complete = 0
    last: RecordPosition | None = None
    for framed in slices:
        if limits.stopping.is_set():
            raise build_not_stored(complete)
        try:
            positions = log.append([incoming(each) for each in framed])
        except RetryableError as error:
            raise build_not_stored(complete) from error
        stored += len(positions)
        complete += sum(each.ends_record for each in framed)
        last = positions[-1] if positions else last
    return stored, last


def iterate_plain(
    body: RequestBody, *, gzip: bool, meanwhile: Callable[[], None] | None = None
) -> Generator[bytes]:
    """Yield the unpacked body. `meanwhile` is called for every chunk, even one without output."""
    chunks = _watch_chunks(body.iterate_chunks(), meanwhile)
    if not gzip:
        yield from chunks
        return
    try:
        yield from decompress(chunks, _CHUNK_BYTES)
    except (zlib.error, EOFError) as error:
        raise IntakeRefusal(
            400,
            "the body is not whole gzip, though Content-Encoding says so; nothing was kept.",
            "Pack it again, or leave Content-Encoding out.",
        ) from error


def _watch_chunks(chunks: Iterator[bytes], meanwhile: Callable[[], None] | None) -> Iterator[bytes]:
    for chunk in chunks:
        if meanwhile:
            meanwhile()
        yield chunk


def build_too_large(problem: str) -> IntakeRefusal:
    """Build the refusal of a body of which nothing was stored."""
    return IntakeRefusal(
        413, problem, "Send fewer records a request; nothing of this one was kept."
    )


def build_not_stored(received: int) -> IntakeRefusal:
    """Build the refusal of a body of which only the first `received` records are stored."""
    if not received:
        return IntakeRefusal(
            503,
            "the records could not be stored now; none of them counts as received.",
            "Send the same request again later.",
            headers=AGAIN,
        )
    return IntakeRefusal(
        503,
        f"only the first {received} records are stored; the others could not be stored now.",
        f"Send the records after the first {received} again later. A line that comes twice from"
        " one source is one event, so sending all of them again is harmless too.",
        received=received,
        headers=AGAIN,
    )
