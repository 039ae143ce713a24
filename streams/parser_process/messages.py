"""Encode the messages between parent and child as plain values.

Requests are marshalled, the quickest way for bytes and numbers; the child trusts its parent.
Replies are pickled, the quickest that keeps every value as it is (docs/adr/0005-parser-process.md),
and loaded by an unpickler that accepts no class but those of time: the child read hostile bytes,
and must not make its parent run code. (`marshal.loads` may crash on bytes that it did not
write.)"""

from __future__ import annotations

import datetime as dt
import io
import marshal
import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.errors import ConfigurationError, UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.settings import SourceSettings
from streams.normalise.record_readers import ParserFailed
from streams.normalise.refusals import NotUnderstood, SetAside
from streams.parser_process.slow_lines import LineKind, SlowLineRecord
from streams.ports import Outcome
from streams.reading_ended import EndReason, ReadingEnded

PROTOCOL = 5
_WITHOUT_REFERENCES = 2
"""Marshal's version: no two values of a request are one object."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_KINDS: tuple[type[UnparseableRecord], ...] = (NotUnderstood, SetAside, ParserFailed, ReadingEnded)
_TIMES = {"datetime", "timedelta", "timezone"}


class InvalidReply(Exception):
    """The reply is not one that the child's code can send."""


class HelloMessage(NamedTuple):
    """What a child is told when it starts."""

    seconds: float
    seconds_per_mebibyte: float
    memory_mebibytes: int
    parsers: tuple[str, ...]
    slow: dict[LineKind, SlowLineRecord]


class SourceMessage(NamedTuple):
    """What a child must know of a record's source; `account`: as in slow_lines."""

    name: str
    parser: str
    zone: str
    account: str
    max_future_minutes: float
    field_map: tuple[tuple[str, str], ...]

    def to_settings(self) -> SourceSettings:
        return SourceSettings(
            name=self.name,
            parser=self.parser,
            zone=self.zone,
            max_future_minutes=self.max_future_minutes,
            fields=dict(self.field_map),
        )


def dump_hello(of: HelloMessage) -> bytes:
    return pickle.dumps(tuple(of), PROTOCOL)


def read_hello(message: bytes) -> HelloMessage:
    return HelloMessage(*_load_plain(message))


def dump_ready(parsers: Sequence[str]) -> bytes:
    """Encode the child's parsers by number."""
    return pickle.dumps(tuple(parsers), PROTOCOL)


def dump_refusal(problem: ConfigurationError) -> bytes:
    """Encode that the child cannot start with these settings."""
    return pickle.dumps({"refused": (problem.problem, problem.place, problem.remedy)}, PROTOCOL)


def read_ready(message: bytes) -> tuple[str, ...]:
    """Read the parsers' ids. Raises the child's ConfigurationError."""
    content = _load_plain(message)
    if isinstance(content, dict):
        problem, place, remedy = content["refused"]
        raise ConfigurationError(problem, place=place, remedy=remedy)
    return tuple(content)


def dump_request(records: Sequence[RawRecord], sources: dict[str, SourceMessage]) -> bytes:
    """Encode a request; `sources` holds all of these records' sources, by name."""
    numbers = {name: number for number, name in enumerate(sources)}
    arrived: list[int] = []
    last, micros = None, 0
    for record in records:
        if record.arrived is not last:
            last = record.arrived
            micros = (last - _EPOCH) // _MICROSECOND
        arrived.append(micros)
    columns = (
        [tuple(source) for source in sources.values()],
        [numbers[record.source] for record in records],
        [record.raw for record in records],
        arrived,
    )
    return marshal.dumps(columns, _WITHOUT_REFERENCES)


def read_request(message: bytes) -> tuple[list[SourceMessage], list[int], list[RawRecord]]:
    """Read the sources, and for each record its source's number and the record."""
    several, numbers, raws, arrived = marshal.loads(message)  # noqa: S302 - from our parent
    sources = [SourceMessage(*each) for each in several]
    nowhere = RecordPosition("", 0)
    last, stamp = 0, _EPOCH
    records: list[RawRecord] = []
    for number, raw, micros in zip(numbers, raws, arrived, strict=True):
        if micros != last:
            last, stamp = micros, _EPOCH + dt.timedelta(microseconds=micros)
        records.append(RawRecord(nowhere, sources[number].name, raw, stamp))
    return sources, numbers, records


def dump_reply(outcomes: Sequence[Outcome]) -> bytes:
    return pickle.dumps([_to_row(each) for each in outcomes], PROTOCOL)


def read_reply(message: bytes) -> list[Outcome]:
    """Raises NoReply for anything that `reply` does not make."""
    try:
        return [_parse_outcome(row) for row in _load_plain(message)]
    except (pickle.UnpicklingError, ValueError, TypeError, LookupError, EOFError) as error:
        raise InvalidReply from error


def _to_row(outcome: Outcome) -> tuple[Any, ...]:
    if isinstance(outcome, UnparseableRecord):
        kind = _KINDS.index(type(outcome)) if type(outcome) in _KINDS else -1
        return kind, outcome.problem, outcome.place, outcome.remedy
    parser, parsed = outcome
    if isinstance(parsed, ParsedEvent):
        return parser, parsed.time, parsed.fields, parsed.id, parsed.session, parsed.is_retelling
    return parser, parsed.reason


def _parse_outcome(row: tuple[Any, ...]) -> Outcome:
    if len(row) == 6:
        parser, time, fields, name, session, is_retelling = row
        return parser, ParsedEvent(time, fields, name, session, is_retelling=is_retelling)
    if len(row) == 2:
        parser, reason = row
        return parser, IgnoredLine(reason)
    kind, problem, place, remedy = row
    if kind >= 0 and _KINDS[kind] is ReadingEnded:
        return ReadingEnded(problem, EndReason.SLOW, place=place, remedy=remedy)
    error_class = _KINDS[kind] if kind >= 0 else UnparseableRecord
    return error_class(problem, place=place, remedy=remedy)


class _PlainUnpickler(pickle.Unpickler):
    """Builds nothing but plain values and times."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "datetime" and name in _TIMES:
            return getattr(dt, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no plain value")


def _load_plain(message: bytes) -> Any:
    return _PlainUnpickler(io.BytesIO(message)).load()
