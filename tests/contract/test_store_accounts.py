"""Sessions, second factors and counted tries, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, make_user
from schemas.errors import EditConflict, NotFound
from schemas.user import SessionView, User

HOUR = timedelta(hours=1)
WINDOW = timedelta(minutes=15)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        opened.write(lambda uow: uow.users.save(make_user()))
        yield opened


def a_session(token_hash: str = "hash", user_id: str = "sam") -> SessionView:
    return SessionView(
        token_hash=token_hash,
        user_id=user_id,
        csrf="csrf",
        opened_at=START,
        used_at=START,
        expires=START + HOUR,
        network="192.0.2.0/24",
    )


def session_of(store: PipelineStore, at=START) -> tuple[User, SessionView] | None:
    return store.read(lambda uow: uow.users.find_session("hash", at))


def in_parallel(
    store: PipelineStore, times: int, work: Callable[[UnitOfWork], object]
) -> list[object]:
    with ThreadPoolExecutor(times) as pool:
        return [each.result() for each in [pool.submit(store.write, work) for _ in range(times)]]


def test_a_session_lives_until_it_expires_is_closed_or_its_user_is_disabled(
    store: PipelineStore,
) -> None:
    store.write(lambda uow: uow.users.open_session(a_session()))

    assert session_of(store) == (make_user(), a_session())
    assert session_of(store, START + HOUR) is None
    store.write(lambda uow: uow.users.save(make_user().model_copy(update={"disabled": True})))
    assert session_of(store) is None
    store.write(lambda uow: uow.users.save(make_user()))
    store.write(lambda uow: uow.users.close_session("hash"))
    assert session_of(store) is None


def test_a_session_of_an_unknown_user_cannot_be_opened(store: PipelineStore) -> None:
    with pytest.raises(NotFound):
        store.write(lambda uow: uow.users.open_session(a_session(user_id="kim")))


def test_a_living_session_is_stretched_and_keeps_everything_else(store: PipelineStore) -> None:
    store.write(lambda uow: uow.users.open_session(a_session()))
    used = START + HOUR / 2
    stretched = store.write(
        lambda uow: uow.users.extend_session("hash", now=used, expires=used + HOUR)
    )
    after = session_of(store, START + HOUR)

    assert stretched
    assert after is not None
    assert after[1] == a_session().model_copy(update={"used_at": used, "expires": used + HOUR})


@pytest.mark.parametrize("at", [START, START + HOUR])
def test_a_session_that_was_closed_or_is_over_is_never_revived_by_stretching(
    store: PipelineStore, at
) -> None:
    store.write(lambda uow: uow.users.open_session(a_session()))
    if at == START:
        store.write(lambda uow: uow.users.close_session("hash"))
    stretched = store.write(lambda uow: uow.users.extend_session("hash", now=at, expires=at + HOUR))

    assert not stretched
    assert session_of(store, at) is None


def test_ending_all_sessions_of_a_user_spares_the_named_one_and_other_users(
    store: PipelineStore,
) -> None:
    def several(uow: UnitOfWork) -> int:
        uow.users.save(make_user("kim"))
        for token_hash, user_id in (("a", "sam"), ("b", "sam"), ("c", "sam"), ("d", "kim")):
            uow.users.open_session(a_session(token_hash, user_id))
        return uow.users.close_sessions("sam", but="b")

    ended = store.write(several)
    values_by_key = {
        user: [
            s.token_hash for s in store.read(lambda uow, u=user: uow.users.list_sessions(u, START))
        ]
        for user in ("sam", "kim")
    }

    assert ended == 2
    assert values_by_key == {"sam": ["b"], "kim": ["d"]}
    assert store.write(lambda uow: uow.users.close_sessions("sam")) == 1


def test_opening_a_session_deletes_those_that_are_over(store: PipelineStore) -> None:
    store.write(lambda uow: uow.users.open_session(a_session()))
    late = START + 2 * HOUR
    newer = a_session("newer").model_copy(
        update={"opened_at": late, "used_at": late, "expires": late + HOUR}
    )
    store.write(lambda uow: uow.users.open_session(newer))

    assert [
        s.token_hash for s in store.read(lambda uow: uow.users.list_sessions("sam", START))
    ] == ["newer"]


def enrol(store: PipelineStore, secret: str = "SECRET", step: int = 10) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.second_factors.start_enrolment("sam", secret)
        uow.second_factors.confirm("sam", secret, step=step, code_hashes=["x", "y"], at=START)

    store.write(work)


def test_a_second_factor_counts_only_once_it_is_confirmed(store: PipelineStore) -> None:
    store.write(lambda uow: uow.second_factors.start_enrolment("sam", "SECRET"))
    pending = store.read(
        lambda uow: (uow.second_factors.get("sam"), uow.second_factors.list_confirmed())
    )
    enrol(store)
    confirmed = store.read(
        lambda uow: (uow.second_factors.get("sam"), uow.second_factors.list_confirmed())
    )

    assert pending[0] is not None
    assert not pending[0].confirmed
    assert pending[1] == frozenset()
    assert confirmed[0] is not None
    assert (confirmed[0].secret, confirmed[0].pending) == ("SECRET", None)
    assert (confirmed[0].last_step, confirmed[0].recovery_codes) == (10, 2)
    assert confirmed[1] == {"sam"}


def test_a_secret_that_is_not_the_pending_one_cannot_be_confirmed(store: PipelineStore) -> None:
    enrol(store)
    with pytest.raises(EditConflict):
        store.write(
            lambda uow: uow.second_factors.confirm(
                "sam", "OTHER", step=11, code_hashes=["z"], at=START
            )
        )

    factor = store.read(lambda uow: uow.second_factors.get("sam"))
    assert factor is not None
    assert (factor.secret, factor.recovery_codes) == ("SECRET", 2)


def test_a_code_is_accepted_once_however_many_send_it_at_the_same_time(
    store: PipelineStore,
) -> None:
    enrol(store)
    answers = in_parallel(store, 8, lambda uow: uow.second_factors.use_step("sam", 11))
    earlier = store.write(lambda uow: uow.second_factors.use_step("sam", 10))
    later = store.write(lambda uow: uow.second_factors.use_step("sam", 12))

    assert answers.count(True) == 1
    assert (earlier, later) == (False, True)


def test_a_recovery_code_is_accepted_once(store: PipelineStore) -> None:
    enrol(store)
    answers = in_parallel(store, 8, lambda uow: uow.second_factors.use_recovery_code("sam", "x"))
    factor = store.read(lambda uow: uow.second_factors.get("sam"))

    assert answers.count(True) == 1
    assert factor is not None
    assert factor.recovery_codes == 1


def test_a_removed_second_factor_takes_its_recovery_codes_along(store: PipelineStore) -> None:
    enrol(store)

    assert store.write(lambda uow: uow.second_factors.remove("sam"))
    assert not store.write(lambda uow: uow.second_factors.remove("sam"))
    assert store.read(lambda uow: uow.second_factors.get("sam")) is None
    assert not store.write(lambda uow: uow.second_factors.use_recovery_code("sam", "x"))


def reserve(store: PipelineStore, limits: dict[str, int], at=START) -> list[int] | None:
    """As the console does: ask and count in one act."""

    def work(uow: UnitOfWork) -> list[int] | None:
        if uow.sign_ins.get_full_until(limits, WINDOW, at) is not None:
            return None
        return list(uow.sign_ins.reserve(limits, WINDOW, at))

    return store.write(work)


def test_of_thirty_tries_at_once_no_more_are_admitted_than_the_limit(store: PipelineStore) -> None:
    def work(uow: UnitOfWork) -> bool:
        if uow.sign_ins.get_full_until({"k": 5}, WINDOW, START) is not None:
            return False
        uow.sign_ins.reserve(["k"], WINDOW, START)
        return True

    assert in_parallel(store, 30, work).count(True) == 5


def test_a_try_counts_from_its_reservation_until_it_succeeds_or_is_past(
    store: PipelineStore,
) -> None:
    ids = reserve(store, {"k": 1})
    assert ids
    assert reserve(store, {"k": 1}) is None
    store.write(lambda uow: uow.sign_ins.release(ids))
    failed = reserve(store, {"k": 1})
    assert failed
    store.write(lambda uow: uow.sign_ins.fail(failed))
    until = store.read(lambda uow: uow.sign_ins.get_full_until({"k": 1}, WINDOW, START))

    assert until == START + WINDOW
    assert reserve(store, {"k": 1}, START + WINDOW - timedelta(seconds=1)) is None
    assert reserve(store, {"k": 1}, START + WINDOW) is not None


def test_one_full_key_is_enough_and_leaves_the_others_uncounted(store: PipelineStore) -> None:
    reserve(store, {"full": 1})
    for _ in range(5):
        assert reserve(store, {"full": 1, "other": 2}) is None

    assert reserve(store, {"other": 2}) is not None


def test_tries_past_the_window_are_deleted(store: PipelineStore) -> None:
    for number in range(5):
        reserve(store, {f"{number}" * 64: 1})
    reserve(store, {"k": 1}, START + WINDOW)

    until = [
        store.read(lambda uow, n=n: uow.sign_ins.get_full_until({f"{n}" * 64: 1}, WINDOW, START))
        for n in range(5)
    ]
    assert until == [None] * 5


def test_cleared_keys_are_free_at_once(store: PipelineStore) -> None:
    reserve(store, {"k": 1, "other": 1})
    store.write(lambda uow: uow.sign_ins.clear(["k"]))

    assert reserve(store, {"k": 1}) is not None
    assert reserve(store, {"other": 1}) is None


def test_a_mark_is_recognised_for_its_account_alone_and_not_for_ever(store: PipelineStore) -> None:
    store.write(lambda uow: uow.sign_ins.remember("sam", ["m"], START))

    def recognises(user: str, since=START) -> bool:
        return store.read(lambda uow: uow.sign_ins.is_recognised(user, "m", since))

    assert recognises("sam")
    assert not recognises("kim")
    assert not recognises("sam", START + HOUR)
    store.write(lambda uow: uow.sign_ins.remember("sam", ["m", "n"], START + HOUR))
    assert recognises("sam", START + HOUR)
    store.write(lambda uow: uow.sign_ins.forget("sam"))
    assert not recognises("sam")


def test_the_longest_unused_marks_of_an_account_are_forgotten_first(store: PipelineStore) -> None:
    for number in range(60):
        at = START + timedelta(minutes=number)
        store.write(lambda uow, n=number, at=at: uow.sign_ins.remember("sam", [f"m{n}"], at))
    values = [
        n
        for n in range(60)
        if store.read(lambda uow, n=n: uow.sign_ins.is_recognised("sam", f"m{n}", START))
    ]

    assert values == list(range(20, 60))


def test_a_second_factor_shows_no_secret_in_its_repr(store: PipelineStore) -> None:
    enrol(store, secret="JBSWY3DPEHPK3PXP")
    factor = store.read(lambda uow: uow.second_factors.get("sam"))

    assert factor is not None
    assert "JBSWY3DPEHPK3PXP" not in repr(factor)
