"""Whoever changes the store past the program contradicts the chain, and the contradiction is
named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table
from sqlalchemy.types import TypeEngine
from store_adapters import ADAPTERS, fresh_store, tamper
from waiting_letters import NOON, approve_letters, established, mail_settings, renderer

from breachdesk.casework.breach.report import write_report
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.ports import UnitOfWork
from breachdesk.stores.attempt_files import AttemptFiles
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sql.row_digests import WATCHED
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.stores.tables.case_tables import notices
from breachdesk.stores.tables.column_types import UtcTime
from breachdesk.testing import FixedNow, make_actor, make_customer, make_user
from schemas.audit import AuditReport
from schemas.audit_actions import AuditAction
from schemas.casework.case_record import ContactRoute, SupplierNotice
from schemas.casework.notice import DeliveryStatus, SendOutcome, SendResult
from schemas.casework.notice_actions import STATUS_AFTER_ACTION
from schemas.casework.report import ReportFacts
from schemas.errors import CorruptData
from schemas.user import Permission

COLUMNS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in WATCHED
    for column in table.columns
    if column is not notices.c.writes
]
"""A count of writes says nothing of a notice: it makes a page be computed again."""


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipelineStore]:
    """Three letters of one breach: the first handed over, two queued."""
    now = FixedNow(NOON)
    with fresh_store(request.param, now) as opened:
        place = established(opened, tmp_path, shared=False)
        rows = approve_letters(opened, mail_settings(tmp_path), 3)
        outbox = StoreOutbox(opened, mail_settings(tmp_path), renderer(), place)
        assert outbox.start_attempt(rows[0].id, "a1", "boot-1", NOON) is not None
        handed = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250")
        outbox.finish_attempt(rows[0].id, "a1", handed, NOON, None)
        opened.write(write_down)
        yield opened


def write_down(uow: UnitOfWork) -> None:
    facts = ReportFacts(breach_id="BR-0001", version=1, written_by="", written_at=NOON)
    write_report(uow, make_actor(user_id="rowan"), facts, NOON)
    uow.users.save(make_user("kim", Permission.ANALYST))
    uow.records.add(
        SupplierNotice(
            id="SUPPLIERNOTICE-0001", case_id="CASE-0001", recorded_by="rowan", recorded_at=NOON,
            supplier="Backup Barn", told_at=NOON, route=ContactRoute.EMAIL, said="Tapes are lost.",
        )
    )  # fmt: skip
    saved = {"duties": ["analyst"]}
    uow.audit.record(
        at=NOON, actor="op", action=AuditAction.USER_ACCOUNT_SAVED, subject="kim", facts=saved
    )


def examine(store: PipelineStore) -> AuditReport:
    return store.read(lambda uow: uow.audit.examine())


def discrepancies(store: PipelineStore) -> list[str]:
    """One line each; a broken link or an altered seal is one too."""
    try:
        return [str(line) for line in examine(store).discrepancies]
    except CorruptData as broken:
        return [str(broken)]


def other(column: Column[object], store: PipelineStore) -> str:
    """SQL for another value of the column's type."""
    kind: TypeEngine[object] = column.type
    is_sqlite = isinstance(store, SqliteStore)
    if isinstance(kind, LargeBinary):
        return "x'00'" if is_sqlite else "decode('00', 'hex')"
    if isinstance(kind, UtcTime):
        return "'2001-01-01 00:00:00.000000'"
    if isinstance(kind, Boolean):
        return f"1 - {column.name}" if is_sqlite else f"NOT {column.name}"
    if isinstance(kind, Integer):
        return f"coalesce({column.name}, 0) + 1000"
    return (
        f"{column.name} || 'x'" if column.name != "doc" else f"coalesce({column.name}, '') || ' '"
    )


def test_an_honest_store_agrees_with_its_chain(store: PipelineStore) -> None:
    report = examine(store)

    assert report.discrepancies == ()
    assert (report.whole, report.unrecorded) == (True, 0)
    assert report.head.seq == store.read(lambda uow: uow.audit.verify())


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_every_changed_column_of_every_watched_table_is_noticed(
    store: PipelineStore, table: Table, column: Column[object]
) -> None:
    tamper(store, f'UPDATE {table.name} SET "{column.name}" = {other(column, store)}')

    assert discrepancies(store)


@pytest.mark.parametrize("table", [table.name for table in WATCHED])
def test_a_deleted_row_of_every_watched_table_is_noticed(store: PipelineStore, table: str) -> None:
    tamper(store, f"DELETE FROM {table}")

    assert any("missing" in line for line in discrepancies(store))


COPIED = "INSERT INTO users (id, doc) SELECT 'eve', replace(doc, 'kim', 'eve') FROM users WHERE id = 'kim'"


def test_an_inserted_row_is_noticed(store: PipelineStore) -> None:
    tamper(store, COPIED)

    assert discrepancies(store) == [
        "users/eve: no act wrote this row; the chain says nothing of it, the store says it is there"
    ]


def test_a_mail_set_back_to_queued_is_noticed_in_words(store: PipelineStore) -> None:
    tamper(
        store,
        "UPDATE notices SET status = 'queued', doc = replace(doc, 'handed_over\"', 'queued\"')"
        " WHERE id = 1",
    )

    assert any(
        line.startswith("notice 1: its state; the chain says handed_over (entry")
        and line.endswith("the store says queued")
        for line in discrepancies(store)
    )


def test_duties_given_by_hand_are_noticed_in_words(store: PipelineStore) -> None:
    tamper(store, "UPDATE users SET doc = replace(doc, '[\"analyst\"]', '[\"approver\"]')")

    assert any(
        line.startswith("account kim: its permissions; the chain says analyst")
        and line.endswith("the store says approver")
        for line in discrepancies(store)
    )


def test_a_key_taken_out_by_hand_is_noticed_in_words(store: PipelineStore) -> None:
    tamper(store, "UPDATE case_keys SET key = NULL WHERE case_id = 'CASE-0001'")

    assert any(
        "key of CASE-0001: its key is gone, and nobody's act erased it" in line
        for line in discrepancies(store)
    )


def test_a_forged_approval_is_noticed_in_words(store: PipelineStore) -> None:
    tamper(
        store,
        "INSERT INTO documents (kind, breach_id, key, number, doc)"
        " SELECT kind, breach_id, key, 2, replace(doc, 'avery', 'kim') FROM documents"
        " WHERE kind = 'Approval'",
    )

    assert any(
        "approval 2 of BR-0001: nobody's act released it" in line for line in discrepancies(store)
    )


@pytest.mark.parametrize("kind", ["Decision", "Manifest", "ReportFacts", "Approval"])
def test_a_document_put_in_the_place_of_another_is_noticed(store: PipelineStore, kind: str) -> None:
    tamper(store, f"UPDATE documents SET number = 7 WHERE kind = '{kind}'")

    assert any("missing" in line for line in discrepancies(store))


def test_an_entry_with_facts_of_no_such_act_is_named(store: PipelineStore) -> None:
    forged = {"notice": "one", "version": [], "hash": None}
    for action in (
        AuditAction.BREACH_RELEASE_APPROVED,
        AuditAction.NOTICE_ATTEMPT_BEGUN,
        AuditAction.BREACH_FACTS_WRITTEN,
    ):
        store.write(
            lambda uow, action=action: uow.audit.record(
                at=NOON, actor="m", action=action, subject="BR-0001", facts=forged
            )
        )

    assert sum("not what such an act writes" in line for line in discrepancies(store)) == 3


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("notice:attempt:begun", "sending"),
        ("notice:attempt:deferred", "deferred"),
        ("notice:attempt:lost", "unknown"),
        ("notice:attempt:written_again", None),
        ("notice:expired:not_sent", "expired"),
        ("notice:unknown:queued", "queued"),
        ("notice:held:handed_over", "handed_over"),
        ("notice:receipt:confirmed", "delivered"),
    ],
)
def test_an_action_on_a_notice_has_the_state_that_early_releases_did_not_record(
    action: str, status: str | None
) -> None:
    assert STATUS_AFTER_ACTION.get(AuditAction(action)) == status


def test_an_entry_of_another_release_s_action_is_verified_and_its_facts_are_compared(
    store: PipelineStore,
) -> None:
    others = ("user:role:granted", "lunch:eaten")
    saved = ({"duties": ["analyst"], "disabled": False}, {})
    for other, facts in zip(others, saved, strict=True):
        store.write(
            lambda uow, other=other, facts=facts: uow.audit.record(
                at=NOON, actor="op", action=other, subject="nobody", facts=facts
            )
        )

    acts = [entry.act for entry in store.read(lambda uow: uow.audit.list_entries())]
    assert set(others) <= set(acts)
    assert any("account nobody" in line for line in discrepancies(store))


EMPTY_CHAIN = ("DELETE FROM audit", f"UPDATE audit_head SET seq = 0, hash = '{'0' * 64}'")


def test_an_emptied_chain_with_cases_and_mail_is_no_whole_one(store: PipelineStore) -> None:
    tamper(store, *EMPTY_CHAIN)

    assert examine(store).head.seq == 0
    assert (
        "it is empty, although there are rows that only recorded acts can have made"
        in discrepancies(store)[0]
    )


def test_an_empty_store_is_whole(tmp_path: Path) -> None:
    with fresh_store("sqlite", FixedNow(NOON)) as empty:
        assert examine(empty).whole


def test_a_chain_cut_short_with_its_head_is_noticed(store: PipelineStore) -> None:
    entries = store.read(lambda uow: uow.audit.list_entries())
    last = entries[-4]
    tamper(
        store,
        f"DELETE FROM audit WHERE seq > {last.seq}",
        f"UPDATE audit_head SET seq = {last.seq}, hash = '{last.hash}'",
    )

    assert discrepancies(store)


def test_the_contents_of_an_older_programs_rows_are_recorded_once(store: PipelineStore) -> None:
    tamper(
        store,
        *EMPTY_CHAIN,
        "DELETE FROM row_salts",
        "DELETE FROM marks WHERE name = 'rows-recorded'",
        "DELETE FROM documents",
        "DELETE FROM notices",
        "DELETE FROM sealed_values",
    )
    store.write(lambda uow: uow.users.save(make_user("new", Permission.ANALYST)))
    entries = store.read(lambda uow: uow.audit.list_entries())

    assert [entry.act for entry in entries] == ["store:contents:recorded", "store:rows:written"]
    assert set(entries[1].rows) == {"users/new"}
    assert discrepancies(store) == []

    tamper(store, "DELETE FROM marks WHERE name = 'rows-recorded'", COPIED)
    store.write(lambda uow: uow.users.save(make_user("newer", Permission.ANALYST)))

    assert "recorded again, which happens only once" in discrepancies(store)[0]


@pytest.mark.parametrize(
    ("name", "where", "through"),
    [
        (
            "users/kim",
            "id = 'kim'",
            lambda uow: uow.users.save(make_user("kim", Permission.ANALYST)),
        ),
        ("cases/CASE-0001", "1 = 1", lambda uow: uow.cases.save(uow.cases.get("CASE-0001"))),
        ("breaches/BR-0001", "1 = 1", lambda uow: uow.breaches.pause("BR-0001", True)),
        (
            "documents/ReportFacts/BR-0001//1",
            "kind = 'ReportFacts'",
            lambda uow: uow.breaches.redact(uow.breaches.find_latest(ReportFacts, "BR-0001")),
        ),
        (
            "notices/2",
            "id = 2",
            lambda uow: uow.notices.update(uow.notices.get(2), expected=[DeliveryStatus.QUEUED]),
        ),
        ("customers/c1", "id = 'c1'", lambda uow: uow.customers.save(make_customer("c1"))),
    ],
)
def test_a_row_changed_by_hand_stays_noticed_after_the_program_wrote_over_it(
    store: PipelineStore, name: str, where: str, through: Callable[[UnitOfWork], object]
) -> None:
    store.write(lambda uow: uow.customers.save(make_customer("c1", email="old@c1.example")))
    tamper(store, f"UPDATE {name.partition('/')[0]} SET doc = doc || ' ' WHERE {where}")
    store.write(through)

    (line,) = discrepancies(store)
    assert line.startswith(f"{name}: entry ")
    assert "wrote over other contents than entry" in line


def test_a_key_taken_out_by_hand_stays_noticed_after_an_erasure(store: PipelineStore) -> None:
    tamper(store, "UPDATE case_keys SET key = NULL WHERE case_id = 'CASE-0001'")
    store.write(lambda uow: uow.audit.erase("CASE-0001", at=NOON, actor="op", reason="over"))

    assert "case_keys/CASE-0001: entry" in discrepancies(store)[0]


def test_a_mail_put_in_by_hand_stays_noticed_after_the_program_wrote_it(
    store: PipelineStore,
) -> None:
    put_in(store)
    store.write(
        lambda uow: uow.notices.update(uow.notices.get(50), expected=[DeliveryStatus.QUEUED])
    )

    assert any(
        line.startswith("notices/50: no act wrote this row before entry")
        for line in discrepancies(store)
    )


def test_a_mail_that_no_act_wrote_does_not_leave(store: PipelineStore, tmp_path: Path) -> None:
    put_in(store)
    place = SendingInstallation(AttemptFiles(tmp_path), shared=False)
    outbox = StoreOutbox(store, mail_settings(tmp_path), renderer(), place)

    assert outbox.start_attempt(50, "a50", "boot-1", NOON) is None
    row = store.read(lambda uow: uow.notices.get(50))
    assert row.status is DeliveryStatus.SKIPPED
    assert "the audit trail" in row.status_reason
    assert outbox.start_attempt(2, "a2", "boot-1", NOON) is not None


def put_in(store: PipelineStore) -> None:
    """A second letter to somebody whose first one was handed over."""
    tamper(
        store,
        "INSERT INTO notices (id, breach_id, customer_id, person_id, kind, version, status, doc)"
        " SELECT 50, breach_id, customer_id, person_id, kind, 99, 'queued',"
        " replace(replace(doc, '{\"id\":1,', '{\"id\":50,'), 'handed_over\"', 'queued\"')"
        " FROM notices WHERE id = 1",
    )


def test_an_entry_put_in_before_the_first_is_noticed(store: PipelineStore) -> None:
    tamper(
        store,
        "INSERT INTO audit (seq, subject, hash, doc)"
        " SELECT -5, subject, hash, doc FROM audit WHERE seq = 1",
    )

    assert "audit entry" in discrepancies(store)[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases SET opened_at = 'yesterday'",
        "UPDATE breaches SET confirmed_at = 7",
        "UPDATE case_keys SET erased_at = 'x'",
        "UPDATE documents SET sealed = 'a text' WHERE sealed IS NOT NULL",
        "UPDATE sealed_values SET ciphertext = 'a text'",
        "UPDATE row_salts SET salt = 'a text'",
        "UPDATE audit SET doc = x'ff' WHERE seq = 3",
    ],
)
def test_a_value_of_another_type_is_a_difference_and_no_crash(
    tmp_path: Path, statement: str
) -> None:
    now = FixedNow(NOON)
    with fresh_store("sqlite", now) as opened:
        established(opened, tmp_path, shared=False)
        approve_letters(opened, mail_settings(tmp_path), 1)
        tamper(opened, statement)

        assert discrepancies(opened)
