"""Invariant 2 and 1 over the demo's lines: order, duplicates, batches and kill -9 change
nothing."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LIVE = (
    "id",
    "rule",
    "organization",
    "group",
    "first",
    "last",
    "severity",
    "customers",
    "categories",
    "evidence",
)


def breachdesk(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "breachdesk.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(*words: str) -> str:
    process = breachdesk(*words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    done("demo", "--write-lines", str(folder))
    return folder


def registered(folder: Path, lines: Path) -> Path:
    done("customers", "import", str(lines / "customers.csv"), "--data-dir", str(folder))
    done("assets", "import", str(lines / "assets.csv"), "--data-dir", str(folder))
    return folder


def sources(lines: Path) -> list[Path]:
    return sorted(p for p in lines.iterdir() if p.suffix != ".csv")


def live(folder: Path) -> list[dict[str, Any]]:
    rows = [
        json.loads(line)
        for line in done("alerts", "list", "--json", "--data-dir", str(folder)).splitlines()
    ]
    return sorted(
        ({name: row[name] for name in LIVE} for row in rows), key=lambda row: str(row["id"])
    )


@pytest.fixture(scope="module")
def expected(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = registered(tmp_path_factory.mktemp("plain"), lines)
    done("ingest", *map(str, sources(lines)), "--data-dir", str(folder))
    return live(folder)


def shuffled_and_doubled(source: Path, target: Path, seed: int) -> Path:
    records = [line for line in source.read_bytes().split(b"\n") if line]
    doubled = records * 2
    random.Random(seed).shuffle(doubled)
    target.write_bytes(b"\n".join(doubled) + b"\n")
    return target


def cut(source: Path, folder: Path, seed: int) -> Sequence[Path]:
    """The file's lines in pieces of random sizes, each named after the source."""
    records = [line for line in source.read_bytes().split(b"\n") if line]
    chance, pieces = random.Random(seed), []
    while records:
        size = chance.randint(1, max(1, len(records)))
        place = folder / f"{len(pieces)}"
        place.mkdir(parents=True, exist_ok=True)
        piece = place / source.name
        piece.write_bytes(b"\n".join(records[:size]) + b"\n")
        pieces.append(piece)
        records = records[size:]
    return pieces


def test_the_plain_feed_raises_the_storys_alerts(expected: list[dict[str, Any]]) -> None:
    assert {"critical", "high"} & {row["severity"] for row in expected}
    assert len(expected) > 3


def test_shuffled_doubled_and_cut_lines_give_the_same_live_alerts(
    lines: Path, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = registered(tmp_path / "data", lines)
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    pieces = [
        piece
        for seed, source in enumerate(sources(lines))
        for piece in cut(
            shuffled_and_doubled(source, mixed / source.name, seed), tmp_path / f"cut{seed}", seed
        )
    ]
    random.Random(7).shuffle(pieces)
    for start in range(0, len(pieces), 6):
        done("ingest", *map(str, pieces[start : start + 6]), "--data-dir", str(folder))

    assert live(folder) == expected


def test_twenty_kills_lose_and_repeat_nothing(
    lines: Path, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Every killed ingest is simply typed again: records then stand twice, alerts don't."""
    folder = registered(tmp_path / "data", lines)
    chance, killed = random.Random(11), 0
    command = ("ingest", *map(str, sources(lines)), "--data-dir", str(folder))
    while killed < 20:
        process = breachdesk(*command)
        time.sleep(chance.uniform(0.5, 2.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        if process.returncode == 0:
            killed += 1
    done(*command)
    whole = done("audit", "verify", "--data-dir", str(folder))

    assert live(folder) == expected
    assert "the chain is whole" in whole
