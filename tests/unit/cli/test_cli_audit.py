"""`breachdesk audit` and `breachdesk retention` as they are typed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.causes import build_finding
from breachdesk.cli.main import app
from breachdesk.ports import UnitOfWork
from breachdesk.testing import make_actor, make_user
from schemas.casework.case import CaseOrigin
from schemas.casework.cause import BreachCause
from schemas.user import Permission

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PASSWORD = "four unrelated words"
SETTINGS = """
[audit]
anchor_file = "{folder}/anchors.jsonl"
[retention]
near_miss_months = 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a responder, an approver and one closed case that was no breach."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "breachdesk.toml").write_text(SETTINGS.format(folder=tmp_path))
    hashed = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)

    def work(uow: UnitOfWork) -> None:
        for name, duty in (("rowan", Permission.RESPONDER), ("avery", Permission.APPROVER)):
            uow.users.save(make_user(name, duty).model_copy(update={"password_hash": hashed}))
        rowan = make_actor(Permission.RESPONDER, user_id="rowan")
        case = cases.open_by_hand(
            uow,
            rowan,
            title="A lost laptop",
            origin=CaseOrigin.OWN,
            known="It lay in a car.",
            now=NOW,
        )
        cases.add_note(uow, rowan, case.id, "Jo Mason rang", NOW)
        finding = build_finding("rowan", BreachCause.LOST_OR_STOLEN, None, NOW)
        close_case(uow, rowan, case.id, "found again", True, NOW, finding)

    with Container(load_settings(data)) as container:
        container.store.write(work)
    return data


def run(folder: Path, *words: str, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--data-dir", str(folder)], input=typed)
    raised = "" if isinstance(result.exception, SystemExit) else str(result.exception or "")
    return result.exit_code, result.output + raised


def test_verify_says_what_it_compared_and_exits_with_one_for_a_difference(folder: Path) -> None:
    honest = run(folder, "audit", "verify")
    head = run(folder, "audit", "head")[1].strip()
    run(folder, "audit", "anchor")
    bundle = folder.parent / "bundle.jsonl"
    run(folder, "audit", "export", str(bundle))
    against = run(folder, "audit", "verify", "--against", str(bundle), "--head", head)
    with closing(sqlite3.connect(folder / "store.db")) as database:
        database.execute("UPDATE users SET doc = replace(doc, 'responder', 'approver')")
        database.commit()
    changed = run(folder, "audit", "verify")
    listed = run(folder, "audit", "verify", "--json")

    assert honest[0] == 0
    assert "the chain is whole, and the store agrees with it" in honest[1]
    assert "nothing outside the store was compared" in honest[1]
    assert against[0] == 0
    assert "the bundle bundle.jsonl" in against[1]
    assert "1 line of the anchor file" in against[1]
    assert changed[0] == listed[0] == 1
    assert "users/rowan: its contents are not what entry" in changed[1]
    assert json.loads(listed[1])["whole"] is False


def test_a_bundle_is_verified_alone(folder: Path) -> None:
    bundle = folder.parent / "bundle.jsonl"
    run(folder, "audit", "export", str(bundle))

    assert run(folder, "audit", "verify", str(bundle))[0] == 0
    assert run(folder, "audit", "verify", str(bundle), "--against", str(bundle))[0] == 1
    assert run(folder, "audit", "verify", "--head", "12")[0] == 1


def test_two_people_erase_a_case_and_one_does_not(folder: Path) -> None:
    def erase(by: str, *words: str, typed: str = PASSWORD) -> tuple[int, str]:
        return run(
            folder, "retention", "erase", "CASE-0001", "--by", by, *words, typed=f"{typed}\n"
        )

    due = run(folder, "retention", "run", "--dry-run")
    wrong = erase("rowan", "--reason", "its time is over", typed="guess")
    unknown = erase("nobody", "--reason", "its time is over")
    neither, both = erase("rowan"), erase("rowan", "--reason", "r", "--confirm")
    question = erase("rowan", "--reason", "its time is over")
    own = erase("rowan", "--confirm")
    result = erase("avery", "--confirm")
    again = erase("avery", "--confirm")

    assert "cases whose time is over: CASE-0001" in due[1]
    assert [wrong[0], unknown[0], neither[0], both[0], own[0], again[0]] == [1] * 6
    assert wrong[1] == unknown[1]
    assert (question[0], result[0]) == (0, 0)
    assert "is erased" in result[1]
    assert run(folder, "audit", "verify")[0] == 0
    assert b"Jo Mason" not in (folder / "store.db").read_bytes()
    assert "It lay in a car." in run(folder, "register", "export")[1]


@pytest.mark.parametrize("name", ["no/such/folder.jsonl", "a-folder"])
def test_a_bundle_that_cannot_be_written_is_a_plain_refusal(folder: Path, name: str) -> None:
    (folder / "a-folder").mkdir()
    before = set(folder.rglob("*"))
    code, text = run(folder, "audit", "export", str(folder / name))

    assert code == 1
    assert "it cannot be written" in text
    assert {p for p in set(folder.rglob("*")) - before if p.suffix == ".part"} == set()


@pytest.mark.parametrize("days", ["0", "36501", "9999999", "99999999999"])
def test_days_beyond_a_century_are_refused(folder: Path, days: str) -> None:
    code, text = run(folder, "retention", "run", "--days", days)

    assert code == 1
    assert "Give 1 to 36,500" in text


@pytest.mark.parametrize(
    "setting",
    ["retention.case_years", "retention.near_miss_months", "retention.delivery_failure_days"],
)
def test_a_time_beyond_the_calendar_is_refused_by_the_settings(folder: Path, setting: str) -> None:
    table, _, key = setting.partition(".")
    (folder / "breachdesk.toml").write_text(f"[{table}]\n{key} = 9000000\n")
    code, text = run(folder, "retention", "run")

    assert code != 0
    assert setting in text
