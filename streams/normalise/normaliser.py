"""Steps 2 and 3's first half: raw records → events, each handed on as it is made. Stateless.

The same records after any others make the same events: both deployments read with this.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from schemas.errors import Unparseable
from schemas.event import Event, RawRecord
from schemas.plugin import Act, Folded
from schemas.settings import Settings, SourceSettings
from schemas.source import DeadLetter
from streams.correlate.windows import in_time
from streams.normalise.enrich import Enricher
from streams.normalise.recognise import NotUnderstood, dataset, event_id
from streams.normalise.source_counts import BatchCounter
from streams.ports import Outcome, RecordReader, RegisterView
from streams.tokenizers.identifiers import shorten_identifier

NO_TIME = "time_from_arrival"
"""Tag of an event whose line carries no time."""
PARSER_ID = re.compile(r"[a-z0-9_]+")
"""A failed parser's name, with which the place of its error begins."""
NUL_SHOWN = "\N{SYMBOL FOR NULL}"
"""PostgreSQL's text cannot hold NUL (its manual, 8.3): both stores see this sign instead. The raw
bytes keep it."""

Take = Callable[[Event, RawRecord], None]
"""Gets every event with the record it came from, in order."""


class Normaliser:
    """Owns no thread, no file, no clock, no window."""

    def __init__(self, reader: RecordReader, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings
        self._sources: dict[str, SourceSettings] = {}

    def normalise(
        self, records: Sequence[RawRecord], view: RegisterView, take: Take
    ) -> BatchCounter:
        """No record is lost: each becomes an event, is folded into the line that tells its act, or
        is a dead letter."""
        enricher, counter = Enricher(view), BatchCounter()
        with closing(self._reader.read(records)) as outcomes:
            for record, outcome in zip(records, outcomes, strict=True):
                event = self._event(record, outcome, enricher, counter)
                if event is not None:
                    take(event, record)
        return counter

    def _event(
        self, record: RawRecord, outcome: Outcome, enricher: Enricher, counter: BatchCounter
    ) -> Event | None:
        counter.received(record)
        if isinstance(outcome, NotUnderstood):
            counter.not_understood(_dead_letter(record, "", outcome), record)
            return None
        if isinstance(outcome, Unparseable):
            failed = PARSER_ID.match(outcome.place)
            counter.unparseable(_dead_letter(record, failed[0] if failed else "", outcome), record)
            return None
        parser, told = outcome
        if isinstance(told, Folded):
            counter.folded(record, parser)
            return None
        event = make_event(record, self._source(record.source), parser, told, enricher)
        counter.parsed(event, parser)
        return event

    def _source(self, name: str) -> SourceSettings:
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = self._settings.source(name)
        return source


def make_event(
    record: RawRecord, source: SourceSettings, parser: str, act: Act, enricher: Enricher
) -> Event:
    """An act with its facts of arrival, and whose it is as of event time."""
    if b"\x00" in record.raw or b"\\u0000" in record.raw:
        act.fields.update(_without_nul(act.fields))
    resolved = enricher.resolve(act, record, source)
    fields = act.fields
    time = act.time
    if time is None:
        time = record.arrived
        fields["tags"] = [*fields.get("tags", ()), NO_TIME]
    named = fields["event.dataset"] = dataset(parser, act)
    if resolved.organization is not None:
        fields["organization.id"] = resolved.organization
    return Event(
        id=event_id(record.source, record.raw, act).replace("\x00", NUL_SHOWN),
        time=time,
        arrived=record.arrived,
        dataset=named,
        source=record.source,
        fields=fields,
        position=record.position,
        sha256=hashlib.sha256(record.raw).hexdigest(),
        organization=resolved.organization,
        touches=resolved.touches,
        unattributed=resolved.unattributed and shorten_identifier(resolved.unattributed),
        in_time=in_time(
            time, record.arrived, source.horizon_hours * 3600, backfill=record.backfill
        ),
    )


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", NUL_SHOWN)
    if isinstance(value, Mapping):
        return {_without_nul(key): _without_nul(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(each) for each in value]
    return value


def _dead_letter(record: RawRecord, parser: str, wrong: Unparseable) -> DeadLetter:
    return DeadLetter(
        position=record.position,
        source=record.source,
        arrived=record.arrived,
        parser=parser,
        reason=str(wrong),
        sha256=hashlib.sha256(record.raw).hexdigest(),
    )
