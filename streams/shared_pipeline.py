"""Steps 2–4 for one of many workers: what a batch says, before the groups it bears on are locked.

Stateless but for copies of groups: the same records make the same batch in any worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.alert import GroupKey
from schemas.event import Event, RawRecord
from schemas.settings import Settings
from schemas.source import DeadLetter
from streams.alerting import longest_horizon
from streams.ports import (
    Export,
    GroupRows,
    RecordReader,
    RegisterView,
    Settled,
    SourceCount,
    Swept,
    UnattributedCount,
)
from streams.reading import Reading
from streams.shared_exports import event_export
from streams.shared_windows import SharedWindows, Told
from streams.sigma.engine import Engine
from streams.sigma.rulebook import RuleBook
from streams.tally import sum_counts
from streams.windows import HOLD_SECONDS


@dataclass(frozen=True, slots=True)
class Said:
    """What a batch of records says."""

    told: Mapping[GroupKey, Sequence[Told]]
    dead_letters: Sequence[DeadLetter]
    sources: Sequence[SourceCount]
    unattributed: Sequence[UnattributedCount]
    held_until: float | None
    """Arrival watermark before which nothing is evicted: a backfill was seen."""
    exports: Sequence[Export] = ()
    """Normalised events for integrators, if they are wanted."""

    @property
    def signals(self) -> int:
        """How many."""
        return sum(len(each) for each in self.told.values())


def nothing_said() -> Said:
    """Of no records."""
    return Said({}, (), (), (), None)


def without_counts(said: Said) -> Said:
    """Of records that were counted before: signals and letters are idempotent, counts are not."""
    return replace(said, sources=(), unattributed=())


def not_received(said: Said) -> Said:
    """Of dead letters fed again: what becomes of them counts, but they came only once."""
    return replace(said, sources=[replace(count, received=0) for count in said.sources])


def together(one: Said, other: Said) -> Said:
    """Both; one count a source."""
    told = {key: list(signals) for key, signals in one.told.items()}
    for key, signals in other.told.items():
        told.setdefault(key, []).extend(signals)
    until = [each.held_until for each in (one, other) if each.held_until is not None]
    return Said(
        told=told,
        dead_letters=[*one.dead_letters, *other.dead_letters],
        sources=sum_counts([*one.sources, *other.sources]),
        unattributed=[*one.unattributed, *other.unattributed],
        held_until=max(until, default=None),
        exports=[*one.exports, *other.exports],
    )


class SharedPipeline:
    """Hosted by a worker; owns no thread, no consumer, no clock."""

    def __init__(self, rules: RuleBook, reader: RecordReader, settings: Settings) -> None:
        self._engine = Engine(rules)
        self._specs = rules.specs
        self._reading = Reading(reader, settings)
        self._exporting = settings.kafka.export_events
        self.windows = SharedWindows(rules.specs, longest_horizon(settings))

    def say(self, records: Sequence[RawRecord], view: RegisterView) -> Said:
        """No record is lost: each becomes an event, is folded into the line that tells its act, or
        is a dead letter. Knows no group's state, so it may run while another batch commits."""
        told: dict[GroupKey, list[Told]] = {}
        exported: list[Export] = []
        specs, exporting = self._specs, self._exporting

        def take(event: Event, record: RawRecord) -> None:
            if exporting:
                exported.append(event_export(event))
            guarded = event.in_time and not record.backfill
            for signal in self._engine.signals(event):
                if signal.key.rule in specs:
                    told.setdefault(signal.key, []).append(Told(signal, guarded))

        tally = self._reading.read(records, view, take)
        return Said(
            told,
            tally.dead_letters,
            tally.sources(),
            tally.unattributed(),
            _held_until(records),
            exported,
        )

    def settle(self, said: Said, rows: Sequence[GroupRows], low: float | None) -> Settled:
        """Under the locks."""
        return self.windows.settle(said.told, rows, low)

    def sweep(self, rows: Sequence[GroupRows], low: float) -> Swept:
        """Under the locks."""
        return self.windows.sweep(rows, low)


def _held_until(records: Sequence[RawRecord]) -> float | None:
    old = [record.arrived.timestamp() for record in records if record.backfill]
    return max(old) + HOLD_SECONDS if old else None
