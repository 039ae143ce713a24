"""What the engines before schema 0006 left in a store: it goes over, whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from former_store import former_store
from sqlalchemy import Connection, text
from store_adapters import ADAPTERS

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from streams.ports import (
    BucketRow,
    GroupRows,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    StoredPosition,
)

LOGGED = 1_200
HASH = "402237a7bd520ffe1dec2e575d3f3d10"
KEY = '["brute","contoso",["jo@contoso.example"]]'
BUCKET = b'{"t":[],"u":[],"x":false,"s":[]}'
LOG_ROW = """
INSERT INTO signal_log (partition, key_hash, key, time, event_id, step, value, journal, "offset",
  sha256, source, body)
VALUES ('journal', :hash, :key, 1000.5, :event, 'failure', 'é', 'j-1', :offset, 'f0', 'm365', :body)
"""
BODY = '[[["contoso","mailbox:jo","mail"]],"",{"user.name":"jo"}]'


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipelineStore]:
    with former_store(request.param, tmp_path, fill) as opened:
        yield opened


def fill(connection: Connection) -> None:
    connection.execute(
        text(
            'INSERT INTO positions (partition, journal, "offset", low_watermark, arrived, epoch)'
            " VALUES ('journal', 'j-1', 41, 900.5, 1100, 2)"
        )
    )
    connection.execute(
        text(
            "INSERT INTO signal_buckets (key_hash, bucket, timespan, key, payload)"
            " VALUES (:hash, 16, 60, :key, :payload)"
        ),
        {"hash": HASH, "key": KEY, "payload": BUCKET},
    )
    connection.execute(
        text("INSERT INTO signal_groups (key_hash, version, due) VALUES (:hash, 7, 5)"),
        {"hash": HASH},
    )
    rows = [
        {"hash": HASH, "key": KEY, "event": f"e{number}", "offset": number, "body": BODY}
        for number in range(LOGGED)
    ]
    connection.execute(text(LOG_ROW), rows)


GROUP = GroupKey("brute", "contoso", ("jo@contoso.example",))


def test_a_position_goes_over_with_what_was_counted_and_no_record_is_counted_twice(
    store: PipelineStore,
) -> None:
    stored = store.make_batch_sink().load_positions(["journal"])["journal"]

    assert stored == StoredPosition(
        RecordPosition("j-1", 41), epoch=2, revision=0, counted=41, counted_in="j-1", arrived=1100.0
    )


def test_logged_signals_go_over_in_order_into_rows_of_a_thousand(store: PipelineStore) -> None:
    bodies = [orjson.loads(row.body) for row in store.make_batch_sink().list_log_rows("journal")]
    signals = [(body, signal) for body in bodies for signal in body["s"]]

    assert [len(body["s"]) for body in bodies] == [1_000, 200]
    assert [signal[6] for _, signal in signals] == list(range(LOGGED))
    body, signal = signals[-1]
    assert body["k"][signal[0]] == ["brute", "contoso", ["jo@contoso.example"]]
    assert signal[1:5] == [1000.5, f"e{LOGGED - 1}", "failure", "é"]
    assert (body["j"][signal[5]], signal[7], signal[8]) == ("j-1", "f0", "m365")
    assert body["t"][signal[9]] == [["contoso", "mailbox:jo", "mail"]]
    assert (signal[10], body["m"][signal[11]]) == ("", {"user.name": "jo"})


@pytest.mark.parametrize("sole_owner", [True, False])
def test_buckets_and_the_watermark_go_over_and_the_group_goes_on(
    store: PipelineStore, sole_owner: bool
) -> None:
    sink = store.make_batch_sink(sole_owner=sole_owner)
    before = sink.load_positions(["journal"])["journal"]
    batch = RecordBatch([PartitionAdvance("journal", before, RecordPosition("j-1", 50))], [GROUP])
    seen: list[tuple[list[GroupRows], float | None]] = []

    def apply_signals(rows: list[GroupRows], low: float | None) -> GroupUpdates:
        seen.append((rows, low))
        return GroupUpdates()

    sink.commit(batch, {}, apply_signals, START)
    (((group,), low),) = seen

    assert low == 900.5
    assert group.key == GROUP
    assert [(b.bucket, b.payload, b.timespan) for b in group.buckets or ()] == [(16, BUCKET, 60)]
    assert all(isinstance(bucket, BucketRow) and bucket.due > 1100 for bucket in group.buckets)


def test_no_sweep_runs_while_a_backfill_of_before_may_still_run(store: PipelineStore) -> None:
    sink = store.make_batch_sink()
    owned = sink.load_positions(["journal"])
    sink.record_drained("journal", owned["journal"], 1_100 + 3_599.0)
    looked = sink.sweep(["journal"], owned, lambda _rows, _low: pytest.fail("swept"), START)

    assert looked == 0
