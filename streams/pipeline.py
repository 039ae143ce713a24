"""Steps 2–4 joined for one owner of all windows: raw records → everything one transaction writes.

Pure but for the window state: the same records after the same state make the same batch. After a
failed commit the caller loads again what was committed.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.event import Event, Position, RawRecord
from schemas.settings import Settings
from streams.alerting import Alerting, longest_horizon
from streams.normalise.normaliser import Normaliser
from streams.ports import LegacyBatch, RecordReader, RegisterView, Resume
from streams.sigma.rulebook import RuleBook


class Pipeline:
    """Hosted by a worker; owns no thread, no file, no clock."""

    def __init__(self, rules: RuleBook, reader: RecordReader, settings: Settings) -> None:
        self._alerting = Alerting(rules, longest_horizon(settings))
        self._normaliser = Normaliser(reader, settings)

    def load(self, resume: Resume) -> None:
        """Start from what was committed last."""
        self._alerting.load(resume)

    def process(
        self, records: Sequence[RawRecord], view: RegisterView, before: Position | None
    ) -> LegacyBatch:
        """At least one record. No record is lost: each becomes an event, is folded into the line
        that tells its act, or is a dead letter."""
        counter = self._normaliser.normalise(records, view, self._take)
        arrived = max(record.arrived for record in records).timestamp()
        alerts = self._alerting.finish(arrived)
        return LegacyBatch(
            before=before,
            after=records[-1].position,
            signals=alerts.signals,
            groups=alerts.groups,
            evictions=alerts.evictions,
            buckets=alerts.buckets,
            dead_letters=counter.dead_letters,
            sources=counter.sources(),
            unattributed=counter.unattributed(),
            low_watermark=alerts.low_watermark,
            arrived=self._alerting.arrived,
        )

    def _take(self, event: Event, record: RawRecord) -> None:
        self._alerting.take(event, backfill=record.backfill)
