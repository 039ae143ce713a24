"""Commands of the distributed parts, typed where something is missing or away: place, remedy, exit
code, and never the password."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.ports import find_free_port

SECRET = "quite-secret"


def run(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    values_by_key = {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}
    return subprocess.run(
        [sys.executable, "-m", "breachdesk.cli.main", *words, "--data-dir", str(folder)],
        env=values_by_key | env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "breachdesk.toml").write_text("")
    return tmp_path


def away() -> dict[str, str]:
    """Both servers named, neither there."""
    return {
        "BREACHDESK_KAFKA__SERVERS": f"127.0.0.1:{find_free_port()}",
        "BREACHDESK_STORE__URL": f"postgresql://desk@127.0.0.1:{find_free_port()}/desk",
        "BREACHDESK_STORE__PASSWORD": SECRET,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("worker",), "kafka.servers and store.url"),
        (("store", "migrate"), "store.url"),
        (("topics", "check"), "kafka.servers"),
        (("replay",), "--from-beginning"),
        (("replay", "--offset", "3", "--from-beginning"), "--from-beginning"),
    ],
)
def test_what_is_not_configured_is_named(
    folder: Path, words: tuple[str, ...], message: str
) -> None:
    ended = run(folder, *words)

    assert ended.returncode == 2
    assert message in ended.stderr


@pytest.mark.parametrize(
    "words", [("worker",), ("console",), ("dispatch", "--once"), ("alerts", "list")]
)
@pytest.mark.slow
def test_servers_that_are_away_can_be_tried_again_and_no_secret_is_told(
    folder: Path, words: tuple[str, ...]
) -> None:
    ended = run(folder, *words, **away())

    assert ended.returncode == 3
    assert "127.0.0.1" in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_embedded_system_does_not_start_where_servers_are_named(folder: Path) -> None:
    ended = run(folder, "run", **away())

    assert ended.returncode == 2
    assert "breachdesk worker" in ended.stderr


def test_the_demo_takes_both_servers_or_neither(tmp_path: Path) -> None:
    env = away()
    del env["BREACHDESK_STORE__URL"]

    ended = run(tmp_path / "demo", "demo", "--unattended", **env)

    assert ended.returncode == 2
    assert "both or neither" in ended.stderr


def test_a_replay_of_a_store_that_never_read_partitions_says_so(folder: Path) -> None:
    ended = run(folder, "replay", "--from-beginning")

    assert ended.returncode == 0
    assert "No partition" in ended.stdout
