"""A record that takes its parser too long, in the embedded system: real commands, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers.ports import find_free_port
from slow_children import children, computing, readers, until

pytestmark = pytest.mark.slow

SSH = "Nov 22 01:06:%02d web01 sshd[7]: Failed password for root from 192.0.2.1 port 1 ssh2"
SLOW = ["SLOW loop", "SLOW match " + "a" * 60 + "!", "SLOW swallow", "SLOW leave", "SLOW busy_in_c"]
ENDLESS = "600"
TOKEN = "a-token-of-this-test"


def environment(seconds: str) -> dict[str, str]:
    tests = str(Path(__file__).parents[1])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]),
        "BREACHDESK_READING__SECONDS": seconds,
        "BREACHDESK_READING__PARSERS": '["slow_parsers:PARSER"]',
        "BREACHDESK_INTAKE__HTTP_TOKENS": json.dumps({"*": TOKEN}),
    }


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "breachdesk.cli.main", *map(str, words)]


def run(seconds: str, *words: object, stdin: str = "") -> str:
    ended = subprocess.run(
        command(*words),
        env=environment(seconds),
        capture_output=True,
        text=True,
        input=stdin,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def reasons(folder: Path) -> list[str]:
    """Of the dead letters, in the order of their records."""
    rows = run("1", "dead-letters", "list", "--each", "--json", "--data-dir", folder).splitlines()
    letters = sorted(map(json.loads, rows), key=lambda row: (row["journal"], row["offset"]))
    return [letter["reason"] for letter in letters]


def became(out: str) -> dict[str, int]:
    return dict(json.loads(out.splitlines()[-1])["became"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [SSH % 1, *SLOW, SSH % 2]
    (tmp_path / "mixed.log").write_text("\n".join(lines) + "\n")
    return tmp_path / "mixed.log"


def test_ingest_ends_slow_records_and_the_others_become_events(file: Path, tmp_path: Path) -> None:
    out = run("0.3", "ingest", "--json", "--data-dir", tmp_path / "data", file)

    assert became(out)["events"] == 2
    assert became(out)["dead_letters"] == len(SLOW)
    assert [reason.partition(":")[0] for reason in reasons(tmp_path / "data")] == (
        ["slow_test"] * len(SLOW)
    )
    assert "0.3 seconds of processor time" in reasons(tmp_path / "data")[0]


def test_parse_reports_each_line_in_order(file: Path) -> None:
    documents = [json.loads(line) for line in run("0.3", "parse", file).splitlines()]

    assert ["error" in each for each in documents] == [False, *[True] * len(SLOW), False]


@pytest.mark.parametrize("line", ["SLOW match " + "a" * 60 + "!", "SLOW busy_in_c"])
def test_ingest_killed_twice_on_a_slow_record_ends_it_at_the_next_start_and_goes_on(
    tmp_path: Path, line: str
) -> None:
    folder, files = tmp_path / "data", []
    for number, text in enumerate(["\n".join([SSH % 1, line, SSH % 2]), SSH % 3, SSH % 4]):
        files.append(tmp_path / f"{number}.log")
        files[-1].write_text(text + "\n")
    for file in files[:2]:
        with subprocess.Popen(
            command("ingest", "--source", "s", "--data-dir", folder, file),
            env=environment(ENDLESS),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as endless:
            child = until(lambda parent=endless.pid: computing(parent, 1.0))
            endless.kill()
        until(lambda process=child: process not in readers())
    out = run("0.3", "ingest", "--json", "--source", "s", "--data-dir", folder, files[2])

    assert (became(out)["events"], became(out)["dead_letters"]) == (4, 1)
    assert len(reasons(folder)) == 1


@contextmanager
def serving(folder: Path, seconds: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`breachdesk run`, and the address of its console."""
    port = find_free_port()
    folder.mkdir(exist_ok=True)
    (folder / "breachdesk.toml").touch()
    with (folder.parent / "run.log").open("ab") as log:
        process = subprocess.Popen(
            command("run", "--data-dir", folder),
            env=environment(seconds) | {"BREACHDESK_CONSOLE_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: asked(f"{address}/sign-in") or process.poll() is not None)
        assert process.poll() is None, (folder.parent / "run.log").read_text()
        yield process, address
    finally:
        process.kill()
        process.wait()


def asked(url: str, body: bytes | None = None) -> str:
    """The answer; empty when there is none."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def metric(address: str, name: str) -> float:
    """The sum over its labels."""
    lines = [line for line in asked(f"{address}/metrics").splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_the_console_answers_while_a_record_is_slow_and_a_killed_run_gets_past_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    lines = "\n".join([SSH % 1, "SLOW match " + "a" * 60 + "!", SSH % 2]).encode()
    with serving(folder, ENDLESS) as (process, address):
        assert asked(f"{address}/intake/mail", lines)
        child = until(lambda: computing(process.pid, 1.0))
        took = [seconds_of(f"{address}/sign-in") for _ in range(10)]
        assert child in children(process.pid)
        process.kill()
        process.wait()
    until(lambda: child not in readers())

    assert sorted(took)[5] < 5.0
    with serving(folder, "0.3") as (_, address):
        until(lambda: metric(address, "breachdesk_reading_ended_total") == 1)
        assert asked(f"{address}/intake/mail", (SSH % 3).encode())
        until(lambda: metric(address, "breachdesk_events_total") == 3)
    assert len(reasons(folder)) == 1


def seconds_of(url: str) -> float:
    begun = time.monotonic()
    assert "password" in asked(url).lower()
    return time.monotonic() - begun


def test_a_run_told_to_stop_does_not_wait_for_a_slow_record(tmp_path: Path) -> None:
    with serving(tmp_path / "data", ENDLESS) as (process, address):
        assert asked(f"{address}/intake/mail", b"SLOW loop")
        child = until(lambda: computing(process.pid, 1.0))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert child not in readers()


def test_a_flood_of_slow_datagrams_costs_a_bounded_time_and_hides_no_short_line(
    tmp_path: Path,
) -> None:
    long = "SLOW loop " + "x" * 2_000
    (tmp_path / "flood.log").write_text("\n".join([*[long] * 500, SSH % 1, "SLOW quick"]) + "\n")
    out: Any = became(
        run("0.1", "ingest", "--json", "--data-dir", tmp_path / "data", tmp_path / "flood.log")
    )

    assert (out["events"], out["dead_letters"]) == (2, 500)
    letters = reasons(tmp_path / "data")
    assert sum("set aside unread" in reason for reason in letters) == 490
