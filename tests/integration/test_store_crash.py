"""kill -9 at any moment: after reopening, position, signals, alerts and audit agree."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from breachdesk.stores.open_store import open_store
from breachdesk.testing import FixedNow

CHILD = """
import sys
from breachdesk.stores.open_store import open_store
from breachdesk.testing import START, FixedNow, make_customer, make_episode, make_signal
from schemas.audit_actions import AuditAction
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from streams.ports import (
    BucketRow, GroupState, GroupUpdates, PartitionAdvance, RecordBatch, SourceCount,
)

store = open_store("sqlite:///" + sys.argv[1], now=FixedNow())
sink = store.make_batch_sink()
while True:
    before = sink.load_positions(["p"])["p"]
    n = 0 if before.position is None else before.position.offset
    key = GroupKey("rule", "contoso", (f"group-{n + 1}",))
    signals = [make_signal(10 * n + i, key=key) for i in range(10)]
    updates = GroupUpdates(
        changed=[key], groups=[GroupState(key, (make_episode(signals),))],
        buckets=[BucketRow(key, n, b"bucket", 3600, 1e12)], log=b"log",
    )
    sink.commit(RecordBatch(
        [PartitionAdvance("p", before, RecordPosition("j", n + 1))], keys=[key],
        sources=[SourceCount("m365", received=10)],
    ), {}, lambda _rows, _low: updates, START)
    store.write(lambda uow: (
        uow.customers.save(make_customer(f"c{n}")),
        uow.audit.record(
            at=START, actor="sam", action=AuditAction.REGISTER_CUSTOMER_CHANGED, subject=f"c{n}",
        ),
    ))
    print("committed", flush=True)
"""

SAVER = """
import sys
from breachdesk.stores.open_store import open_store
from breachdesk.testing import START, FixedNow, make_customer
from schemas.audit_actions import AuditAction

with open_store("sqlite:///" + sys.argv[1], now=FixedNow()) as store:
    for n in range(60):
        name = f"{sys.argv[2]}-{n}"
        store.write(lambda uow: (
            uow.customers.save(make_customer(name)),
            uow.audit.record(
                at=START, actor="sam", action=AuditAction.REGISTER_CUSTOMER_CHANGED, subject=name,
            ),
        ))
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_store_holds_whole_commits_only(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "store.db"
    reached = 0
    for _ in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(rng.randint(1, 5)):
            assert child.stdout.readline() == "committed\n"
        time.sleep(rng.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        reached = check(path, reached)

    assert reached > 0


def check(path: Path, at_least: int) -> int:
    with open_store(f"sqlite:///{path}", now=FixedNow(), create=False) as store:
        sink = store.make_batch_sink()
        position = sink.load_positions(["p"])["p"].position
        batches = 0 if position is None else position.offset
        alerts = store.read(lambda uow: uow.alerts.list())
        entries = store.read(lambda uow: uow.audit.list_entries())
        customers = store.read(lambda uow: uow.customers.list())
        (source,) = store.read(lambda uow: uow.sources.list())

        assert batches >= at_least
        assert 10 * batches == source.received
        assert [row.body for row in sink.list_log_rows("p")] == [b"log"] * batches
        assert (sink.estimate_state_bytes() > 0) == (batches > 0)
        assert {a.group[0] for a in alerts} == {f"group-{n + 1}" for n in range(batches)}
        assert all(alert.evidence == 10 for alert in alerts)
        assert [e.act for e in entries].count("alert:episode:raised") == batches
        assert {e.subject for e in entries if e.actor == "sam"} == {c.id for c in customers}
        assert store.read(lambda uow: uow.audit.verify()) == len(entries)
    return batches


def test_processes_that_write_at_once_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(f"sqlite:///{path}", now=FixedNow()).close()

    def run(name: str) -> int:
        return subprocess.run([sys.executable, "-c", SAVER, str(path), name], check=True).returncode

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(run, ["a", "b", "c"]))

    assert ends == [0, 0, 0]
    with open_store(f"sqlite:///{path}", now=FixedNow()) as store:
        assert len(store.read(lambda uow: uow.customers.list())) == 180
        assert store.read(lambda uow: uow.audit.verify()) == 180
