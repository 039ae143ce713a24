"""The engine over every kind of store: `from engines import ENGINES, fresh_engine`.

Its records are JSON of one invented vendor; contoso and fabrikam own the hosts of their names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from store_adapters import fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow
from schemas.customer import AssetKind, Binding, DataCategory, DataRole
from schemas.errors import EditConflict, UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from schemas.settings import Settings, SourceSettings
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.ports import AssetRegister, BatchSink
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import ArrivedRecord, StreamWorker
from streams.sigma.load import RuleBook, load_rules

ENGINES = [
    pytest.param(("sqlite", True), id="sqlite, sole owner"),
    pytest.param(("sqlite", False), id="sqlite, many owners"),
    pytest.param(("postgres", False), id="postgres, many owners", marks=pytest.mark.postgres),
    pytest.param(("postgres", True), id="postgres, sole owner", marks=pytest.mark.postgres),
]
BOOK = load_rules([Path(__file__).parents[1] / "rules"])
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARTITION = "journal"


def parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    fields = orjson.loads(line.text.removeprefix("VEND "))
    if fields.get("fold"):
        return IgnoredLine("retold")
    if fields.get("broken"):
        raise UnparseableRecord("no act in it", place="vendor_test", remedy="Replay it.")
    seconds = fields.pop("at", None)
    time = None if seconds is None else NOON + timedelta(seconds=seconds)
    session, retells = fields.pop("session", None), fields.pop("retells", False)
    return ParsedEvent(time, fields, fields.pop("id", None), session, is_retelling=retells)


PARSER = Parser(
    id="vendor_test",
    title="A vendor",
    hints=(b"VEND ",),
    claims=lambda line: line.text.startswith("VEND "),
    parse=parse,
    references=(),
    examples=(),
)


class TwoCustomers:
    """contoso and fabrikam by domain; everything else is nobody's."""

    version = 1
    edges = ()

    def get_view(self) -> TwoCustomers:
        return self

    def get_former_view(self, before: datetime) -> TwoCustomers:
        return self

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        customer = value.split(".", maxsplit=1)[0]
        if kind is not AssetKind.HOST or customer not in ("contoso", "fabrikam"):
            return None
        return Binding(
            kind=kind,
            value=value,
            customer_id=customer,
            role=DataRole.PROCESSOR,
            categories=(DataCategory.FILES,),
        )


def raw(
    fields: dict[str, Any], *, arrived: datetime | None = None, backfill: bool = False
) -> RawRecord:
    """A line; it arrives when it happened unless said otherwise."""
    stamp = arrived or NOON + timedelta(seconds=fields.get("at", 0))
    return record(b"VEND " + orjson.dumps(fields), stamp, backfill=backfill)


def record(data: bytes, arrived: datetime, *, backfill: bool = False) -> RawRecord:
    return RawRecord(RecordPosition("j", 0), "vendor", data, arrived, backfill=backfill)


def placed(records: Iterable[RawRecord]) -> list[RawRecord]:
    """The records in this order, as a journal would number them."""
    return [
        replace(each, position=RecordPosition("j", i)) for i, each in enumerate(records, start=1)
    ]


def pipeline(folder: Path, book: RuleBook = BOOK, horizon_hours: float = 24) -> RecordPipeline:
    source = SourceSettings(name="vendor", zone="UTC", horizon_hours=horizon_hours)
    config = Settings(data_dir=folder, sources=(source,))
    return RecordPipeline(
        book, InProcessReader(config, FormatRecogniser({PARSER.id: PARSER})), config
    )


class Killed(Exception):
    """The process ended here."""


class KilledSink:
    """A sink whose process may be killed before or after it commits."""

    def __init__(self, sink: BatchSink) -> None:
        self._sink = sink
        self.before = self.after = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def commit(self, batch: Any, known: Any, apply_signals: Any, now: Any) -> Any:
        def then_die(rows: Any, low: Any) -> Any:
            updates = apply_signals(rows, low)
            if self.before:
                raise Killed
            return updates

        result = self._sink.commit(batch, known, then_die, now)
        if self.after:
            raise Killed
        return result


class Engine:
    """Workers over one store, one after another, and the journal that they read."""

    def __init__(
        self, store: PipelineStore, new_pipeline: Callable[[], RecordPipeline], *, sole_owner: bool
    ) -> None:
        self.store = store
        self._new_pipeline = new_pipeline
        self._sole_owner = sole_owner
        self.register: AssetRegister = TwoCustomers()
        self.journal: list[RawRecord] = []
        self.restart()

    def restart(self) -> None:
        """Another worker, that knows what the store holds and nothing else."""
        self.sink, self.worker = self.another()

    def another(self) -> tuple[KilledSink, StreamWorker]:
        sink = KilledSink(self.store.make_batch_sink(sole_owner=self._sole_owner))
        worker = StreamWorker(
            sink,  # type: ignore[arg-type]
            self._new_pipeline(),
            self.register,
            lambda _records: self.store.now(),
            NullMetrics(),
            exporting=False,
        )
        worker.take_ownership([PARTITION])
        return sink, worker

    def feed(self, *records: RawRecord) -> None:
        """Append and process them as one batch."""
        begin = len(self.journal)
        self.journal = placed([*self.journal, *records])
        self.worker.process([ArrivedRecord(PARTITION, each) for each in self.journal[begin:]])

    def step(self, most: int, worker: StreamWorker | None = None) -> int:
        """Process the next so many records of the journal."""
        worker = worker or self.worker
        position = worker.owned[PARTITION].position
        begin = 0 if position is None else position.offset
        records = self.journal[begin : begin + most]
        return worker.process([ArrivedRecord(PARTITION, each) for each in records])

    def sweep(self) -> int:
        """Let go of all that is due; how many groups were looked at."""
        total = 0
        while looked_at := self.worker.sweep([PARTITION], self.store.now()):
            total += looked_at
        return total

    def feed_in_batches(self, records: Sequence[RawRecord], chance: random.Random) -> None:
        """Process them in batches of any size, with kills, rivals, idle moments and sweeps."""
        self.journal = placed(records)
        rival = self.another()[1]
        while self._one(chance, rival):
            pass

    def _one(self, chance: random.Random, rival: StreamWorker) -> bool:
        self.sink.before = chance.random() < 0.1
        self.sink.after = chance.random() < 0.1
        try:
            result = self.step(chance.randint(1, 40))
            if chance.random() < 0.2:
                self.worker.write_out()
            if chance.random() < 0.1:
                self.worker.sweep([PARTITION], self.store.now())
        except Killed:
            self.restart()
            return True
        except EditConflict:
            self.worker.reload()
            return True
        if chance.random() < 0.2:
            try:
                self.step(chance.randint(1, 40), rival)
            except EditConflict:
                rival.reload()
        return bool(result)

    def alerts(self) -> list[dict[str, Any]]:
        """The live alerts, with what must be the same however records came."""
        names = ("id", "rule", "organization", "group", "first", "last", "severity", "evidence")

        def look(uow: Any) -> list[dict[str, Any]]:
            rows = []
            for view in uow.alerts.list():
                row = {name: getattr(view, name) for name in names}
                row["customers"] = sorted(view.customers)
                row["categories"] = sorted(view.categories)
                row["events"] = sorted({e.event_id for e in uow.alerts.list_evidence(view.pk)})
                rows.append(row)
            return sorted(rows, key=lambda row: str(row["id"]))

        return self.store.read(look)

    def received(self) -> int:
        return sum(each.received for each in self.store.read(lambda uow: uow.sources.list()))


@contextmanager
def fresh_engine(
    kind: tuple[str, bool],
    folder: Path,
    now: datetime,
    book: RuleBook = BOOK,
    horizon_hours: float = 24,
) -> Iterator[Engine]:
    """Over an empty store that works at that moment."""
    adapter, sole_owner = kind
    with fresh_store(adapter, FixedNow(now)) as store:
        new_pipeline = partial(pipeline, folder, book, horizon_hours)
        yield Engine(store, new_pipeline, sole_owner=sole_owner)
