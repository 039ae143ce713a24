"""Steps 2–4 joined: raw records → everything one transaction must write.

Pure but for the window state: the same records after the same state make the same batch. After a
failed commit the caller loads again what was committed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from schemas.errors import Unparseable
from schemas.event import Event, Position, RawRecord
from schemas.plugin import Act, Folded
from schemas.settings import Settings, SourceSettings
from schemas.source import DeadLetter
from streams.alerting import Alerting
from streams.enrich import Enricher
from streams.ports import Batch, RegisterView, Resume
from streams.recognise import NotUnderstood, Recogniser, event_id
from streams.sigma.rulebook import RuleBook
from streams.tally import Tally
from streams.windows import in_time

NO_TIME = "time_from_arrival"
"""Tag of an event whose line carries no time."""
PARSER_ID = re.compile(r"[a-z0-9_]+")
"""A failed parser's name, with which the place of its error begins."""


class Pipeline:
    """Hosted by a worker; owns no thread, no file, no clock."""

    def __init__(self, rules: RuleBook, recogniser: Recogniser, settings: Settings) -> None:
        hours = [source.horizon_hours for source in settings.sources]
        hours.append(SourceSettings(name="").horizon_hours)
        self._alerting = Alerting(rules, max(hours) * 3600)
        self._recogniser = recogniser
        self._settings = settings
        self._sources: dict[str, SourceSettings] = {}

    def load(self, resume: Resume) -> None:
        """Start from what was committed last."""
        self._alerting.load(resume)

    def process(
        self, records: Sequence[RawRecord], view: RegisterView, before: Position | None
    ) -> Batch:
        """At least one record. No record is lost: each becomes an event, is folded into the line
        that tells its act, or is a dead letter."""
        enricher, tally = Enricher(view), Tally()
        for record in records:
            self._record(record, enricher, tally)
        arrived = max(record.arrived for record in records).timestamp()
        alerts = self._alerting.finish(arrived)
        return Batch(
            before=before,
            after=records[-1].position,
            signals=alerts.signals,
            groups=alerts.groups,
            evictions=alerts.evictions,
            buckets=alerts.buckets,
            dead_letters=tally.dead_letters,
            sources=tally.sources(),
            unattributed=tally.unattributed(),
            low_watermark=alerts.low_watermark,
            arrived=self._alerting.arrived,
        )

    def _source(self, name: str) -> SourceSettings:
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = self._settings.source(name)
        return source

    def _record(self, record: RawRecord, enricher: Enricher, tally: Tally) -> None:
        source = self._source(record.source)
        tally.received(record)
        try:
            parser, told = self._recogniser.read(record, source)
        except NotUnderstood as wrong:
            tally.not_understood(_dead_letter(record, "", wrong), record)
            return
        except Unparseable as wrong:
            failed = PARSER_ID.match(wrong.place)
            parser = failed[0] if failed else ""
            tally.unparseable(_dead_letter(record, parser, wrong), record)
            return
        if isinstance(told, Folded):
            tally.folded(record, parser)
            return
        event = make_event(record, source, parser, told, enricher)
        tally.parsed(event, parser)
        self._alerting.take(event, backfill=record.backfill)


def make_event(
    record: RawRecord, source: SourceSettings, parser: str, act: Act, enricher: Enricher
) -> Event:
    """An act with its facts of arrival, and whose it is as of event time."""
    resolved = enricher.resolve(act, record, source)
    fields = act.fields
    time = act.time
    if time is None:
        time = record.arrived
        fields["tags"] = [*fields.get("tags", ()), NO_TIME]
    dataset = fields.setdefault("event.dataset", parser.replace("_", ".", 1))
    if resolved.organization is not None:
        fields["organization.id"] = resolved.organization
    return Event(
        id=event_id(record.source, record.raw, act),
        time=time,
        arrived=record.arrived,
        dataset=dataset,
        source=record.source,
        fields=fields,
        position=record.position,
        sha256=hashlib.sha256(record.raw).hexdigest(),
        organization=resolved.organization,
        touches=resolved.touches,
        unattributed=resolved.unattributed,
        in_time=in_time(
            time, record.arrived, source.horizon_hours * 3600, backfill=record.backfill
        ),
    )


def _dead_letter(record: RawRecord, parser: str, wrong: Unparseable) -> DeadLetter:
    return DeadLetter(
        position=record.position,
        source=record.source,
        arrived=record.arrived,
        parser=parser,
        reason=str(wrong),
        sha256=hashlib.sha256(record.raw).hexdigest(),
    )
