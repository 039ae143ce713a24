"""Read files into the event log: plain or gzip, once or followed as they grow.

Records too long for `max_line_bytes` come in pieces (streams.intake.splitting.record_buffer), so
that nothing is left out."""

from __future__ import annotations

import glob
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import BinaryIO

from schemas.errors import BadInput, NotFound
from schemas.followed_files import FollowedFilesSettings
from streams.intake.files.follow_memory import FollowMemory
from streams.intake.files.ingester import FileIngester
from streams.intake.files.source_follower import SourceFollower
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.splitting.inflate import decompress
from streams.intake.splitting.record_buffer import DEFAULT_LIMIT
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog

_CHUNK_BYTES = 512 * 1024

Progress = Callable[[int, int, int], None]
"""bytes done, bytes in all, records so far (bytes of the file: packed ones, if it is packed)."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one file gave."""

    records: int
    bytes: int
    """Read from the file (packed size for gzip)."""


def ingest_file(  # noqa: PLR0913 - each is a word of the command line
    path: Path,
    log: EventLog,
    *,
    source: str,
    now: Callable[[], datetime],
    backfill: bool = True,
    follow: bool = False,
    stop: Event | None = None,
    progress: Progress | None = None,
    max_line_bytes: int = DEFAULT_LIMIT,
    poll_seconds: float = 0.5,
) -> IngestReport:
    """Append every record of the file; returns when all is durable.

    `follow` goes on at the end, through rotation and truncation, until `stop` is set; a last line
    without its end waits. `stop` without `follow` ends after the chunk being read. Raises NotFound,
    BadInput (not a readable file, broken gzip: what came before is kept), RetryableError (the log
    refused; repeating the file is harmless, copies of a line are one event)."""
    feeder = FileIngester(log, source=source, now=now, backfill=backfill, limit=max_line_bytes)
    tell = progress or _ignore_progress
    with _open_file(path) as file:
        packed = _is_gzip(file)
        if not follow:
            bytes_read = _read_once(path, file, feeder, stop or Event(), tell, packed=packed)
            return IngestReport(feeder.records, bytes_read)
    _check_followable(path, packed=packed)
    around = FollowSurroundings(
        log=log,
        memory=FollowMemory(None),
        now=now,
        max_line_bytes=max_line_bytes,
        reports=TroubleReports(lambda _text: None),
        stop=stop or Event(),
        settles=False,
        backfills=backfill,
    )
    settings = FollowedFilesSettings(
        source=source,
        paths=(glob.escape(str(path.absolute())),),
        poll_seconds=poll_seconds,
        scan_seconds=0.0,
    )
    return _follow(SourceFollower(settings, around), around.stop, tell, poll_seconds)


def _follow(
    follower: SourceFollower, stop: Event, tell: Progress, poll_seconds: float
) -> IngestReport:
    try:
        while True:
            stopping = stop.is_set()
            more = follower.run_round()
            tell(follower.bytes_read, follower.bytes_read, follower.records)
            if stopping and not more:
                return IngestReport(follower.records, follower.bytes_read)
            if not more:
                stop.wait(poll_seconds)
    finally:
        follower.close()


def _read_once(
    path: Path, file: BinaryIO, feeder: FileIngester, stop: Event, tell: Progress, *, packed: bool
) -> int:
    total = path.stat().st_size
    for chunk in _decompress_file(path, file, feeder) if packed else _read_chunks(file):
        feeder.take(chunk)
        tell(file.tell(), total, feeder.records)
        if stop.is_set():
            return file.tell()
    feeder.finish()
    tell(file.tell(), total, feeder.records)
    return file.tell()


def _ignore_progress(bytes_read: int, total: int, records: int) -> None:
    """Ignore the progress (the default)."""


@contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound("there is no such file.", place=str(path)) from error
    except OSError as error:
        raise BadInput(
            f"the file cannot be read ({error.strerror}).",
            place=str(path),
            remedy="Name a file this user may read.",
        ) from error
    with file:
        yield file


def _is_gzip(file: BinaryIO) -> bool:
    """Whether the first bytes are those of gzip; the name does not count."""
    magic = file.read(2)
    file.seek(0)
    return magic == b"\x1f\x8b"


def _check_followable(path: Path, *, packed: bool) -> None:
    if packed:
        raise BadInput(
            "a packed file does not grow and cannot be followed.",
            place=str(path),
            remedy="Leave out --follow, or follow the unpacked log.",
        )


def _read_chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _decompress_file(path: Path, file: BinaryIO, feeder: FileIngester) -> Iterator[bytes]:
    try:
        yield from decompress(_read_chunks(file))
    except (EOFError, zlib.error) as error:
        feeder.finish()
        raise BadInput(
            f"the packed file breaks off or is damaged; {feeder.records} records before that"
            " are kept.",
            place=str(path),
            remedy="Fetch the file again and ingest it again: copies of a line are one event.",
        ) from error
