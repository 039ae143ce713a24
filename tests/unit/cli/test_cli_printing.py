"""What a terminal is given: no escape, no hidden character, and no markup that a name brought."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from breachdesk.cli.main import app
from breachdesk.cli.options import err, out, print_facts, print_json, print_rows
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation, ObligationKind, PendingReader

HOSTILE = "\x1b[2J\u202eevil\u200b \x9b31m [bold]b[/] [/nothing] :skull: \x07"
PARTS = ("\x1b", "\u202e", "\u200b", "\x9b", "\x07")


@pytest.mark.parametrize("way", ["rows", "facts", "out", "err"])
def test_a_terminal_sees_marks_in_place_of_what_would_move_it(
    capsys: pytest.CaptureFixture[str], way: str
) -> None:
    document = {"id": "c-1", "name": HOSTILE, "list": [{"name": HOSTILE}]}
    if way == "rows":
        print_rows([document], ["id", "name"], as_json=False)
    elif way == "facts":
        print_facts(document, as_json=False)
    else:
        (out if way == "out" else err).print(f"name {HOSTILE}")
    captured = capsys.readouterr()
    text = captured.out + captured.err

    assert not any(part in text for part in PARTS)
    assert "[U+001B][2J[U+202E]evil[U+200B]" in text
    assert "[bold]b[/] [/nothing] :skull:" in text


def test_json_for_a_program_keeps_every_character_as_an_escape(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    print_json({"name": HOSTILE})
    written = capfdbinary.readouterr().out.decode()

    assert not any(part in written for part in PARTS)
    assert json.loads(written) == {"name": HOSTILE}


def test_a_hostile_line_that_is_parsed_moves_no_terminal(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    line = "Nov 22 03:07:11 gw sshd[77]: Failed password for invalid user {} from 203.0.113.9 port 5 ssh2\n"
    log.write_text(line.format("\u202ebob\u200b\x9b"), "utf-8")
    printed = CliRunner().invoke(app, ["parse", str(log)])

    assert printed.exit_code == 0
    assert not any(part in printed.stdout for part in PARTS)
    assert "\\u202e" in printed.stdout


def test_a_duty_is_told_in_one_line_with_to_whom_it_is_owed_and_what_ends_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    duty = Obligation(
        id="own_promise",
        kind=ObligationKind.OWN_PROMISE,
        breach_id="BR-0001",
        title="Our own promise to customers",
        started_at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        owed=(
            PendingReader(
                customer_id="contoso",
                person_id="p1",
                notice=NoticeKind.ACCOUNT_HOLDER,
                because="rung: nobody answered",
            ),
        ),
        source="Our own published promise",
        ends_by="a letter handed over to each",
    )
    print_facts({"obligations": [duty.model_dump(mode="json")]}, as_json=False)
    text = " ".join(capsys.readouterr().out.split())

    assert "runs: Our own promise to customers" in text
    assert "owed to contoso (rung: nobody answered)" in text
    assert "ends by a letter handed over to each" in text


def test_the_version_is_that_of_the_installed_package() -> None:
    result = CliRunner().invoke(app, ["--version"])

    assert (result.exit_code, result.output) == (
        0,
        f"breachdesk {metadata.version('breachdesk')}\n",
    )
