"""Leases with fencing tokens, marks and the server's identity, on both stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import Store
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow
from schemas.errors import RetryableError

SECONDS = 0.3


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store(request.param, now) as opened:
        yield opened


def take(store: Store, now: FixedNow, holder: str, seconds: float = 60.0) -> int | None:
    return store.write(lambda uow: uow.leases.take("sweep", holder, seconds, now()))


def alive(store: Store, now: FixedNow) -> str | None:
    return store.read(lambda uow: uow.leases.find_holder("sweep", now()))


def pass_by(now: FixedNow, seconds: float) -> None:
    """Both clocks go on: the test's own, and the database's."""
    now.advance(seconds=seconds)
    time.sleep(seconds)


def test_a_lease_is_had_by_one_and_renewed_under_the_same_token(
    store: PipelineStore, now: FixedNow
) -> None:
    tokens = [take(store, now, holder) for holder in ("a", "b", "a")]

    assert tokens == [1, None, 1]
    assert alive(store, now) == "a"


def test_who_takes_over_what_ran_out_gets_a_higher_token(
    store: PipelineStore, now: FixedNow
) -> None:
    take(store, now, "a", SECONDS)
    pass_by(now, SECONDS + 0.05)
    expired = alive(store, now)
    tokens = [take(store, now, holder) for holder in ("b", "a")]

    assert expired is None
    assert tokens == [2, None]
    assert alive(store, now) == "b"


def test_renewing_in_time_keeps_others_out_for_another_span(
    store: PipelineStore, now: FixedNow
) -> None:
    take(store, now, "a", SECONDS)
    pass_by(now, SECONDS / 2)
    take(store, now, "a")
    pass_by(now, SECONDS)

    assert take(store, now, "b") is None


def test_a_dropped_lease_is_free_at_once_and_its_token_never_falls(
    store: PipelineStore, now: FixedNow
) -> None:
    take(store, now, "a")
    store.write(lambda uow: uow.leases.drop("sweep", "b"))
    still = alive(store, now)
    store.write(lambda uow: uow.leases.drop("sweep", "a"))
    after = alive(store, now), store.read(lambda uow: uow.leases.list_names(""))

    assert still == "a"
    assert after == (None, [])
    assert take(store, now, "a") == 2
    assert take(store, now, "b") is None


def test_names_are_found_by_what_they_begin_with(store: PipelineStore, now: FixedNow) -> None:
    for name in ("dispatch/b", "dispatch/a", "dispatch_c", "sweep"):
        store.write(lambda uow, n=name: uow.leases.take(n, "x", 60, now()))

    assert store.read(lambda uow: uow.leases.list_names("dispatch/")) == [
        "dispatch/a",
        "dispatch/b",
    ]
    assert store.read(lambda uow: uow.leases.list_names("dispatch_")) == ["dispatch_c"]


def test_a_lease_whose_act_fails_was_never_taken(store: PipelineStore, now: FixedNow) -> None:
    def fail(uow) -> None:
        uow.leases.take("sweep", "a", 60, now())
        raise RetryableError("the disk is full")

    with pytest.raises(RetryableError):
        store.write(fail)

    assert alive(store, now) is None
    assert take(store, now, "b") == 1


def test_on_one_machine_its_own_clock_counts(now: FixedNow) -> None:
    with fresh_store("sqlite", now) as file:
        take(file, now, "a")
        later = FixedNow(now() + timedelta(days=1))
        result = take(file, later, "b")

    assert result == 2


@pytest.mark.postgres
def test_a_machine_whose_clock_runs_ahead_takes_nobodys_lease(now: FixedNow) -> None:
    with fresh_store("postgres", now) as server:
        take(server, now, "a")
        ahead = FixedNow(now() + timedelta(days=1))
        behind = FixedNow(now() - timedelta(days=1))

        assert take(server, ahead, "b") is None
        assert take(server, behind, "a") == 1
        assert alive(server, ahead) == "a"


def test_a_mark_is_what_was_set_last(store: PipelineStore) -> None:
    before = store.read(lambda uow: uow.marks.get("server"))
    for value in ("one", "two"):
        store.write(lambda uow, v=value: uow.marks.set("server", v))

    assert before is None
    assert store.read(lambda uow: uow.marks.get("server")) == "two"
    assert store.read(lambda uow: uow.marks.get("other")) is None


def test_marks_are_named_by_how_they_begin(store: PipelineStore) -> None:
    for name in ("doubt:b", "doubt:a", "doubt_c", "other"):
        store.write(lambda uow, n=name: uow.marks.set(n, "x"))

    assert list(store.read(lambda uow: uow.marks.list_names("doubt:"))) == ["doubt:a", "doubt:b"]
    assert list(store.read(lambda uow: uow.marks.list_names("doubt_"))) == ["doubt_c"]


def test_the_identity_stays_while_the_server_does(store: PipelineStore) -> None:
    first = store.get_server_identity()
    store.write(lambda uow: uow.marks.set("server", "x"))

    assert store.get_server_identity() == first


def test_a_file_has_no_identity() -> None:
    with fresh_store("sqlite", FixedNow()) as file:
        assert file.get_server_identity() == ""


@pytest.mark.postgres
def test_a_server_is_known_by_its_number_and_timeline() -> None:
    with fresh_store("postgres", FixedNow()) as server:
        number, timeline, table = server.get_server_identity().split("/")

    assert len(number) == 19
    assert timeline == "1"
    assert [part.isdigit() for part in table.split(".")] == [True, True]
