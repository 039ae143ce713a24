"""The outbox towards Kafka, who leads, and positions set back by hand: on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.opening.queued_orders import INTEGRATOR, StoreOrders
from breachdesk.stores.books import exports
from breachdesk.testing import START, FixedNow, add_alert, add_confirmed_breach
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.pipeline.event import RecordPosition
from streams.ports import ExportMessage, GroupUpdates, PartitionAdvance, RecordBatch


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def committed(store: Any, *messages: ExportMessage) -> None:
    sink = store.make_batch_sink()
    positions = sink.load_positions(["raw/0"])["raw/0"]
    after = RecordPosition(
        "id-0", 0 if positions.position is None else positions.position.offset + 1
    )
    batch = RecordBatch([PartitionAdvance("raw/0", positions, after, 1.0)], exports=messages)
    sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), START)


def test_what_a_batch_exports_waits_in_order_until_it_is_sent(store: Any) -> None:
    outbox = store.make_export_outbox()
    messages = [ExportMessage("events", f"e{number}", b"{}") for number in range(5)]
    committed(store, *messages[:3])
    committed(store, *messages[3:])

    waiting = outbox.list_waiting(4)

    assert [each for _, each in waiting] == messages[:4]
    outbox.delete_sent([number for number, _ in waiting])
    assert [each for _, each in outbox.list_waiting(10)] == messages[4:]
    outbox.delete_sent([])


def test_a_batch_that_is_refused_exports_nothing(store: Any) -> None:
    def refuse(_rows: Any, _low: Any) -> GroupUpdates:
        raise ValueError("unstorable")

    sink = store.make_batch_sink()
    positions = sink.load_positions(["raw/0"])["raw/0"]
    step = PartitionAdvance("raw/0", positions, RecordPosition("id-0", 0), 1.0)
    with pytest.raises(ValueError, match="unstorable"):
        sink.commit(
            RecordBatch([step], exports=[ExportMessage("events", "e", b"")]), {}, refuse, START
        )

    assert store.make_export_outbox().list_waiting(10) == []
    assert sink.load_positions(["raw/0"])["raw/0"] == positions


def test_facts_of_alerts_and_breaches_follow_from_what_was_audited(store: Any) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    alert = add_alert(store)

    def work(uow: Any) -> Any:
        audited = [
            (AuditAction.ALERT_EPISODE_REVISED, alert.id, "AL-former"),
            (AuditAction.CASE_BREACH_CONFIRMED, breach.id, ""),
            (AuditAction.NOTICE_ATTEMPT_BEGUN, breach.id, ""),
            (AuditAction.ALERT_EPISODE_RAISED, "AL-unknown", ""),
            (AuditAction.USER_ACCOUNT_SAVED, "sam", ""),
        ]
        return exports.build_messages(uow, audited)

    messages = {(e.topic, e.key): e.value for e in store.read(work)}
    tombstone = messages.pop(("alerts", "AL-former"))
    values_by_key = {key: orjson.loads(value) for key, value in messages.items()}

    assert tombstone == b""
    assert set(values_by_key) == {("alerts", alert.id), ("breaches", breach.id)}
    result = values_by_key["alerts", alert.id]
    assert (result["id"], result["state"], result["severity"]) == (alert.id, "new", alert.severity)
    assert values_by_key["breaches", breach.id]["aware_at"] == breach.aware_at.isoformat()
    assert set(values_by_key["breaches", breach.id]) == {
        *("id", "case", "confirmed_at", "aware_at", "drill", "paused", "notices"),
    }


def test_a_case_tells_its_alerts_and_its_breach(store: Any) -> None:
    alert = add_alert(store)
    breach = store.write(lambda uow: add_confirmed_breach(uow, START, alert))
    audited = [(AuditAction.CASE_OPENED_FROM_ALERTS, breach.case_id, "")]

    messages = store.read(lambda uow: exports.build_messages(uow, audited))

    assert {(each.topic, each.key) for each in messages} == {
        ("alerts", alert.id),
        ("breaches", breach.id),
    }


def test_orders_note_gaps_and_comments_once_and_nothing_else(store: Any) -> None:
    alert = add_alert(store)
    orders = StoreOrders(store, FixedNow())
    gap = (
        b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z",'
        b' "end": "2026-11-22T02:00:00Z", "reason": "queue lost", "lost": 12}'
    )
    note = orjson.dumps({"order": "comment", "alert": alert.id, "text": "seen before"})
    for order in (gap, note, gap, note):
        orders.follow(order, "commands/0:1")

    (gaps,) = store.read(lambda uow: uow.sources.list_gaps())
    assert (gaps.source, gaps.lost, gaps.begin) == ("fw", 12, datetime(2026, 11, 22, 1, tzinfo=UTC))
    comments = store.read(lambda uow: uow.alerts.list_comments(alert.pk))
    assert [(each.by, each.text) for each in comments] == [(INTEGRATOR.id, "seen before")]


@pytest.mark.parametrize(
    "order",
    [
        b"",
        b"not json",
        b'{"order": "confirm", "case": "CASE-1"}',
        b'{"order": "release", "breach": "BR-0001"}',
        b'{"order": "note-gap", "source": "", "begin": "yesterday", "reason": "x"}',
        b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00", "reason": "no zone"}',
        (
            b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z",'
            b' "end": "2026-11-22T00:00:00Z", "reason": "backwards"}'
        ),
        (
            b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z", "reason": "x",'
            b' "lost": 99999999999999999999}'
        ),
        b'{"order": "note-gap", "source": "f\\u0000w", "begin": "2026-11-22T01:00:00Z", "reason": "x"}',
        b'{"order": "comment", "alert": "AL-\\u0000", "text": "x"}',
        b'{"order": "comment", "alert": "a", "text": "x", "also": "dismiss"}',
    ],
)
def test_any_other_order_is_refused_by_place_and_changes_nothing(store: Any, order: bytes) -> None:
    before = store.read(lambda uow: len(uow.audit.list_entries()))

    with pytest.raises(BadInput, match=r"commands/0:7.*topics\.md"):
        StoreOrders(store, FixedNow()).follow(order, "commands/0:7")
    assert store.read(lambda uow: len(uow.audit.list_entries())) == before


def test_an_order_on_an_alert_that_is_not_there_says_so(store: Any) -> None:
    with pytest.raises(NotFound):
        StoreOrders(store, FixedNow()).follow(
            b'{"order": "comment", "alert": "AL-0", "text": "x"}', "commands/0:7"
        )


def test_a_position_is_set_back_as_an_audited_act_and_stays_counted(store: Any) -> None:
    for _ in range(3):
        committed(store)

    assert store.rewind(["raw/0"], 1, actor="operator:cli") == ["raw/0"]
    positions = store.make_batch_sink().load_positions(["raw/0"])["raw/0"]
    assert (positions.position, positions.epoch, positions.counted) == (
        RecordPosition("id-0", 0),
        1,
        2,
    )
    assert store.rewind((), None, actor="operator:cli") == ["raw/0"]
    positions = store.make_batch_sink().load_positions(["raw/0"])["raw/0"]
    assert (positions.position, positions.epoch, positions.counted) == (None, 2, 2)
    acts = [entry.act for entry in store.read(lambda uow: uow.audit.list_entries())]
    assert acts == ["sources:partitions:replayed"] * 2
    with pytest.raises(NotFound, match="raw/0"):
        store.rewind(["raw/9"], None, actor="operator:cli")


def test_an_offset_of_a_partition_that_begins_again_is_refused(store: Any) -> None:
    """It would name a place in no journal, which no owner could ever move from."""
    committed(store)
    store.rewind(["raw/0"], None, actor="operator:cli")

    with pytest.raises(NotFound, match="already begins again"):
        store.rewind(["raw/0"], 1, actor="operator:cli")
    assert store.rewind((), 1, actor="operator:cli") == []
    assert store.make_batch_sink().load_positions(["raw/0"])["raw/0"].position is None


def test_a_position_is_never_moved_forward(store: Any) -> None:
    """What lies between would be passed over in silence."""
    for _ in range(3):
        committed(store)

    with pytest.raises(NotAllowed, match=r"raw/0.*reads 3 next"):
        store.rewind(["raw/0"], 4, actor="operator:cli")
    assert store.rewind((), 4, actor="operator:cli") == []
    assert store.make_batch_sink().load_positions(["raw/0"])["raw/0"].position == RecordPosition(
        "id-0", 2
    )


def test_somebody_leads_and_is_asked_again_and_again(store: Any) -> None:
    leader = store.get_leader_election()

    assert [leader.acquire_leadership() for _ in range(3)] == [True] * 3
