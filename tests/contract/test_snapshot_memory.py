"""What a store keeps from one snapshot for the next: the same answers, and nothing after an erasure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.text_check import foreign_data
from breachdesk.gdpr.foreign_data import ForeignData, Reader
from breachdesk.ports import Store, UnitOfWork
from breachdesk.stores import counters
from breachdesk.stores.read_documents import MEMORABLE
from breachdesk.stores.snapshot_memory import EACH_KIND, LONGEST_SECONDS, SnapshotMemory
from breachdesk.testing import START, FixedNow, a_confirmed_breach, a_customer, a_user
from notifiers.testing import PROFILE
from schemas.affected import Certainty, Exposure, Manifest, Role
from schemas.breach import Breach

READER = Reader("contoso", names=("Contoso Ltd",))


class Undone(Exception):
    """Ends an act that must not last."""


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def breach(store: Store) -> Breach:
    return store.act(lambda uow: a_confirmed_breach(uow, START, actor="sam"))


def rename(uow: UnitOfWork, name: str) -> None:
    uow.customers.save(a_customer("fabrikam").model_copy(update={"name": name}))


def names(uow: UnitOfWork) -> ForeignData:
    return foreign_data(uow, PROFILE)


def blocked(data: ForeignData, text: str) -> bool:
    return any(hit.severity == "block" for hit in data.find(text, READER))


def large_manifest(breach: Breach, version: int = 1) -> Manifest:
    exposures = tuple(
        Exposure(
            customer_id=f"customer-{number}",
            role=Role.PROCESSOR,
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
    return store.look(lambda uow: uow.breaches.latest(Manifest, breach.id))


def test_a_name_that_the_register_changed_is_looked_for_in_the_next_snapshot(store: Store) -> None:
    store.act(lambda uow: rename(uow, "Quorvane Ltd"))
    before = store.look(names)
    store.act(lambda uow: rename(uow, "Zephyrine Ltd"))
    after = store.look(names)

    assert [blocked(before, f"{name} Ltd") for name in ("Quorvane", "Zephyrine")] == [True, False]
    assert [blocked(after, f"{name} Ltd") for name in ("Quorvane", "Zephyrine")] == [False, True]


def test_names_of_an_act_that_was_rolled_back_are_not_looked_for(store: Store) -> None:
    store.act(lambda uow: rename(uow, "Quorvane Ltd"))

    def undone(uow: UnitOfWork) -> None:
        rename(uow, "Zephyrine Ltd")
        assert blocked(names(uow), "Zephyrine Ltd")
        raise Undone

    with pytest.raises(Undone):
        store.act(undone)
    store.act(lambda uow: rename(uow, "Brackwell Ltd"))

    assert blocked(store.look(names), "Brackwell Ltd")
    assert not blocked(store.look(names), "Zephyrine Ltd")


def test_an_account_that_was_added_is_looked_for_though_the_register_is_the_same(
    store: Store,
) -> None:
    store.look(names)
    store.act(lambda uow: uow.users.save(a_user("quorvane")))

    assert store.look(names).staff == 1


def test_a_large_list_is_parsed_once_and_a_new_version_of_it_anew(
    store: Store, breach: Breach
) -> None:
    store.act(lambda uow: uow.breaches.put(large_manifest(breach)))
    first, again = newest(store, breach), newest(store, breach)
    store.act(lambda uow: uow.breaches.put(large_manifest(breach, 2)))

    assert first is again
    assert newest(store, breach) == large_manifest(breach, 2)


def test_a_list_that_was_redacted_is_read_as_it_stands_now(store: Store, breach: Breach) -> None:
    store.act(lambda uow: uow.breaches.put(large_manifest(breach)))
    newest(store, breach)
    redacted = large_manifest(breach).model_copy(update={"frozen_by": "kim"})
    store.act(lambda uow: uow.breaches.redact(redacted))

    assert newest(store, breach) == redacted


def test_a_list_whose_key_was_erased_is_neither_shown_nor_kept(
    store: Store, breach: Breach
) -> None:
    store.act(lambda uow: uow.breaches.put(large_manifest(breach)))
    newest(store, breach)
    store.look(lambda uow: uow.remembered("test", 1, lambda: "before"))
    store.act(lambda uow: uow.audit.erase(breach.case_id, at=START, actor="kim", reason="over"))

    assert newest(store, breach) is None
    assert store.look(lambda uow: uow.remembered("test", 1, lambda: "after")) == "after"


def test_an_act_computes_anew_and_keeps_nothing(store: Store) -> None:
    store.look(lambda uow: uow.remembered("test", 1, lambda: "kept"))

    assert store.act(lambda uow: uow.remembered("test", 1, lambda: "of the act")) == "of the act"
    assert store.look(lambda uow: uow.remembered("test", 1, lambda: "anew")) == "kept"


def none_erased() -> int:
    return 0


def remembered(memory: SnapshotMemory, value: str, *, erasures: int = 0) -> str:
    return memory.view().remembered("test", 1, lambda: value, revision=lambda: erasures)


def test_what_was_kept_before_another_process_erased_something_is_forgotten() -> None:
    memory = SnapshotMemory()
    remembered(memory, "before")

    assert remembered(memory, "after", erasures=1) == "after"
    assert remembered(memory, "later", erasures=1) == "after"


def test_what_an_older_snapshot_computes_after_another_process_erased_is_not_kept() -> None:
    memory = SnapshotMemory()
    older = memory.view()
    older.remembered("other", 1, lambda: "begun", revision=none_erased)
    remembered(memory, "newer", erasures=1)
    older.remembered("other", 2, lambda: "erased", revision=none_erased)

    assert memory.find("other", 2) is None
    assert memory.find("test", 1) == ("newer",)


def test_an_erasure_is_counted_for_all_processes_and_another_act_is_not(
    store: Store, breach: Breach
) -> None:
    def count(uow: UnitOfWork) -> int:
        return counters.current(uow.breaches._connection, counters.ERASURES)

    before = store.look(count)
    store.act(lambda uow: rename(uow, "Quorvane Ltd"))
    between = store.look(count)
    store.act(lambda uow: uow.audit.erase(breach.case_id, at=START, actor="kim", reason="over"))

    assert (before, between, store.look(count)) == (0, 0, 1)


def test_what_a_snapshot_computes_while_something_is_erased_is_not_kept() -> None:
    memory = SnapshotMemory()
    older = memory.view()
    memory.forget()
    older.remembered("test", 1, lambda: "erased", revision=none_erased)

    assert remembered(memory, "anew") == "anew"


def test_a_kind_keeps_a_few_values_and_none_for_long() -> None:
    seconds = 0.0
    memory = SnapshotMemory(lambda: seconds)
    for key in range(EACH_KIND + 1):
        memory.view().remembered("test", key, lambda key=key: key, revision=none_erased)
    assert memory.find("test", 0) is None
    assert memory.find("test", EACH_KIND) == (EACH_KIND,)

    seconds += LONGEST_SECONDS + 1
    memory.view()
    assert memory.find("test", EACH_KIND) is None
