"""Store the log records of one OTLP request, once its body has been received."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from schemas.pipeline.source import IncomingRecord
from streams.intake.http.otlp_records import BrokenRequest, JsonTooLarge, OtlpRecords
from streams.intake.http.plain_body import hold_plain_body
from streams.intake.http.request_body import (
    BodyCount,
    BodyLimits,
    IntakeRefusal,
    RequestBody,
    build_not_stored,
    build_too_large,
    iterate_plain,
    store_records,
)
from streams.intake.splitting.record_buffer import FramedRecord
from streams.ports import EventLog


def store_logs(
    log: EventLog,
    body: RequestBody,
    incoming: Callable[[FramedRecord], IncomingRecord],
    limits: BodyLimits,
    folder: Path | None,
    *,
    gzip: bool,
    is_json: bool,
) -> int:
    """Append each log record; return how many could not be read. Raises IntakeRefusal: nothing is
    stored, but with 503 the records before `received`."""
    count = BodyCount(limits)
    try:
        with (
            closing(iterate_plain(body, gzip=gzip, meanwhile=count.check)) as chunks,
            hold_plain_body(_count_chunks(chunks, count), folder) as plain,
        ):
            records = OtlpRecords(plain, limits.line_bytes, is_json=is_json)
            store_records(log, records.iterate, incoming, limits, count)
            return records.rejected
    except JsonTooLarge as error:
        raise build_too_large("the JSON is too large to be read at once.") from error
    except BrokenRequest as error:
        raise _build_broken() from error
    except OSError as error:
        raise build_not_stored(0) from error


def _count_chunks(chunks: Iterator[bytes], count: BodyCount) -> Iterator[bytes]:
    for chunk in chunks:
        count.count_plain(chunk)
        yield chunk


def _build_broken() -> IntakeRefusal:
    return IntakeRefusal(
        400,
        "the body is no ExportLogsServiceRequest; nothing was kept.",
        "Send OTLP logs, in the encoding that Content-Type names.",
    )
