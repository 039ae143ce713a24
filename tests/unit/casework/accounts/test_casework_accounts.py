from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from breachdesk.casework.accounts import accounts
from breachdesk.ports import UnitOfWork
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_store, make_user
from schemas.errors import EditConflict, NotAllowed, NotFound
from schemas.user import Actor, Permission, SessionView

OPERATOR = make_actor(user_id="operator:cli")


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        opened.write(_two_people)
        yield opened


def _two_people(uow: UnitOfWork) -> None:
    for user in ("sam", "kim"):
        uow.users.save(make_user(user))
        uow.sign_ins.remember(user, ["mark"], START)
        for number in range(3):
            uow.users.open_session(
                SessionView(
                    token_hash=f"{user}{number}",
                    user_id=user,
                    csrf="c",
                    opened_at=START,
                    used_at=START,
                    expires=START.replace(year=2027),
                )
            )
    uow.second_factors.start_enrolment("sam", "SECRET")
    uow.second_factors.confirm("sam", "SECRET", step=1, code_hashes=["x"], at=START)


def sessions(store: SqliteStore, user: str) -> list[str]:
    return sorted(
        s.token_hash for s in store.read(lambda uow: uow.users.list_sessions(user, START))
    )


ENDING: dict[str, Callable[[UnitOfWork, Actor], int]] = {
    "password": lambda uow, who: accounts.set_password(uow, who, "sam", "hash", START),
    "permissions": lambda uow, who: accounts.set_permissions(
        uow, who, "sam", [Permission.ANALYST], START
    ),
    "disabled": lambda uow, who: accounts.disable(uow, who, "sam", START),
    "sessions": lambda uow, who: accounts.close_sessions(uow, who, "sam", START),
    "second factor": lambda uow, who: accounts.reset_second_factor(uow, who, "sam", START),
}


@pytest.mark.parametrize("change", ENDING)
def test_what_takes_rights_away_ends_the_sessions_of_that_account_in_the_same_act(
    store: SqliteStore, change: str
) -> None:
    ended = store.write(lambda uow: ENDING[change](uow, OPERATOR))
    known = store.read(
        lambda uow: [uow.sign_ins.is_recognised(user, "mark", START) for user in ("sam", "kim")]
    )
    (entry,) = store.read(lambda uow: uow.audit.list_entries(subject="sam"))

    assert ended == 3
    assert sessions(store, "sam") == []
    assert sessions(store, "kim") == ["kim0", "kim1", "kim2"]
    assert known == [False, True]
    assert (entry.actor, entry.subject) == ("operator:cli", "sam")
    assert entry.facts["sessions_ended"] == 3


@pytest.mark.parametrize("change", ENDING)
def test_a_change_that_fails_ends_no_session(store: SqliteStore, change: str) -> None:
    def fail(uow: UnitOfWork) -> None:
        ENDING[change](uow, OPERATOR)
        raise EditConflict("changed my mind")

    with pytest.raises(EditConflict):
        store.write(fail)

    assert len(sessions(store, "sam")) == 3
    assert store.read(lambda uow: uow.audit.list_entries(subject="sam")) == []


def test_ones_own_new_password_spares_the_session_it_was_typed_in_and_the_known_browser(
    store: SqliteStore,
) -> None:
    store.write(lambda uow: accounts.set_password(uow, OPERATOR, "sam", "hash", START, but="sam1"))

    assert sessions(store, "sam") == ["sam1"]
    assert store.read(lambda uow: uow.sign_ins.is_recognised("sam", "mark", START))


def test_the_chain_says_after_each_change_what_the_account_is(store: SqliteStore) -> None:
    store.write(lambda uow: accounts.add_account(uow, OPERATOR, make_user("new"), START))
    store.write(
        lambda uow: accounts.set_permissions(uow, OPERATOR, "new", [Permission.APPROVER], START)
    )
    store.write(lambda uow: accounts.disable(uow, OPERATOR, "new", START))
    store.write(lambda uow: accounts.enable(uow, OPERATOR, "new", START))
    entries = store.read(lambda uow: uow.audit.list_entries(subject="new"))

    assert {e.act for e in entries} == {"user:account:saved"}
    assert [(e.facts["change"], e.facts["disabled"]) for e in entries] == [
        ("added", False),
        ("permissions", False),
        ("disabled", True),
        ("enabled", False),
    ]
    assert entries[-1].facts["permissions"] == ["approver"]


def test_an_account_that_is_there_is_not_added_again(store: SqliteStore) -> None:
    with pytest.raises(EditConflict, match="there is such an account"):
        store.write(lambda uow: accounts.add_account(uow, OPERATOR, make_user("sam"), START))


def test_an_account_that_is_not_there_is_not_found(store: SqliteStore) -> None:
    for act in (accounts.disable, accounts.enable, accounts.close_sessions):
        with pytest.raises(NotFound, match="no such account"):
            store.write(lambda uow, act=act: act(uow, OPERATOR, "nobody", START))


@pytest.mark.parametrize("change", ENDING)
def test_nobody_with_all_permissions_changes_a_colleagues_account(
    store: SqliteStore, change: str
) -> None:
    with pytest.raises(NotAllowed, match="only the operator's"):
        store.write(lambda uow: ENDING[change](uow, make_actor(user_id="kim")))

    assert len(sessions(store, "sam")) == 3


def test_ones_own_password_and_sessions_are_ones_own_to_change_and_end(store: SqliteStore) -> None:
    sam = make_actor(Permission.ANALYST, user_id="sam")
    store.write(lambda uow: accounts.set_password(uow, sam, "sam", "hash", START, but="sam0"))
    store.write(lambda uow: accounts.close_sessions(uow, sam, "sam", START))
    with pytest.raises(NotAllowed):
        store.write(lambda uow: accounts.set_permissions(uow, sam, "sam", list(Permission), START))

    assert sessions(store, "sam") == []


def test_a_second_factor_that_is_not_there_cannot_be_reset(store: SqliteStore) -> None:
    with pytest.raises(NotFound, match="no second factor"):
        store.write(lambda uow: accounts.reset_second_factor(uow, OPERATOR, "kim", START))


def test_a_permission_counts_as_held_only_by_an_account_that_can_sign_in(
    store: SqliteStore,
) -> None:
    def work(uow: UnitOfWork) -> list[Permission]:
        for user in uow.users.list():
            uow.users.save(user.model_copy(update={"permissions": frozenset(Permission)}))
        accounts.disable(uow, OPERATOR, "sam", START)
        accounts.set_permissions(
            uow, OPERATOR, "kim", set(Permission) - {Permission.APPROVER}, START
        )
        return accounts.find_unheld_permissions(uow)

    assert store.write(work) == [Permission.APPROVER]
