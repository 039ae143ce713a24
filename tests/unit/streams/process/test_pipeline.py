"""Raw records → what a batch tells: nothing is lost, whatever the records hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from engines import BOOK, NOON, TwoCustomers, pipeline, placed, raw, record

from schemas.pipeline.alert import Episode, GroupKey, Signal
from schemas.pipeline.event import RawRecord, RecordPosition
from streams.correlate.in_memory import InMemoryWindows
from streams.normalise.normaliser import NO_TIME
from streams.process.pipeline import BatchResult

HOUR = timedelta(hours=1)


def sign_in(at: float, user: str, outcome: str = "failure", host: str = "contoso.example") -> dict:
    return {
        "at": at,
        "event.category": ["authentication"],
        "event.outcome": outcome,
        "user.name": user,
        "source.ip": "203.0.113.66",
        "host.name": host,
    }


def run(folder: Path, records: Sequence[RawRecord]) -> BatchResult:
    return pipeline(folder).evaluate(placed(records), TwoCustomers())


def signals_of(result: BatchResult) -> list[Signal]:
    return [each.signal for signals in result.signals.values() for each in signals]


def episodes(result: BatchResult) -> list[Episode]:
    windows = InMemoryWindows(BOOK.specs)
    windows.absorb(signals_of(result))
    return windows.list_episodes()


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

    assert (count.received, count.parsed, count.ignored) == (4, 1, 1)
    assert (count.dead_letters, count.not_understood) == (1, 1)
    assert [letter.parser for letter in batch.dead_letters] == ["vendor_test", ""]
    assert [letter.position.offset for letter in batch.dead_letters] == [3, 4]
    assert not any("nobody knows" in letter.reason for letter in batch.dead_letters)


def test_an_act_becomes_an_attributed_signal_with_its_evidence(tmp_path) -> None:
    batch = run(tmp_path, [raw(sign_in(0, "jo"))])
    (signal,) = [s for s in signals_of(batch) if s.key.rule == "sign_in_brute_force"]

    assert signal.key == GroupKey("sign_in_brute_force", "contoso", ("jo",))
    assert {t.customer for t in signal.touches} == {"contoso"}
    assert signal.position == RecordPosition("j", 1)
    assert len(signal.sha256) == 64


def test_what_belongs_to_nobody_is_listed_and_not_pooled(tmp_path) -> None:
    records = [raw(sign_in(i, "jo", host="unknown.example")) for i in range(20)]
    batch = run(tmp_path, records)
    (whose,) = batch.unattributed

    assert whose.events == 20
    assert (whose.first, whose.last) == (NOON, NOON + timedelta(seconds=19))
    assert {
        s.key.organization for s in signals_of(batch) if s.key.rule == "sign_in_brute_force"
    } == {f"?{whose.key}"}


def test_a_long_name_that_belongs_to_nobody_is_listed_by_a_bounded_one(tmp_path) -> None:
    long = sign_in(0, "jo", host="h" * 100_000 + ".example") | {"event.dataset": "d" * 100_000}

    batch = run(tmp_path, [raw(long)])

    assert [len(each.key) < 300 for each in batch.unattributed] == [True]
    assert [len(each.dataset) < 300 for each in batch.unattributed] == [True]


def test_a_record_beyond_its_horizon_is_counted_late_and_feeds_no_correlation(tmp_path) -> None:
    late = [raw(sign_in(i, "jo"), arrived=NOON + 25 * HOUR) for i in range(12)]
    batch = run(tmp_path, late)

    assert batch.sources[0].late == 12
    assert episodes(batch) == []


def test_a_backfill_is_always_in_time(tmp_path) -> None:
    old = [raw(sign_in(i, "jo"), arrived=NOON + 900 * HOUR, backfill=True) for i in range(12)]
    batch = run(tmp_path, old)

    assert batch.sources[0].late == 0
    assert episodes(batch)
    assert not any(each.guarded for signals in batch.signals.values() for each in signals)
    assert batch.hold_until is not None


def test_a_stamp_from_the_future_is_not_believed(tmp_path) -> None:
    batch = run(tmp_path, [raw(sign_in(10**9, "jo"), arrived=NOON)])

    assert {s.time for s in signals_of(batch)} == {NOON.timestamp()}
    assert batch.sources[0].late == 0


def test_a_line_without_a_time_takes_its_arrival_and_says_so(tmp_path) -> None:
    result = sign_in(0, "jo")
    del result["at"]
    batch = run(tmp_path, [raw(result, arrived=NOON + HOUR)])

    assert {s.time for s in signals_of(batch)} == {(NOON + HOUR).timestamp()}
    assert NO_TIME == "time_from_arrival"


def test_the_same_line_twice_is_one_event(tmp_path) -> None:
    line = raw(sign_in(0, "jo"))
    once, twice = run(tmp_path, [line]), run(tmp_path, [line, line])

    assert {s.event_id for s in signals_of(twice)} == {s.event_id for s in signals_of(once)}
