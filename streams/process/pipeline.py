"""Run the part of steps 2–4 that needs no group's state: records in; signals, dead letters and
counts out.

Stateless: the same records make the same result in any worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import Event, RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from schemas.settings import Settings, SourceSettings
from streams.correlate.in_time import HOLD_SECONDS
from streams.correlate.window_store import GuardedSignal, WindowStore
from streams.normalise.hour_counts import sum_hours
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.source_counts import sum_counts
from streams.ports import (
    ExportMessage,
    HourCount,
    ReboundGroup,
    RecordReader,
    RegisterView,
    SourceCount,
    SourceSighting,
    SubjectKind,
    UnattributedCount,
)
from streams.process.exports import build_event_export
from streams.sigma.engine import RuleEngine
from streams.sigma.rulebook import RuleBook

GroupSignals = Mapping[GroupKey, Sequence[GuardedSignal]]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch of records tells, before the groups that it bears on are read."""

    signals: GroupSignals = field(default_factory=dict)
    dead_letters: Sequence[DeadLetter] = ()
    sources: Sequence[SourceCount] = ()
    hours: Sequence[HourCount] = ()
    sightings: Sequence[SourceSighting] = ()
    unattributed: Sequence[UnattributedCount] = ()
    hold_until: float | None = None
    """Arrival watermark before which nothing is evicted: a backfill was seen."""
    exports: Sequence[ExportMessage] = ()
    """Normalised events for integrators, if they are wanted."""

    @property
    def signal_count(self) -> int:
        """Of all groups together."""
        return sum(len(each) for each in self.signals.values())


@dataclass(frozen=True, slots=True)
class Rebinding:
    """What becomes of records whose events found their owner."""

    events: int
    removed: GroupSignals
    """Signals as they were, which leave their groups."""
    signals: GroupSignals
    """Signals as they are."""
    groups: Sequence[ReboundGroup]


def remove_counts(result: BatchResult) -> BatchResult:
    """Remove counts of records that were counted before: signals and letters are idempotent, counts
    are not."""
    return replace(result, sources=(), hours=(), unattributed=())


def remove_received(result: BatchResult) -> BatchResult:
    """Remove the received counts of replayed dead letters: their outcome counts, but they arrived
    only once."""
    return replace(
        result,
        sources=[replace(count, received=0) for count in result.sources],
        hours=[
            count if count.kind is SubjectKind.CUSTOMER else replace(count, received=0)
            for count in result.hours
        ],
    )


def merge_results(one: BatchResult, other: BatchResult) -> BatchResult:
    """Merge both, to one count a source."""
    merged = {key: list(signals) for key, signals in one.signals.items()}
    for key, signals in other.signals.items():
        merged.setdefault(key, []).extend(signals)
    until = [each.hold_until for each in (one, other) if each.hold_until is not None]
    return BatchResult(
        signals=merged,
        dead_letters=[*one.dead_letters, *other.dead_letters],
        sources=sum_counts([*one.sources, *other.sources]),
        hours=sum_hours([*one.hours, *other.hours]),
        sightings=[*one.sightings, *other.sightings],
        unattributed=[*one.unattributed, *other.unattributed],
        hold_until=max(until, default=None),
        exports=[*one.exports, *other.exports],
    )


class RecordPipeline:
    """Hosted by a worker; owns no thread, no consumer, no clock."""

    def __init__(self, rules: RuleBook, reader: RecordReader, settings: Settings) -> None:
        self._engine = RuleEngine(rules)
        self._specs = rules.specs
        self._normaliser = EventNormaliser(reader, settings)
        self._exporting = settings.kafka.export_events
        self._settings = settings

    def create_windows(self, *, sole_owner: bool) -> WindowStore:
        """Create windows of the rules for one worker; see BatchSink.sole_owner."""
        memory_bytes = self._settings.detection.memory_mib * 1024 * 1024
        horizon = find_longest_horizon(self._settings)
        return WindowStore(self._specs, horizon, memory_bytes=memory_bytes, sole_owner=sole_owner)

    def evaluate(self, records: Sequence[RawRecord], view: RegisterView) -> BatchResult:
        """Evaluate all records: each becomes an event, describes no act, or is a dead letter. Needs no group's state, so it may run while another batch
        commits."""
        signals: dict[GroupKey, list[GuardedSignal]] = {}
        exported: list[ExportMessage] = []
        specs, exporting, list_signals = self._specs, self._exporting, self._engine.list_signals

        def take(event: Event, record: RawRecord) -> None:
            if exporting:
                exported.append(build_event_export(event))
            of_event = list_signals(event)
            if not of_event:
                return
            guarded = event.in_time and not record.backfill
            for signal in of_event:
                key = signal.key
                if key.rule in specs:
                    of_group = signals.get(key)
                    if of_group is None:
                        of_group = signals[key] = []
                    of_group.append(GuardedSignal(signal, guarded))

        counter = self._normaliser.normalise(records, view, take)
        return BatchResult(
            signals,
            counter.dead_letters,
            counter.list_sources(),
            counter.list_hours(),
            counter.list_sightings(),
            counter.list_unattributed(),
            _compute_held_until(records),
            exported,
        )

    def rebind(
        self,
        records: Sequence[RawRecord],
        former: RegisterView,
        view: RegisterView,
        assets: Collection[str],
    ) -> Rebinding | None:
        """Evaluate again the records whose events nobody owned because of these assets (`kind:value`).
        None: there are none. `former` is the register as it was known when they were processed."""
        concerned = self._find_unattributed(records, former, assets)
        if not concerned:
            return None
        before, after = self.evaluate(concerned, former), self.evaluate(concerned, view)
        return Rebinding(
            events=len(concerned),
            removed=_pass_guard(before.signals),
            signals=_pass_guard(after.signals),
            groups=_list_rebound(before.signals, after.signals),
        )

    def _find_unattributed(
        self, records: Sequence[RawRecord], view: RegisterView, assets: Collection[str]
    ) -> Sequence[RawRecord]:
        positions: set[RecordPosition] = set()

        def take(event: Event, record: RawRecord) -> None:
            if event.unattributed in assets:
                positions.add(record.position)

        whole = [record for record in records if not record.piece]
        self._normaliser.normalise(whole, view, take)
        return [record for record in whole if record.position in positions]


def _pass_guard(signals: GroupSignals) -> GroupSignals:
    """Let the signals pass the guard against replays: they may be older than what was let go of."""
    return {key: [each._replace(guarded=False) for each in of] for key, of in signals.items()}


def _list_rebound(before: GroupSignals, after: GroupSignals) -> list[ReboundGroup]:
    """List from which groups signals went to which."""
    places: dict[tuple[str, tuple[str, ...]], list[GroupKey]] = {}
    for key in after:
        places.setdefault((key.rule, key.group), []).append(key)
    return [
        ReboundGroup(former, key, [each.signal for each in after[key]])
        for former in before
        for key in places.get((former.rule, former.group), ())
    ]


def find_longest_horizon(settings: Settings) -> float:
    """Return the greatest H of any source, in seconds: how late a record may arrive and still
    count."""
    hours = [source.horizon_hours for source in settings.sources]
    return max(*hours, SourceSettings(name="").horizon_hours, 0) * 3600


def _compute_held_until(records: Sequence[RawRecord]) -> float | None:
    old = [record.arrived.timestamp() for record in records if record.backfill]
    return max(old) + HOLD_SECONDS if old else None
