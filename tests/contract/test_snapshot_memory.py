"""What a store keeps from one snapshot for the next: the same answers, and nothing after an
erasure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.release.text_check import get_foreign_data
from breachdesk.gdpr.personal_data.foreign_data import ForeignData, TextReader
from breachdesk.ports import Store, UnitOfWork
from breachdesk.stores.sql import counters
from breachdesk.stores.sql.document_cache import MEMORABLE
from breachdesk.stores.sql.snapshot_cache import (
    EACH_KIND,
    LONGEST_SECONDS,
    MOST_BYTES,
    SnapshotCache,
)
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_customer, make_user
from notifiers.testing.channels import PROFILE
from schemas.casework.affected import Certainty, DataRole, Exposure, Manifest
from schemas.casework.breach import Breach

READER = TextReader("contoso", names=("Contoso Ltd",))


class Undone(Exception):
    """Ends an act that must not last."""


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def breach(store: Store) -> Breach:
    return store.write(lambda uow: add_confirmed_breach(uow, START, actor="sam"))


def rename(uow: UnitOfWork, name: str) -> None:
    uow.customers.save(make_customer("fabrikam").model_copy(update={"name": name}))


def names(uow: UnitOfWork) -> ForeignData:
    return get_foreign_data(uow, PROFILE)


def blocked(data: ForeignData, text: str) -> bool:
    return any(hit.severity == "block" for hit in data.find(text, READER))


def large_manifest(breach: Breach, version: int = 1) -> Manifest:
    exposures = tuple(
        Exposure(
            customer_id=f"customer-{number}",
            role=DataRole.PROCESSOR,
            certainty=Certainty.EXCLUDED,
            reason="nothing of theirs was reached",
        )
        for number in range(MEMORABLE // 50)
    )
    return Manifest(
        breach_id=breach.id,
        version=version,
        frozen_by="sam",
        frozen_at=START,
        exposures=exposures,
        recipients=(),
        salt="s",
        hash="h",
    )


def newest(store: Store, breach: Breach) -> Manifest | None:
    return store.read(lambda uow: uow.breaches.find_latest(Manifest, breach.id))


def test_a_name_that_the_register_changed_is_looked_for_in_the_next_snapshot(store: Store) -> None:
    store.write(lambda uow: rename(uow, "Quorvane Ltd"))
    before = store.read(names)
    store.write(lambda uow: rename(uow, "Zephyrine Ltd"))
    after = store.read(names)

    assert [blocked(before, f"{name} Ltd") for name in ("Quorvane", "Zephyrine")] == [True, False]
    assert [blocked(after, f"{name} Ltd") for name in ("Quorvane", "Zephyrine")] == [False, True]


def test_names_of_an_act_that_was_rolled_back_are_not_looked_for(store: Store) -> None:
    store.write(lambda uow: rename(uow, "Quorvane Ltd"))

    def undone(uow: UnitOfWork) -> None:
        rename(uow, "Zephyrine Ltd")
        assert blocked(names(uow), "Zephyrine Ltd")
        raise Undone

    with pytest.raises(Undone):
        store.write(undone)
    store.write(lambda uow: rename(uow, "Brackwell Ltd"))

    assert blocked(store.read(names), "Brackwell Ltd")
    assert not blocked(store.read(names), "Zephyrine Ltd")


def test_an_account_that_was_added_is_looked_for_though_the_register_is_the_same(
    store: Store,
) -> None:
    store.read(names)
    store.write(lambda uow: uow.users.save(make_user("quorvane")))

    assert store.read(names).staff == 1


def test_a_large_list_is_parsed_once_and_a_new_version_of_it_again(
    store: Store, breach: Breach
) -> None:
    store.write(lambda uow: uow.breaches.add_document(large_manifest(breach)))
    first, again = newest(store, breach), newest(store, breach)
    store.write(lambda uow: uow.breaches.add_document(large_manifest(breach, 2)))

    assert first is again
    assert newest(store, breach) == large_manifest(breach, 2)


def test_a_list_that_was_redacted_is_read_as_redacted(store: Store, breach: Breach) -> None:
    store.write(lambda uow: uow.breaches.add_document(large_manifest(breach)))
    newest(store, breach)
    redacted = large_manifest(breach).model_copy(update={"frozen_by": "kim"})
    store.write(lambda uow: uow.breaches.redact(redacted))

    assert newest(store, breach) == redacted


def test_a_list_whose_key_was_erased_is_neither_shown_nor_kept(
    store: Store, breach: Breach
) -> None:
    store.write(lambda uow: uow.breaches.add_document(large_manifest(breach)))
    newest(store, breach)
    store.read(lambda uow: uow.get_cached("test", 1, lambda: "before"))
    store.write(lambda uow: uow.audit.erase(breach.case_id, at=START, actor="kim", reason="over"))

    assert newest(store, breach) is None
    assert store.read(lambda uow: uow.get_cached("test", 1, lambda: "after")) == "after"


def test_an_act_computes_again_and_keeps_nothing(store: Store) -> None:
    store.read(lambda uow: uow.get_cached("test", 1, lambda: "kept"))

    assert store.write(lambda uow: uow.get_cached("test", 1, lambda: "of the act")) == "of the act"
    assert store.read(lambda uow: uow.get_cached("test", 1, lambda: "anew")) == "kept"


def none_erased() -> int:
    return 0


def remembered(memory: SnapshotCache, value: str, *, erasures: int = 0) -> str:
    return memory.make_view().get_cached("test", 1, lambda: value, revision=lambda: erasures)


def test_what_was_kept_before_another_process_erased_something_is_forgotten() -> None:
    memory = SnapshotCache()
    remembered(memory, "before")

    assert remembered(memory, "after", erasures=1) == "after"
    assert remembered(memory, "later", erasures=1) == "after"


def test_what_an_older_snapshot_computes_after_another_process_erased_is_not_kept() -> None:
    memory = SnapshotCache()
    older = memory.make_view()
    older.get_cached("other", 1, lambda: "begun", revision=none_erased)
    remembered(memory, "newer", erasures=1)
    older.get_cached("other", 2, lambda: "erased", revision=none_erased)

    assert memory.find("other", 2) is None
    assert memory.find("test", 1) == ("newer",)


def test_an_erasure_is_counted_for_all_processes_and_another_act_is_not(
    store: Store, breach: Breach
) -> None:
    def count(uow: UnitOfWork) -> int:
        return counters.get_current(uow.breaches._connection, counters.ERASURES)

    before = store.read(count)
    store.write(lambda uow: rename(uow, "Quorvane Ltd"))
    between = store.read(count)
    store.write(lambda uow: uow.audit.erase(breach.case_id, at=START, actor="kim", reason="over"))

    assert (before, between, store.read(count)) == (0, 0, 1)


def test_what_a_snapshot_computes_while_something_is_erased_is_not_kept() -> None:
    memory = SnapshotCache()
    older = memory.make_view()
    memory.clear()
    older.get_cached("test", 1, lambda: "erased", revision=none_erased)

    assert remembered(memory, "anew") == "anew"


def test_a_kind_keeps_a_few_values_and_none_for_long() -> None:
    seconds = 0.0
    memory = SnapshotCache(lambda: seconds)
    for key in range(EACH_KIND + 1):
        memory.make_view().get_cached("test", key, lambda key=key: key, revision=none_erased)
    assert memory.find("test", 0) is None
    assert memory.find("test", EACH_KIND) == (EACH_KIND,)

    seconds += LONGEST_SECONDS + 1
    memory.make_view()
    assert memory.find("test", EACH_KIND) is None


def test_more_values_of_a_kind_are_kept_while_they_are_small_together() -> None:
    memory = SnapshotCache()
    size = MOST_BYTES // 10
    for key in range(11):
        memory.make_view().get_cached(
            "test", key, lambda key=key: key, revision=none_erased, size=size
        )

    assert memory.find("test", 0) is None
    assert [memory.find("test", key) for key in range(1, 11)] == [(key,) for key in range(1, 11)]
