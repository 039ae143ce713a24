"""Parse raw lines to ECS JSON documents in their order, as `breachdesk parse` prints them.

A line that retells an act names the event of its session with the same outcome: the last before it,
else the next one within LOOK_AHEAD lines, for which the lines between wait. Where no fuller line
comes, the first such retelling of the session is its event. A retelling that knows no outcome (a
connection's end) names any event of its session. What happened much earlier or later is another act:
processes' numbers, names and addresses come again."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import ECS_VERSION, RawRecord, RecordPosition, Value, build_nested
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.text_signs import escape_json
from streams.normalise.recognise import compute_event_id, decode, get_dataset
from streams.ports import Outcome, RecordReader
from streams.tokenizers.stamps import format_zulu

LOOK_AHEAD = 1_000
AT_ONCE = 4_000
"""Lines that are read together."""
MOST_SESSIONS = 50_000
"""Sessions whose event is remembered; the oldest is forgotten first."""
ANY_OUTCOME = "unknown"
LONGEST_ACT = timedelta(minutes=10)
"""Time between an act and a line that retells it."""
LONGEST_SESSION = timedelta(days=2)
"""Time between an act and the end of its session."""
RETELLS = "retells an act that another line of the same session describes"
TIME_FROM_ARRIVAL = "time_from_arrival"

Document = dict[str, Any]
SessionKey = tuple[str, str]
"""A session, and an outcome of its events; `unknown` stands for any."""


@dataclass(slots=True)
class _LineSlot:
    """One line's document; `key` is not None while it waits for the act it retells."""

    document: Document = field(repr=False)
    number: int
    key: SessionKey | None = None
    raw: bytes = field(default=b"", repr=False)
    time: datetime | None = None
    reach: timedelta = LONGEST_SESSION

    def is_near(self, time: datetime | None) -> bool:
        """Whether the line can retell an act of that time; a line without a time can."""
        if self.key is None or self.time is None or time is None:
            return self.key is not None
        return abs(self.time - time) <= self.reach


class _DocumentQueue:
    """Documents in order, held back behind the first that still waits."""

    def __init__(self) -> None:
        self._slots: deque[_LineSlot] = deque()
        self._waiting: dict[SessionKey, list[_LineSlot]] = {}
        self._events: OrderedDict[SessionKey, tuple[str, datetime | None]] = OrderedDict()
        """Id and time of the latest event, by key of the session with an outcome and of the session alone."""

    def add(self, slot: _LineSlot) -> None:
        self._slots.append(slot)
        if slot.key is None:
            return
        event = self._events.get(slot.key)
        if event is None or not slot.is_near(event[1]):
            self._waiting.setdefault(slot.key, []).append(slot)
        else:
            _fold(slot, event[0])

    def record_event(self, key: SessionKey, event_id: str, time: datetime | None = None) -> None:
        """Record the latest event of a session, and fold the lines that wait for it."""
        for each in {key, (key[0], ANY_OUTCOME)}:
            later: list[_LineSlot] = []
            for slot in self._waiting.pop(each, ()):
                if slot.is_near(time):
                    _fold(slot, event_id)
                elif slot.key is not None:
                    later.append(slot)
            if later:
                self._waiting[each] = later
            self._events[each] = event_id, time
            self._events.move_to_end(each)
        while len(self._events) > MOST_SESSIONS:
            self._events.popitem(last=False)

    def take_ready(self, number: int) -> Iterator[Document]:
        """Yield the documents that are final once line `number` has been read."""
        slots = self._slots
        while slots and (slots[0].key is None or slots[0].number <= number - LOOK_AHEAD):
            slot = slots.popleft()
            key, slot.key = slot.key, None
            if key is not None:
                self.record_event(key, slot.document["event"]["id"], slot.time)
            yield slot.document


def _fold(slot: _LineSlot, event_id: str) -> None:
    slot.document = {
        "folded": {"into": event_id, "reason": RETELLS},
        "event": {"original": decode(slot.raw)[0]},
    }
    slot.key = None


def parse_lines(
    lines: Iterable[bytes], *, reader: RecordReader, source: str, arrived: datetime
) -> Iterator[Document]:
    """Yield one document a line: `{"@timestamp", "event": {"id", …}, …}`, or `{"error", "event":
    {"original"}}`, or `{"folded": {"into", "reason"}, "event": {"original"}}`, or
    `{"ignored": {"reason"}, "event": {"original"}}`. Empty lines give none. The reader's settings
    name the source's parser and zone."""
    queue = _DocumentQueue()
    number = 0
    for records in _build_records(lines, source, arrived):
        with closing(reader.read(records)) as outcomes:
            for record, outcome in zip(records, outcomes, strict=True):
                number = record.position.offset
                _add(record, outcome, queue)
                yield from queue.take_ready(number)
    yield from queue.take_ready(number + LOOK_AHEAD)


def _build_records(
    lines: Iterable[bytes], source: str, arrived: datetime
) -> Iterator[list[RawRecord]]:
    records: list[RawRecord] = []
    for number, raw in enumerate(lines):
        if raw.strip():
            records.append(RawRecord(RecordPosition("parse", number), source, raw, arrived))
        if len(records) == AT_ONCE:
            yield records
            records = []
    yield records


def _add(record: RawRecord, outcome: Outcome, queue: _DocumentQueue) -> None:
    number = record.position.offset
    if isinstance(outcome, UnparseableRecord):
        queue.add(_LineSlot(_build_failure(record, outcome), number))
        return
    parser, parsed = outcome
    if isinstance(parsed, IgnoredLine):
        queue.add(_LineSlot(_build_ignored(record, parsed), number))
        return
    name = compute_event_id(record.source, record.raw, parsed.id)
    document = build_document(record, get_dataset(parser, parsed), parsed, name)
    if parsed.session is None:
        queue.add(_LineSlot(document, number))
        return
    key = (parsed.session, str(parsed.fields.get("event.outcome", ANY_OUTCOME)))
    if parsed.is_retelling:
        is_end = key[1] == ANY_OUTCOME or "end" in parsed.fields.get("event.type", ())
        reach = LONGEST_SESSION if is_end else LONGEST_ACT
        queue.add(_LineSlot(document, number, key, record.raw, parsed.time, reach))
    else:
        queue.add(_LineSlot(document, number))
        queue.record_event(key, name, parsed.time)


def build_document(record: RawRecord, of: str, act: ParsedEvent, name: str) -> Document:
    """Build the act's nested ECS JSON; an act without a time of its own gets its arrival,
    tagged."""
    fields: dict[str, Value] = {"event.kind": "event", **act.fields, "event.dataset": of}
    fields["@timestamp"] = format_zulu(act.time or record.arrived)
    if act.time is None:
        fields["tags"] = [*fields.get("tags", ()), TIME_FROM_ARRIVAL]
    fields.setdefault("ecs.version", ECS_VERSION)
    fields["event.id"] = name
    fields["event.ingested"] = format_zulu(record.arrived)
    return build_nested(fields)


def render_json(document: Document) -> bytes:
    """Render one line of JSON, hidden characters as escapes. A value that JSON cannot hold refuses
    the line only."""
    try:
        line = orjson.dumps(document, default=str, option=orjson.OPT_APPEND_NEWLINE)
        # orjson escapes all controls but DEL, and ASCII holds no other hidden character.
        if line.isascii() and b"\x7f" not in line:
            return line
        return escape_json(line.decode()).encode()
    except orjson.JSONEncodeError:
        error = UnparseableRecord(
            "it says what JSON cannot hold", remedy="Keep the line and report its format."
        )
        refusal = {"error": {"message": str(error), "type": type(error).__name__}}
        return orjson.dumps(refusal, option=orjson.OPT_APPEND_NEWLINE)


def _build_failure(record: RawRecord, error: UnparseableRecord) -> Document:
    return {
        "error": {"message": str(error), "type": type(error).__name__},
        "event": {"original": decode(record.raw)[0]},
    }


def _build_ignored(record: RawRecord, line: IgnoredLine) -> Document:
    return {
        "ignored": {"reason": line.reason},
        "event": {"original": decode(record.raw)[0]},
    }
