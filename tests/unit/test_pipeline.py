"""Raw records → batches: nothing is lost, and the alerts do not depend on how records came."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from schemas.alert import GroupKey, Signal
from schemas.customer import AssetKind, Binding, DataCategory, Role
from schemas.errors import Unparseable
from schemas.event import Position, RawRecord
from schemas.plugin import Act, Folded, Line, Parser
from schemas.settings import Settings, SourceSettings
from streams.normalise.normaliser import NO_TIME
from streams.normalise.recognise import Recogniser
from streams.pipeline import Pipeline
from streams.ports import BucketRow, LegacyBatch, Resume
from streams.readers import InProcessReader
from streams.sigma.load import load_rules

BOOK = load_rules([Path(__file__).parents[2] / "rules"])
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


# --- a house of one vendor, two customers ------------------------------------------------------


def parse(line: Line) -> Act | Folded:
    told = orjson.loads(line.text.removeprefix("VEND "))
    if told.get("fold"):
        return Folded(key="k", reason="retold")
    if told.get("broken"):
        raise Unparseable("no act in it", place="vendor_test", remedy="Replay it.")
    stamp = told.pop("at", None)
    time = None if stamp is None else NOON + timedelta(seconds=stamp)
    return Act(time=time, fields=told, id=told.pop("id", None))


PARSER = Parser(
    id="vendor_test",
    title="A vendor",
    hints=(b"VEND ",),
    claims=lambda text: text.startswith("VEND "),
    parse=parse,
    references=(),
    examples=(),
)


class View:
    """contoso and fabrikam by domain; everything else is nobody's."""

    version = 1
    edges = ()

    def find(self, kind, value, at, known_at=None) -> Binding | None:
        customer = value.split(".")[0]
        if kind is not AssetKind.HOST or customer not in ("contoso", "fabrikam"):
            return None
        return Binding(
            kind=kind,
            value=value,
            customer_id=customer,
            role=Role.PROCESSOR,
            categories=(DataCategory.FILES,),
        )


def raw(told: dict, *, arrived: datetime | None = None, backfill: bool = False) -> RawRecord:
    stamp = arrived or NOON + timedelta(seconds=told.get("at", 0))
    return record(b"VEND " + orjson.dumps(told), stamp, backfill=backfill)


def record(data: bytes, arrived: datetime, *, backfill: bool = False) -> RawRecord:
    return RawRecord(Position("j", 0), "vendor", data, arrived, backfill=backfill)


def placed(records: Iterable[RawRecord]) -> list[RawRecord]:
    """The records in this order, as a journal would number them."""
    return [
        RawRecord(Position("j", i), r.source, r.raw, r.arrived, backfill=r.backfill)
        for i, r in enumerate(records, start=1)
    ]


def sign_in(at: float, user: str, outcome: str = "failure", host: str = "contoso.example") -> dict:
    return {
        "at": at,
        "event.category": ["authentication"],
        "event.outcome": outcome,
        "user.name": user,
        "source.ip": "203.0.113.66",
        "host.name": host,
    }


def pipeline(tmp_path: Path) -> Pipeline:
    settings = Settings(data_dir=tmp_path, sources=(SourceSettings(name="vendor", zone="UTC"),))
    made = Pipeline(BOOK, InProcessReader(settings, Recogniser({PARSER.id: PARSER})), settings)
    made.load(Resume(None))
    return made


def run(tmp_path: Path, records: Sequence[RawRecord]) -> LegacyBatch:
    return pipeline(tmp_path).process(placed(records), View(), None)


# --- tests --------------------------------------------------------------------------------------


def test_every_record_is_counted_once_and_unreadable_ones_are_dead_letters(tmp_path) -> None:
    batch = run(
        tmp_path,
        [
            raw(sign_in(0, "jo")),
            raw({"fold": True}),
            raw({"broken": True}),
            record(b"nobody knows this line", NOON),
        ],
    )
    (count,) = batch.sources

    assert (count.received, count.parsed, count.folded) == (4, 1, 1)
    assert (count.dead_letters, count.not_understood) == (1, 1)
    assert [letter.parser for letter in batch.dead_letters] == ["vendor_test", ""]
    assert [letter.position.offset for letter in batch.dead_letters] == [3, 4]
    assert not any("nobody knows" in letter.reason for letter in batch.dead_letters)


def test_an_act_becomes_an_attributed_signal_with_its_evidence(tmp_path) -> None:
    batch = run(tmp_path, [raw(sign_in(0, "jo"))])
    (signal,) = [s for s in batch.signals if s.key.rule == "sign_in_brute_force"]

    assert signal.key == GroupKey("sign_in_brute_force", "contoso", ("jo",))
    assert {t.customer for t in signal.touches} == {"contoso"}
    assert signal.position == Position("j", 1)
    assert len(signal.sha256) == 64
    assert batch.after == Position("j", 1)
    assert batch.arrived == NOON.timestamp()


def test_what_belongs_to_nobody_is_listed_and_not_pooled(tmp_path) -> None:
    records = [raw(sign_in(i, "jo", host="unknown.example")) for i in range(20)]
    batch = run(tmp_path, records)
    (whose,) = batch.unattributed

    assert whose.events == 20
    assert (whose.first, whose.last) == (NOON, NOON + timedelta(seconds=19))
    assert {s.key.organization for s in batch.signals if s.key.rule == "sign_in_brute_force"} == {
        f"?{whose.key}"
    }


def test_a_long_name_that_belongs_to_nobody_is_listed_by_a_bounded_one(tmp_path) -> None:
    long = sign_in(0, "jo", host="h" * 100_000 + ".example") | {"event.dataset": "d" * 100_000}

    batch = run(tmp_path, [raw(long)])

    assert [len(each.key) < 300 for each in batch.unattributed] == [True]
    assert [len(each.dataset) < 300 for each in batch.unattributed] == [True]


def test_a_record_beyond_its_horizon_is_counted_late_and_feeds_no_correlation(tmp_path) -> None:
    late = [raw(sign_in(i, "jo"), arrived=NOON + 25 * HOUR) for i in range(12)]
    batch = run(tmp_path, late)

    assert batch.sources[0].late == 12
    assert batch.groups == []


def test_a_backfill_is_always_in_time(tmp_path) -> None:
    old = [raw(sign_in(i, "jo"), arrived=NOON + 900 * HOUR, backfill=True) for i in range(12)]
    batch = run(tmp_path, old)

    assert batch.sources[0].late == 0
    assert any(state.episodes for state in batch.groups)


def test_a_stamp_from_the_future_is_not_believed(tmp_path) -> None:
    batch = run(tmp_path, [raw(sign_in(10**9, "jo"), arrived=NOON)])

    assert batch.sources[0].late == 1


def test_a_line_without_a_time_takes_its_arrival_and_says_so(tmp_path) -> None:
    told = sign_in(0, "jo")
    del told["at"]
    batch = run(tmp_path, [raw(told, arrived=NOON + HOUR)])

    assert {s.time for s in batch.signals} == {(NOON + HOUR).timestamp()}
    assert NO_TIME == "time_from_arrival"


def test_the_same_line_twice_is_one_event(tmp_path) -> None:
    line = raw(sign_in(0, "jo"))
    once, twice = run(tmp_path, [line]), run(tmp_path, [line, line])

    assert len(twice.signals) == len(once.signals)


# --- the way of a day, in any order -------------------------------------------------------------


@dataclass
class Sink:
    """Keeps what a store keeps; `live` is what the alerts are made of."""

    position: int = 0
    low: float | None = None
    arrived: float | None = None
    log: list[Signal] = field(default_factory=list)
    buckets: dict[tuple[GroupKey, int], BucketRow] = field(default_factory=dict)
    live: dict[GroupKey, tuple] = field(default_factory=dict)

    def resume(self) -> Resume:
        return Resume(None, self.low, self.arrived, tuple(self.buckets.values()), tuple(self.log))

    def commit(self, batch: LegacyBatch) -> None:
        self.position = batch.after.offset
        self.low, self.arrived = batch.low_watermark, batch.arrived
        self.log += batch.signals
        for state in batch.groups:
            self.live[state.key] = tuple(told(e) for e in state.episodes)
        for row in batch.buckets:
            self.buckets[row.key, row.bucket] = row
            begin, end = row.bucket * row.timespan, (row.bucket + 1) * row.timespan
            self.log = [s for s in self.log if s.key != row.key or not begin <= s.time < end]


def told(episode) -> tuple:
    return (
        episode.id,
        episode.last,
        episode.severity,
        tuple(m.event_id for m in episode.members),
        sorted((t.customer, t.category) for t in episode.touches),
        episode.explanation,
    )


def a_day() -> list[RawRecord]:
    names = [f"user{i}@contoso.example" for i in range(12)]
    spray = [
        sign_in(i * 60, n, host=f"{('contoso', 'fabrikam')[i % 2]}.example")
        for i, n in enumerate(names)
    ]
    entry = [sign_in(800, names[2], "failure"), sign_in(820, names[2], "success")]
    out = [
        {
            "at": 1000 + i,
            "event.action": "FileDownloaded",
            "event.dataset": "microsoft365.audit",
            "user.name": names[2],
            "file.path": f"/{i}",
            "host.name": "contoso.example",
        }
        for i in range(60)
    ]
    noise = [sign_in(i * 97, f"n{i % 5}", "success") for i in range(60)]
    return [raw(line) for line in (*spray, *entry, *out, *noise)]


def play(tmp_path: Path, records: list[RawRecord], rng: random.Random) -> dict:
    journal, sink = placed(records), Sink()
    worker = pipeline(tmp_path)
    while sink.position < len(journal):
        chunk = journal[sink.position : sink.position + rng.randint(1, 30)]
        batch = worker.process(chunk, View(), None)
        crash = rng.random()
        if crash > 0.15:
            sink.commit(batch)
        if crash < 0.3:
            worker = pipeline(tmp_path)
            worker.load(sink.resume())
    return {key: episodes for key, episodes in sink.live.items() if episodes}


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_doubled_recut_and_crashed_the_alerts_are_the_same(tmp_path, seed) -> None:
    rng = random.Random(seed)
    day = a_day()
    want = play(tmp_path, day, random.Random(99))
    shuffled = day + rng.sample(day, len(day) // 2)
    rng.shuffle(shuffled)

    assert {"password_spraying", "login_then_exfiltration", "bulk_file_download"} <= {
        key.rule for key in want
    }
    assert play(tmp_path, shuffled, rng) == want
