"""Bad input, typed as a user would: the place, the remedy, the exit code; nothing stored is
lost."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from breachdesk.bootstrap.container import hold_lock
from breachdesk.cli.main import run_main
from breachdesk.demo.setup import MARK

RULES = Path(__file__).resolve().parents[2] / "rules"


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    monkeypatch.setenv("BREACHDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def typed(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["breachdesk", *map(str, words)])
        capfdbinary.readouterr()
        code = 0
        try:
            run_main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Ended(code, out.decode(), err.decode())

    return typed


GOOD = b"Nov 22 03:07:12 gate sshd[811]: Failed password for root from 203.0.113.9 port 4022 ssh2"


def test_lines_that_cannot_be_read_are_kept_as_dead_letters_with_a_reason(
    run: Run, tmp_path: Path
) -> None:
    bad = [
        b'{"CreationTime":"2026-11-22T03:07:12","Id":"x","Operation":"UserLog',
        b"\xff\xfe\x00 not any vendor's line \x80\x81",
        b"Foo 99 99:99:99 gate sshd[811]: Failed password for root from 1.2.3.4 port 1 ssh2",
    ]
    file = tmp_path / "mixed.log"
    file.write_bytes(b"\n".join([GOOD, *bad, GOOD]) + b"\n")
    fed = run("ingest", file)
    letters = run("dead-letters", "list", "--each", "--json").rows()
    groups = run("dead-letters", "list", "--lines", "--json").rows()

    assert fed.code == 0
    assert "5 records kept" in fed.out
    assert len(letters) >= 2
    assert all(letter["reason"] for letter in letters)
    assert sum(group["letters"] for group in groups) == len(letters)
    assert all("1.2.3.4" not in group["shape"] for group in groups)


def test_a_line_of_a_mebibyte_is_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "long.log"
    file.write_bytes(b"x" * 2**20 + b"\n" + GOOD + b"\n")
    fed = run("ingest", file)

    assert fed.code == 0
    assert "2 records kept" in fed.out


def test_a_source_that_nobody_understands_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "toaster.log"
    file.write_text("".join(f"beep {n}\n" for n in range(12)))
    fed = run("ingest", file)

    assert "source toaster seen, not understood: 12 lines, kept" in fed.err


def test_dead_letters_can_be_replayed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "toaster.log"
    file.write_text("beep\n")
    run("ingest", file)
    replayed = run("dead-letters", "replay", "--json").rows()

    assert replayed == [{"tried": 1, "mended": 0}]


def test_a_sheet_with_broken_rows_imports_the_good_ones_and_names_the_others(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "customer id,name,default email\nC1,Good Ltd,ok@good.example\nC2,Bad Ltd,not-an-address\n"
    )
    imported = run("customers", "import", file)
    listed = run("customers", "list", "--json").rows()

    assert imported.code == 1
    assert "line 3" in imported.err
    assert [row["id"] for row in listed] == ["C1"]


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    ended = run("ingest", "nowhere.log")

    assert ended.code == 1
    assert "nowhere.log" in ended.err


def test_a_folder_without_access_or_a_broken_setting_is_a_configuration_error(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "breachdesk.toml").write_text("console_port = 700000\n")
    ended = run("alerts", "list")

    assert ended.code == 2
    assert "console_port" in ended.err
    assert "breachdesk.toml" in ended.err


def test_an_unknown_alert_breach_or_case_is_named(run: Run) -> None:
    for words in (("alerts", "show", "AL-000000000000"), ("cases", "show", "CASE-9999")):
        ended = run(*words)

        assert ended.code == 1
        assert words[2] in ended.err


def test_an_unknown_format_names_the_known_ones(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(GOOD)
    ended = run("parse", file, "--format", "klingon")

    assert ended.code == 1
    assert "linux_sshd" in ended.err


def test_init_preflight_and_user_add_lead_to_a_working_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = run("init", tmp_path / "data")
    customers = run("customers", "import", tmp_path / "data" / "customers.csv")
    assets = run("assets", "import", tmp_path / "data" / "assets.csv")
    checked = run("preflight")
    again = run("init", tmp_path / "data")

    assert f"breachdesk preflight --data-dir {tmp_path / 'data'}" in begun.out.replace("\n", "")
    assert begun.code == customers.code == assets.code == 0, customers.err + assets.err
    assert checked.code == 1
    assert "contact_name" in checked.out
    assert again.code == 1
    assert "already" in again.err


def test_parse_answers_each_line_in_order(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gate.log"
    file.write_bytes(GOOD + b"\n{broken\n" + GOOD.replace(b"root", b"asha") + b"\n")
    rows = run("parse", file).rows()

    assert rows[0]["user"]["name"] == "root"
    assert "error" in rows[1]
    assert rows[1]["event"]["original"] == "{broken"
    assert rows[2]["user"]["name"] == "asha"


def test_what_parse_could_not_read_does_not_stop_detect(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gate.log"
    file.write_bytes(b"\n".join([GOOD, b"{broken"]) + b"\n")
    parsed = tmp_path / "events.ndjson"
    parsed.write_text(run("parse", file).out)
    ended = run("detect", "--rules", RULES, "--events", parsed)

    assert ended.code == 0, ended.err


@pytest.mark.parametrize("line", ["[]", "5", "null", '"text"'])
def test_detect_names_a_line_that_is_no_object(run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "events.ndjson").write_text("\n" + line + "\n")
    ended = run("detect", "--rules", RULES, "--events", tmp_path / "events.ndjson")

    assert ended.code == 1
    assert "line 2" in ended.err
    assert "Traceback" not in ended.err


def test_a_packed_file_can_be_parsed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gate.log.gz"
    file.write_bytes(gzip.compress(GOOD + b"\n"))

    assert run("parse", file).rows()[0]["user"]["name"] == "root"


def test_run_refuses_a_folder_that_nobody_made(run: Run, tmp_path: Path) -> None:
    ended = run("run", "--data-dir", tmp_path / "nodir")

    assert ended.code == 2
    assert "breachdesk init" in ended.err
    assert not (tmp_path / "nodir").exists()


def test_a_second_demo_does_not_clear_a_folder_in_which_one_runs(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / MARK).write_text("")
    with hold_lock(folder, "pipeline"):
        ended = run("demo", "--unattended", "--data-dir", folder)

    assert ended.code == 3
    assert (folder / MARK).exists()


def test_the_demo_leaves_a_folder_alone_that_is_not_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    ended = run("demo", "--unattended", "--data-dir", tmp_path)

    assert ended.code == 1
    assert (tmp_path / "precious").exists()


def test_ingest_says_what_became_of_the_lines(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gate.log"
    file.write_bytes(b"\n".join([GOOD, b"beep"]) + b"\n")
    ended = run("ingest", file)

    assert "became 1 events, 0 ignored, 0 dead letters, 1 not understood, 0 new alerts" in ended.out


def test_ids_in_a_list_are_whole_in_a_pipe(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gate.log"
    file.write_bytes(GOOD + b"\n")
    run("ingest", file)
    run("init", tmp_path / "made")
    run("customers", "import", tmp_path / "made" / "customers.csv")

    assert "office@orchard.example" in run("customers", "list").out
