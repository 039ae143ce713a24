"""`breachdesk user …` as the operator types it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from breachdesk.cli.main import run_main
from breachdesk.console.web.password_hashing import is_matching
from schemas.user import SessionView, User

GOOD = "violet ladder 47 teapot"
OTHER = "nine copper kettles hum"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BREACHDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "data"


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    del folder

    def typed(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["breachdesk", "user", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        code = 0
        try:
            run_main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return typed


def stored(folder: Path, user_id: str = "asha") -> User | None:
    with Container(load_settings(folder)) as container:
        return container.store.read(lambda uow: uow.users.get(user_id))


def acts(folder: Path) -> list[tuple[str, str, str]]:
    with Container(load_settings(folder)) as container:
        entries = container.store.read(lambda uow: uow.audit.list_entries())
    return [(entry.actor, entry.act, entry.subject) for entry in entries]


def sign_in(folder: Path, user_id: str = "asha") -> None:
    with Container(load_settings(folder)) as container:
        now = container.now()
        session = SessionView(
            token_hash="t",
            user_id=user_id,
            csrf="c",
            opened_at=now,
            used_at=now,
            expires=now.replace(year=now.year + 1),
        )
        container.store.write(lambda uow: uow.users.open_session(session))


def sessions(folder: Path, user_id: str = "asha") -> int:
    with Container(load_settings(folder)) as container:
        now = container.now()
        return len(container.store.read(lambda uow: uow.users.list_sessions(user_id, now)))


def add(run: Run, *permissions: str) -> Ended:
    named = [
        word for permission in permissions or ("approver",) for word in ("--permission", permission)
    ]
    return run("add", "asha", *named, stdin=f"{GOOD}\n")


def test_an_account_is_added_once_with_a_good_password(run: Run, folder: Path) -> None:
    added, again = add(run), add(run)
    user = stored(folder)

    assert added.code == 0
    assert "second factor" in added.out
    assert again.code == 1
    assert "there is such an account" in again.err
    assert user is not None
    assert is_matching(user.password_hash, GOOD)
    assert acts(folder) == [("operator:cli", "user:account:saved", "asha")]


@pytest.mark.parametrize(
    "password", ["aaaaaaaaaaaa", "password1234", "123456789012", "asha asha asha"]
)
def test_a_password_that_is_guessed_first_is_refused_in_plain_words(
    run: Run, folder: Path, password: str
) -> None:
    ended = run("add", "asha", "--permission", "analyst", stdin=f"{password}\n")

    assert ended.code == 1
    assert "Password: too easy to guess. Three or four unrelated words do well" in ended.err
    assert password not in ended.err
    assert stored(folder) is None


def test_a_new_password_ends_the_sessions(run: Run, folder: Path) -> None:
    add(run)
    sign_in(folder)
    ended = run("password", "asha", stdin=f"{OTHER}\n")
    user = stored(folder)

    assert "1 session ended" in ended.out
    assert user is not None
    assert is_matching(user.password_hash, OTHER)
    assert sessions(folder) == 0
    assert acts(folder)[-1] == ("operator:cli", "user:password:changed", "asha")


def test_a_disabled_account_is_out_and_can_be_let_in_again(run: Run, folder: Path) -> None:
    add(run)
    sign_in(folder)
    disabled = run("disable", "asha")
    result = sessions(folder)
    enabled = run("enable", "asha")
    user = stored(folder)

    assert "asha is disabled; 1 session ended" in disabled.out
    assert "nobody who may sign in is approver any more" in disabled.err
    assert result == 0
    assert enabled.code == 0
    assert user is not None
    assert not user.disabled


def test_permissions_are_replaced_and_the_last_of_a_permission_is_warned_of(
    run: Run, folder: Path
) -> None:
    add(run, "approver", "analyst")
    sign_in(folder)
    ended = run("permission", "asha", "--permission", "analyst")
    user = stored(folder)

    assert "asha is analyst; 1 session ended" in ended.out
    assert "nobody who may sign in is approver any more" in ended.err
    assert "nobody who may sign in is analyst" not in ended.err
    assert user is not None
    assert [permission.value for permission in user.permissions] == ["analyst"]
    assert sessions(folder) == 0


def test_sessions_are_ended_by_command(run: Run, folder: Path) -> None:
    add(run)
    sign_in(folder)

    assert "asha: 1 session ended" in run("end-sessions", "asha").out
    assert sessions(folder) == 0
    assert acts(folder)[-1] == ("operator:cli", "user:sessions:ended", "asha")


def test_a_second_factor_is_reset_by_command(run: Run, folder: Path) -> None:
    add(run)
    with Container(load_settings(folder)) as container:
        now = container.now()

        def enrol(uow):
            uow.second_factors.start_enrolment("asha", "SECRET")
            uow.second_factors.confirm("asha", "SECRET", step=1, code_hashes=["x"], at=now)

        container.store.write(enrol)
    sign_in(folder)
    (before,) = [json.loads(line) for line in run("list", "--json").out.splitlines()]
    reset = run("reset-second-factor", "asha")
    (after,) = [json.loads(line) for line in run("list", "--json").out.splitlines()]
    again = run("reset-second-factor", "asha")

    assert (before["second_factor"], before["sessions"]) == (True, 1)
    assert "no second factor any more; 1 session ended" in reset.out
    assert (after["second_factor"], after["sessions"]) == (False, 0)
    assert again.code == 1
    assert acts(folder)[-1] == ("operator:cli", "user:second_factor:reset", "asha")


@pytest.mark.parametrize(
    "words",
    [
        ("password", "nobody"),
        ("disable", "nobody"),
        ("enable", "nobody"),
        ("end-sessions", "nobody"),
        ("reset-second-factor", "nobody"),
        ("permission", "nobody", "--permission", "analyst"),
    ],
)
def test_an_account_that_is_not_there_is_named_with_the_remedy(
    run: Run, words: tuple[str, ...]
) -> None:
    ended = run(*words, stdin=f"{GOOD}\n")

    assert ended.code == 1
    assert "nobody: no such account. See" in ended.err
    assert "user list" in ended.err
