"""Many processes over one PostgreSQL store: acts stand alone, pipeline writes run beside each
other, what the server refuses is told apart, and a lost server comes back."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
import services
from sqlalchemy import text

from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres.store import PostgresStore
from breachdesk.testing import (
    START,
    FixedNow,
    commit_batch,
    make_customer,
    make_episode,
    make_signal,
    make_user,
)
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, EditConflict, NotAllowed, RetryableError
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval
from schemas.settings import StoreSettings
from streams.ports import (
    GroupState,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    SourceCount,
    UnattributedCount,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgres_url: str, fresh_schema: Callable[[], str]) -> StoreSettings:
    return StoreSettings(url=postgres_url, schema_name=fresh_schema(), pool_size=8)


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[PostgresStore]:
    with open_postgres(settings, now=FixedNow()) as opened:
        yield opened


def impatient(settings: StoreSettings) -> StoreSettings:
    """Waits for a lock a moment only."""
    joined = "&" if "?" in settings.url else "?"
    url = f"{settings.url}{joined}options=-c%20lock_timeout%3D200ms"
    return settings.model_copy(update={"url": url})


def record(uow, subject: str = "x") -> None:
    uow.audit.record(
        at=START, actor="sam", action=AuditAction.REGISTER_CUSTOMER_CHANGED, subject=subject
    )


SAVER = """
import sys
from breachdesk.stores.open_store import open_store
from breachdesk.testing import START, FixedNow, make_customer
from schemas.audit_actions import AuditAction
from schemas.settings import StoreSettings

settings = StoreSettings(url=sys.argv[1], schema_name=sys.argv[2])
with open_store(settings.url, now=FixedNow(), settings=settings) as store:
    for n in range(40):
        store.write(lambda uow: (
            uow.customers.save(make_customer(f"{sys.argv[3]}-{n}")),
            uow.audit.record(
                at=START, actor="sam", action=AuditAction.CASE_OPENED_BY_HAND, subject=uow.cases.allocate_id(),
            ),
        ))
"""


def test_processes_that_act_at_once_take_turns(
    settings: StoreSettings, store: PostgresStore
) -> None:
    def run(name: str) -> int:
        command = [sys.executable, "-c", SAVER, settings.url, settings.schema_name, name]
        return subprocess.run(command, check=True).returncode

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(run, ["a", "b"]))
    subjects = store.read(lambda uow: [entry.subject for entry in uow.audit.list_entries()])

    assert ends == [0, 0]
    assert len(store.read(lambda uow: uow.customers.list())) == 80
    assert store.read(lambda uow: uow.customers.get_version()) == 80
    assert subjects == [f"CASE-{number:04d}" for number in range(1, 81)]
    assert store.read(lambda uow: uow.audit.verify()) == 80


def an_alert_of(partition: str, number: int) -> GroupState:
    key = GroupKey("rule", partition, (f"group-{number}",))
    return GroupState(key, (make_episode([make_signal(1, key=key)]),))


def from_four_partitions(
    store: PostgresStore, change: Callable[[str, int], dict[str, object]]
) -> None:
    """Four workers at once commit 25 batches each. What a batch changes is tried kind by kind: the
    row lock of one kind would hide that another lacks its own."""
    start = threading.Barrier(4)

    def work(partition: str) -> None:
        start.wait(60)
        for n in range(25):
            commit_batch(store, partition, **change(partition, n))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ["p0", "p1", "p2", "p3"]))


def test_workers_add_to_the_same_sources_and_lose_none(store: PostgresStore) -> None:
    def change(partition: str, n: int) -> dict[str, object]:
        names = ("m365", "fw") if partition < "p2" else ("fw", "m365")
        at = START + timedelta(minutes=n)
        return {"sources": [SourceCount(name, received=1, last_event=at) for name in names]}

    from_four_partitions(store, change)
    counts = store.read(lambda uow: uow.sources.list())

    assert [(c.name, c.received) for c in counts] == [("fw", 100), ("m365", 100)]
    assert counts[0].last_event == START + timedelta(minutes=24)


def test_workers_add_to_the_same_unattributed_keys_and_lose_none(store: PostgresStore) -> None:
    def change(partition: str, n: int) -> dict[str, object]:
        at = START + timedelta(minutes=n)
        keys = ("ip:192.0.2.1", "host:web", "Host:Web")
        order = keys if partition < "p2" else reversed(keys)
        return {"unattributed": [UnattributedCount(k, 1, START, at, partition) for k in order]}

    from_four_partitions(store, change)
    nobodys = store.read(lambda uow: uow.customers.list_unattributed())

    assert [(u.events, u.datasets) for u in nobodys] == [(100, ("p0", "p1", "p2", "p3"))] * 3


def test_workers_that_raise_alerts_at_once_write_one_chain(store: PostgresStore) -> None:
    from_four_partitions(store, lambda p, n: {"groups": [an_alert_of(p, n)]})

    assert len(store.read(lambda uow: uow.alerts.list())) == 100
    assert store.read(lambda uow: uow.audit.verify()) == 100


def test_of_two_owners_who_both_begin_a_partition_one_is_fenced(store: PostgresStore) -> None:
    ready = threading.Barrier(2)
    sink = store.make_batch_sink()
    before = sink.load_positions(["p"])["p"]

    def begin(number: int) -> bool:
        ready.wait(60)
        step = PartitionAdvance("p", before, RecordPosition("j", number))
        batch = RecordBatch([step], sources=[SourceCount("m365", received=1)])
        try:
            sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), START)
        except EditConflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(begin, [1, 2]))
    (count,) = store.read(lambda uow: uow.sources.list())

    assert sorted(ends) == [False, True]
    assert sink.load_positions(["p"])["p"].position == RecordPosition("j", 1 + ends.index(True))
    assert count.received == 1


def test_pipeline_writes_run_concurrently_and_never_during_an_act(
    store: PostgresStore, settings: StoreSettings
) -> None:
    inside, release = threading.Event(), threading.Event()

    def slow(_connection) -> None:
        inside.set()
        release.wait(60)

    with (
        open_postgres(impatient(settings), now=FixedNow()) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        writing = pool.submit(store._transactions.write_shared, slow)
        inside.wait(60)
        beside = other._transactions.write_shared(lambda _: "beside")
        with pytest.raises(RetryableError, match="55P03"):
            other.write(lambda uow: uow.customers.save(make_customer()))
        release.set()
        writing.result()
        other.write(lambda uow: uow.customers.save(make_customer()))

    assert beside == "beside"
    assert len(store.read(lambda uow: uow.customers.list())) == 1


def test_neither_starts_inside_the_other(store: PostgresStore) -> None:
    for attempt in (
        lambda uow: store.write(lambda other: None),
        lambda uow: commit_batch(store, "p"),
    ):
        with pytest.raises(NotAllowed, match="inside another act"):
            store.write(attempt)

    store.write(record)
    assert store.read(lambda uow: uow.audit.verify()) == 1


def test_one_look_is_one_snapshot(store: PostgresStore) -> None:
    def read_twice(uow) -> tuple[int, int]:
        first = len(uow.customers.list())
        store.write(lambda other: other.customers.save(make_customer()))
        return first, len(uow.customers.list())

    assert store.read(read_twice) == (0, 0)
    assert len(store.read(lambda uow: uow.customers.list())) == 1


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("text_", ["Jo\x00Mason", "x" * 300])
def test_a_value_that_cannot_be_stored_is_the_records_fault(
    store: PostgresStore, text_: str
) -> None:
    gap = BlindInterval(source=text_, begin=START, reason="Jo Mason was here")
    with pytest.raises(ValueError, match="cannot be stored") as refused:
        store.write(lambda uow: uow.sources.add_gap(gap))

    assert isinstance(refused.value, BadInput)
    assert "Mason" not in told(refused.value)
    assert store.read(lambda uow: uow.sources.list_gaps()) == []


def test_a_number_out_of_range_is_the_records_fault(store: PostgresStore) -> None:
    gap = BlindInterval(source="m365", begin=START, reason="r", lost=2**70)
    with pytest.raises(ValueError, match="22003"):
        store.write(lambda uow: uow.sources.add_gap(gap))

    assert store.read(lambda uow: uow.sources.list_gaps()) == []


def test_a_text_longer_than_an_index_takes_is_the_records_fault(store: PostgresStore) -> None:
    """A worker that took it for an outage would wait for ever."""
    name = "".join(random.Random(1).choices("abcdefgh", k=20_000))

    def work(uow) -> None:
        uow.users._connection.execute(text("CREATE TEMP TABLE names (name text PRIMARY KEY)"))
        uow.users._connection.execute(text("INSERT INTO names VALUES (:n)"), {"n": name})

    with pytest.raises(ValueError, match="54000"):
        store.write(work)


def test_the_server_notices_a_host_that_vanished_within_the_minute(store: PostgresStore) -> None:
    def asked(uow) -> list[str]:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        return [uow.users._connection.execute(text(f"SHOW {name}")).scalar() for name in names]

    assert store.read(asked) == ["20", "5", "3"]


def test_a_contradiction_is_a_conflict_that_quotes_nothing(store: PostgresStore) -> None:
    def twice(uow) -> None:
        for _ in range(2):
            uow.users._connection.execute(
                text("INSERT INTO users (id, doc) VALUES (:id, '{}')"), {"id": "jo.mason"}
            )

    with pytest.raises(EditConflict, match="pk_users") as refused:
        store.write(twice)

    assert "jo.mason" not in told(refused.value)
    assert store.read(lambda uow: uow.users.list()) == []


def test_a_cut_connection_keeps_nothing_and_the_next_act_reconnects(
    store: PostgresStore, settings: StoreSettings
) -> None:
    def cut(uow) -> None:
        uow.users.save(make_user())
        own = uow.users._connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with psycopg.connect(settings.url) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))
        uow.users.save(make_user("kim"))

    with pytest.raises(RetryableError, match="nothing of this act was written"):
        store.write(cut)

    store.write(lambda uow: uow.users.save(make_user("kim")))
    assert [user.id for user in store.read(lambda uow: uow.users.list())] == ["kim"]


def test_a_deadlock_is_retryable_for_one_and_done_for_the_other(store: PostgresStore) -> None:
    for name in ("a", "b"):
        store.write(lambda uow, n=name: uow.marks.set(n, ""))
    ready = threading.Barrier(2)

    def cross(order: str) -> bool:
        def work(connection) -> None:
            for n, name in enumerate(order):
                query = text("UPDATE marks SET value = :v WHERE name = :n")
                connection.execute(query, {"v": order, "n": name})
                if n == 0:
                    ready.wait(60)

        try:
            store._transactions.write_shared(work)
        except RetryableError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(cross, ["ab", "ba"]))
    winner = ["ab", "ba"][ends.index(True)]
    values = store.read(lambda uow: {uow.marks.get("a"), uow.marks.get("b")})

    assert sorted(ends) == [False, True]
    assert values == {winner}


def test_a_process_never_has_more_connections_than_it_may(settings: StoreSettings) -> None:
    few = settings.model_copy(update={"pool_size": 3})
    running, most = [0], [0]
    guard = threading.Lock()

    def look(uow) -> None:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        uow.users._connection.execute(text("SELECT pg_sleep(0.02)"))
        with guard:
            running[0] -= 1

    with open_postgres(few, now=FixedNow()) as store, ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: store.read(look), range(36)))

    assert most == [3]


def test_a_closed_store_is_retryable_and_closing_twice_is_harmless(store: PostgresStore) -> None:
    store.close()
    store.close()

    for call in (lambda: store.write(record), lambda: store.read(lambda uow: None)):
        with pytest.raises(RetryableError, match="closed"):
            call()


def test_a_server_restarted_in_the_middle_of_a_transaction_loses_it_whole() -> None:
    with services.private_postgres() as server:
        settings = StoreSettings(url=server.url)
        with open_postgres(settings, now=FixedNow()) as store:
            store.write(record)

            def interrupted(uow) -> None:
                record(uow, "lost")
                uow.users.save(make_user())
                server.kill()

            with pytest.raises(RetryableError):
                store.write(interrupted)
            with pytest.raises(RetryableError) as away:
                store.read(lambda uow: uow.users.list())
            server.start()
            users = store.read(lambda uow: uow.users.list())
            store.write(record)
            verified = store.read(lambda uow: uow.audit.verify())

    assert away.value.place.endswith("/breachdesk")
    assert (users, verified) == ([], 2)
