"""The chain: one altered byte, one missing or moved entry is found, and named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store, refused_by_the_database, tamper

from breachdesk.stores.audit.audit_bundle import export_bundle, verify_bundle
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_store
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, CorruptData, EditConflict


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        record_five(opened)
        yield opened


def record_five(store: PipelineStore) -> None:
    for number in range(1, 6):
        store.write(lambda uow, n=number: record(uow, n))


def record(uow, number: int) -> None:
    uow.audit.record(
        at=START,
        actor="sam",
        action=AuditAction.CASE_NOTE_ADDED,
        subject=f"CASE-000{number % 2}",
        facts={"number": number, "nested": ("a", "é")},
        personal={"who": f"Person {number}"},
        case_id=f"CASE-000{number % 2}",
    )


def verify(store: PipelineStore) -> int:
    return store.read(lambda uow: uow.audit.verify())


def test_an_untouched_chain_verifies_and_opens(store: PipelineStore) -> None:
    entries = store.read(lambda uow: uow.audit.list_entries())

    assert verify(store) == 5
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert store.read(lambda uow: uow.audit.decrypt_personal(entries[2])) == {"who": "Person 3"}
    assert [e.seq for e in store.read(lambda uow: uow.audit.list_entries(limit=2))] == [4, 5]
    assert [e.seq for e in store.read(lambda uow: uow.audit.list_entries(subject="CASE-0000"))] == [
        2,
        4,
    ]


def test_the_chain_holds_no_personal_value(store: PipelineStore) -> None:
    text = "".join(e.model_dump_json() for e in store.read(lambda uow: uow.audit.list_entries()))
    on_disk = everything_stored(store)

    assert "Person" not in text
    assert b"Person 3" not in on_disk


@pytest.mark.parametrize("statement", ["UPDATE audit SET hash = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_rewrite_the_chain(
    store: PipelineStore, statement: str
) -> None:
    refusal = refused_by_the_database(store, statement)

    assert "never rewritten" in refusal
    assert verify(store) == 5


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE audit SET doc = replace(doc, 'sam', 'kim') WHERE seq = 3", "audit entry 3"),
        ("UPDATE audit SET doc = replace(doc, '00Z', '00z') WHERE seq = 2", "audit entry 2"),
        ("UPDATE audit SET doc = substr(doc, 2) WHERE seq = 4", "audit entry 4"),
        ("UPDATE audit SET subject = 'CASE-9' WHERE seq = 4", "audit entry 4"),
        ("UPDATE audit SET hash = 'x' WHERE seq = 1", "audit entry 1"),
        ("DELETE FROM audit WHERE seq = 1", "audit entry 1"),
        ("DELETE FROM audit WHERE seq = 3", "audit entry 3"),
        ("DELETE FROM audit WHERE seq = 5", "audit entry 5"),
        ("UPDATE audit SET seq = seq + 10 WHERE seq = 2", "audit entry 2"),
    ],
)
def test_whatever_was_altered_is_named(store: PipelineStore, statement: str, place: str) -> None:
    tamper(store, statement)

    with pytest.raises(CorruptData) as actual:
        verify(store)
    assert actual.value.place == place


def test_two_entries_that_changed_places_are_found(store: PipelineStore) -> None:
    tamper(
        store,
        "UPDATE audit SET seq = -1 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = -1",
    )

    with pytest.raises(CorruptData, match="out of order") as actual:
        verify(store)
    assert actual.value.place == "audit entry 2"


def test_an_altered_or_missing_sealed_value_is_found(store: PipelineStore) -> None:
    other = "(SELECT key FROM case_keys WHERE case_id = 'CASE-0000')"
    tamper(store, f"UPDATE sealed_values SET ciphertext = {other}")
    with pytest.raises(CorruptData, match="altered"):
        verify(store)

    tamper(store, "DELETE FROM sealed_values")
    with pytest.raises(CorruptData, match="missing"):
        verify(store)


def test_an_act_that_fails_leaves_no_entry(store: PipelineStore) -> None:
    def fail(uow):
        record(uow, 6)
        raise EditConflict("no")

    with pytest.raises(EditConflict):
        store.write(fail)

    assert verify(store) == 5


def test_a_fact_and_a_personal_value_of_one_name_are_refused(store: PipelineStore) -> None:
    with pytest.raises(BadInput, match="one name"):
        store.write(
            lambda uow: uow.audit.record(
                at=START,
                actor="s",
                action=AuditAction.CASE_NOTE_ADDED,
                subject="s",
                facts={"x": 1},
                personal={"x": "y"},
            )
        )


def test_an_erased_key_is_gone_from_every_byte_of_the_file() -> None:
    with make_store(FixedNow()) as store:
        record_five(store)
        check_erased(store)


def check_erased(store: SqliteStore) -> None:
    with closing(sqlite3.connect(store.path)) as database:
        (key,) = database.execute(
            "SELECT key FROM case_keys WHERE case_id = 'CASE-0001'"
        ).fetchone()
    files = [store.path, store.path.with_name("store.db-wal")]
    assert any(key in file.read_bytes() for file in files)

    store.write(lambda uow: uow.audit.erase("CASE-0001", at=START, actor="kim", reason="retention"))

    assert not any(key in file.read_bytes() for file in files)
    entry = store.read(lambda uow: uow.audit.list_entries())[0]
    assert store.read(lambda uow: uow.audit.decrypt_personal(entry)) == {"who": "(erased)"}
    assert verify(store) == 6


@pytest.fixture
def bundle(store: PipelineStore, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.jsonl"
    assert store.read(lambda uow: export_bundle(uow, path)) == 5
    return path


def test_a_bundle_verifies_without_the_store(bundle: Path, store: PipelineStore) -> None:
    store.close()

    assert verify_bundle(bundle) == 5
    assert bundle.stat().st_mode & 0o077 == 0
    assert "Person" not in bundle.read_text()


def test_every_flipped_byte_of_a_bundle_is_found(bundle: Path) -> None:
    whole = bundle.read_bytes()
    for index in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[index] ^= 0x20
        bundle.write_bytes(flipped)
        with pytest.raises((CorruptData, BadInput)):
            verify_bundle(bundle)


@pytest.mark.parametrize("number", [0, 1, 3, 5, 6])
def test_a_missing_line_of_a_bundle_is_found(bundle: Path, number: int) -> None:
    lines = bundle.read_text().splitlines(keepends=True)
    bundle.write_text("".join(lines[:number] + lines[number + 1 :]))

    with pytest.raises((CorruptData, BadInput)) as actual:
        verify_bundle(bundle)
    assert actual.value.place in {str(bundle), f"audit entry {number}"}


def test_lines_in_another_order_or_added_are_found(bundle: Path) -> None:
    lines = bundle.read_text().splitlines(keepends=True)
    for wrong in (
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines, lines[-1]],
        [*lines[:-1], lines[-2], lines[-1]],
        [*lines, "\n"],
    ):
        bundle.write_text("".join(wrong))
        with pytest.raises(CorruptData):
            verify_bundle(bundle)


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text(json.dumps({"dear": "reader"}))
    with pytest.raises(BadInput, match="no audit bundle"):
        verify_bundle(path)

    with pytest.raises(BadInput, match="cannot be read"):
        verify_bundle(tmp_path / "missing")


@pytest.mark.parametrize("content", ["{", '{"seq": 3}', "[]"])
def test_an_entry_that_cannot_be_read_is_corrupt_wherever_it_is_shown(
    store: PipelineStore, content: str
) -> None:
    tamper(store, f"UPDATE audit SET doc = '{content}' WHERE seq = 3")

    for read in (
        lambda uow: uow.audit.list_entries(),
        lambda uow: uow.audit.list_about(["CASE-0001"]),
        lambda uow: uow.audit.list_since(0),
    ):
        with pytest.raises(CorruptData):
            store.read(read)
