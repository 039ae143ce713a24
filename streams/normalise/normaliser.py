"""Convert raw records to events (step 2 and the first half of step 3), passing on each as it is
made. Stateless.

The result for a record does not depend on earlier records: both deployments use this code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Event, RawRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.pipeline.source import DeadLetter
from schemas.settings import Settings, SourceSettings
from streams.correlate.in_time import is_in_time
from streams.normalise.enrich import EventEnricher
from streams.normalise.forwarding import OUTSIDE, omit_own_addresses
from streams.normalise.hour_counts import RecentRecords
from streams.normalise.origins import OriginEnricher
from streams.normalise.recognise import MOST_SOURCES, get_dataset
from streams.normalise.refusals import NotUnderstood
from streams.normalise.source_counts import BatchCounter, SourceCounter
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
"""Gets every event with the record it came from: of each source in order, one source after
another."""


class EventNormaliser:
    """Owns no thread, no file, no clock, no window. Of earlier records it knows digests only, to
    count copies."""

    def __init__(self, reader: RecordReader, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings
        self._sources: dict[str, _NormalisedSource] = {}
        self._view: RegisterView | None = None
        self._enricher: EventEnricher | None = None
        self._recent = RecentRecords()
        self._origins = OriginEnricher(settings.origins)

    def normalise(
        self, records: Sequence[RawRecord], view: RegisterView, take: Take
    ) -> BatchCounter:
        """Normalise all records: each becomes an event, describes no act, or is a dead letter."""
        enricher, counter = self._get_enricher(view), BatchCounter(self._recent)
        records = self._sort_by_source(records)
        self._origins.refresh()
        name: str | None = None
        source: _NormalisedSource
        count: SourceCounter
        with closing(self._reader.read(records)) as outcomes:
            for record, outcome in zip(records, outcomes, strict=True):
                if record.source != name:
                    name = record.source
                    source, count = self._get_source(name), counter.get_source(name)
                count.record_received(record)
                if isinstance(outcome, UnparseableRecord):
                    _refuse(record, outcome, counter)
                    continue
                parser, parsed = outcome
                if isinstance(parsed, IgnoredLine):
                    count.record_ignored(parser)
                    continue
                self._origins.add(parsed.fields)
                event = make_event(record, source, parser, parsed, enricher)
                count.record_parsed(parser, event)
                if event.unattributed:
                    counter.record_unattributed(event, event.unattributed)
                take(event, record)
        return counter

    def _sort_by_source(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """Sort sources of one format together, and keep each source's records in order.

        Lines that the same code reads one after another cost a quarter less than lines that
        alternate: the processor's caches hold one parser and one vendor's fields at a time."""
        of_source: dict[str, list[RawRecord]] = {}
        for record in records:
            several = of_source.get(record.source)
            if several is None:
                several = of_source[record.source] = []
            several.append(record)
        if len(of_source) <= 1:
            return records
        names = sorted(of_source, key=lambda name: (self._get_source(name).settings.parser, name))
        return [record for name in names for record in of_source[name]]

    def _get_enricher(self, view: RegisterView) -> EventEnricher:
        if self._enricher is None or view is not self._view:
            self._view, self._enricher = view, EventEnricher(view)
        return self._enricher

    def _get_source(self, name: str) -> _NormalisedSource:
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) >= MOST_SOURCES:
                self._sources.clear()
            source = self._sources[name] = _NormalisedSource(self._settings.get_source(name))
        return source


class _NormalisedSource:
    """A source's settings, and H in seconds."""

    __slots__ = ("horizon", "settings")

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.horizon = settings.horizon_hours * 3600


def make_event(
    record: RawRecord,
    source: _NormalisedSource,
    parser: str,
    act: ParsedEvent,
    enricher: EventEnricher,
) -> Event:
    """Make the event of an act, with its facts of arrival and its owner as of event time."""
    raw, fields, time = record.raw, act.fields, act.time
    if b"\x00" in raw or (b"\\" in raw and b"\\u0000" in raw):
        fields.update(_replace_nul(fields))
    resolution = enricher.resolve(act, record, source.settings)
    if time is None:
        time = record.arrived
        fields["tags"] = [*fields.get("tags", ()), NO_TIME]
    named = fields["event.dataset"] = get_dataset(parser, act)
    if resolution.organization is not None:
        fields["organization.id"] = resolution.organization
        if OUTSIDE in fields:
            omit_own_addresses(fields, resolution.organization, enricher.find_mailbox, time)
    unattributed, act_id = resolution.unattributed, act.id
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
        in_time=is_in_time(time, record.arrived, source.horizon, backfill=record.backfill),
        session=act.session,
        is_retelling=act.is_retelling,
        id=None if act_id is None else shorten_identifier(act_id).replace("\x00", NUL_SHOWN),
        raw=raw,
    )


def _refuse(record: RawRecord, refusal: UnparseableRecord, counter: BatchCounter) -> None:
    if isinstance(refusal, NotUnderstood):
        counter.record_not_understood(_build_dead_letter(record, "", refusal), record)
        return
    failed = PARSER_ID.match(refusal.place)
    counter.record_unparseable(
        _build_dead_letter(record, failed[0] if failed else "", refusal), record
    )


def _replace_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", NUL_SHOWN)
    if isinstance(value, Mapping):
        return {_replace_nul(key): _replace_nul(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nul(each) for each in value]
    return value


def _build_dead_letter(record: RawRecord, parser: str, wrong: UnparseableRecord) -> DeadLetter:
    return DeadLetter(
        position=record.position,
        source=record.source,
        arrived=record.arrived,
        parser=parser,
        reason=str(wrong),
        sha256=hashlib.sha256(record.raw).hexdigest(),
    )
