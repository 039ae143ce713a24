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
from streams.correlate.in_time import in_time
from streams.normalise.enrich import Enricher
from streams.normalise.recognise import MOST_SOURCES, NotUnderstood, dataset
from streams.normalise.source_counts import BatchCounter
from streams.ports import RecordReader, RegisterView
from streams.tokenizers.identifiers import shorten_identifier

NO_TIME = "time_from_arrival"
"""Tag of an event whose line carries no time."""
PARSER_ID = re.compile(r"[a-z0-9_]+")
"""A failed parser's name, with which the place of its error begins."""
NUL_SHOWN = "\N{SYMBOL FOR NULL}"
"""PostgreSQL's text cannot hold NUL (its manual, 8.3): both stores see this sign instead. The raw
bytes keep it."""

Take = Callable[[Event, RawRecord], None]
"""Gets every event with the record it came from: of each source in order, one source after another."""


class Normaliser:
    """Owns no thread, no file, no clock, no window."""

    def __init__(self, reader: RecordReader, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings
        self._sources: dict[str, _Source] = {}
        self._view: RegisterView | None = None
        self._enricher: Enricher | None = None

    def normalise(
        self, records: Sequence[RawRecord], view: RegisterView, take: Take
    ) -> BatchCounter:
        """No record is lost: each becomes an event, is folded into the line that tells its act, or
        is a dead letter."""
        enricher, counter = self._enricher_of(view), BatchCounter()
        records = self._by_source(records)
        with closing(self._reader.read(records)) as outcomes:
            for record, outcome in zip(records, outcomes, strict=True):
                count = counter.received(record)
                if isinstance(outcome, Unparseable):
                    _refuse(record, outcome, counter)
                    continue
                parser, told = outcome
                if isinstance(told, Folded):
                    count.folded_by(parser)
                    continue
                source = self._source_of(record.source)
                event = make_event(record, source, parser, told, enricher)
                count.parsed_by(parser, event)
                if event.unattributed:
                    counter.unattributed_event(event, event.unattributed)
                take(event, record)
        return counter

    def _by_source(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """Sources of one format beside each other, and of each source the records in order.

        Lines that are read by the same code one after another cost a quarter less than lines that
        alternate: the processor's caches hold one parser and one vendor's fields at a time."""
        of_source: dict[str, list[RawRecord]] = {}
        for record in records:
            several = of_source.get(record.source)
            if several is None:
                several = of_source[record.source] = []
            several.append(record)
        if len(of_source) <= 1:
            return records
        names = sorted(of_source, key=lambda name: (self._source_of(name).settings.parser, name))
        return [record for name in names for record in of_source[name]]

    def _enricher_of(self, view: RegisterView) -> Enricher:
        if self._enricher is None or view is not self._view:
            self._view, self._enricher = view, Enricher(view)
        return self._enricher

    def _source_of(self, name: str) -> _Source:
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) >= MOST_SOURCES:
                self._sources.clear()
            source = self._sources[name] = _Source(self._settings.source(name))
        return source


class _Source:
    """A source's settings, and H in seconds."""

    __slots__ = ("horizon", "settings")

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.horizon = settings.horizon_hours * 3600


def make_event(
    record: RawRecord, source: _Source, parser: str, act: Act, enricher: Enricher
) -> Event:
    """An act with its facts of arrival, and whose it is as of event time."""
    raw, fields, time = record.raw, act.fields, act.time
    if b"\x00" in raw or (b"\\" in raw and b"\\u0000" in raw):
        fields.update(_without_nul(fields))
    resolution = enricher.resolve(act, record, source.settings)
    if time is None:
        time = record.arrived
        fields["tags"] = [*fields.get("tags", ()), NO_TIME]
    named = fields["event.dataset"] = dataset(parser, act)
    if resolution.organization is not None:
        fields["organization.id"] = resolution.organization
    unattributed, given = resolution.unattributed, act.id
    return Event(
        time=time,
        arrived=record.arrived,
        dataset=named,
        source=record.source,
        fields=fields,
        position=record.position,
        organization=resolution.organization,
        touches=resolution.touches,
        unattributed=unattributed and shorten_identifier(unattributed),
        in_time=in_time(time, record.arrived, source.horizon, backfill=record.backfill),
        id=None if given is None else shorten_identifier(given).replace("\x00", NUL_SHOWN),
        raw=raw,
    )


def _refuse(record: RawRecord, refusal: Unparseable, counter: BatchCounter) -> None:
    if isinstance(refusal, NotUnderstood):
        counter.not_understood(_dead_letter(record, "", refusal), record)
        return
    failed = PARSER_ID.match(refusal.place)
    counter.unparseable(_dead_letter(record, failed[0] if failed else "", refusal), record)


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
