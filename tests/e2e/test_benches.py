"""Every measurement runs and says what it is meant to, at sizes too small to mean anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY_STORE = (
    "--alerts=60", "--new=20", "--customers=30", "--assets=90", "--cases=8", "--open-cases=3",
    "--breaches=2", "--approved=1", "--dead-letters=5", "--unattributed=5", "--audit=50",
)  # fmt: skip

pytestmark = pytest.mark.slow


def bench(name: str, *arguments: object) -> str:
    process = subprocess.run(
        [sys.executable, str(ROOT / "bench" / name), *map(str, arguments)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "store"
    bench("filler.py", folder, *TINY_STORE)
    return folder


def test_a_filled_store_has_a_whole_audit_chain_and_the_alerts_it_was_asked_for(
    filled: Path,
) -> None:
    command = [sys.executable, "-m", "breachdesk.cli.main", "audit", "verify"]
    process = subprocess.run(
        [*command, "--data-dir", str(filled)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert process.returncode == 0, process.stdout + process.stderr


def test_every_screen_of_a_filled_store_is_asked_and_answers(filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "console.json"
    text = bench("console.py", filled, "--rounds=1", "--json", out)

    rows = {row["path"]: row for row in read(out)}
    assert {row["status"] for row in rows.values()} <= {200, 404}
    assert rows["/"]["statements"] > 0
    assert rows["/cases/CASE-0001/affected"]["status"] == 200
    assert "| /alerts |" in text


def test_two_checkouts_are_measured_in_turn_over_the_same_lines(tmp_path: Path) -> None:
    out = tmp_path / "pipeline.json"
    bench(
        "pipeline.py", "--against", ROOT, "--lines=900", "--slice=300", "--console-lines=300",
        "--json", out,
    )  # fmt: skip

    trees = read(out)["trees"]
    assert trees["this"]["digest"] == trees["against"]["digest"]
    assert trees["this"]["us_a_line"]["median"] > 0
    assert trees["this"]["ratio"] > 0
    assert "console_ms" in trees["this"]


@pytest.mark.parametrize(
    ("part", "size"), [("groups", 300), ("customers", 5), ("alerts", 50), ("days", 2)]
)
def test_growth_is_measured_with_a_restart(part: str, size: int, tmp_path: Path) -> None:
    out = tmp_path / "growth.json"
    bench("growth.py", "--only", part, "--sizes", size, "--slice=200", "--slices=1", "--json", out)

    figures = read(out)[part][str(size)]
    assert figures["us_a_line"] > 0
    assert figures["restart_mib"] > 0


def test_reading_in_a_child_process_is_compared_with_reading_here() -> None:
    document = json.loads(bench("parser_process.py", "--days=1", "--repeats=1"))

    assert document["lines"] > 0


@pytest.mark.parametrize(
    ("name", "arguments", "key"),
    [
        ("rules.py", ("--sizes", 10, 20, "--events", 50, "--slices", 1), "20"),
        ("flood.py", ("--lines", 500), "batch_ms"),
        ("normalise.py", (ROOT, ROOT, "--slices", 1, "--stage", "read"), "ratio"),
    ],
)
def test_one_part_alone_is_measured(name: str, arguments: tuple[object, ...], key: str) -> None:
    assert key in bench(name, *arguments).lower()


def test_what_a_rate_takes_is_simulated() -> None:
    assert "100,000" in bench("simulate_scaling.py")


def test_growth_with_rules_is_measured_for_each_book_and_kind_of_event() -> None:
    sizes = ("--sizes", 10, 40, "--base=10", "--slices=1", "--events=50")
    rows = json.loads(bench("rules.py", *sizes, "--json"))

    assert [(row["events"], row["book"], row["rules"]) for row in rows] == [
        (kind, book, size)
        for kind in ("own", "process")
        for book, size in (("mixed", 10), ("mixed", 40), ("near", 40), ("foreign", 40))
    ]
    assert all(row["routing"] > 0 and row["with signals"] > 0 for row in rows)


def test_a_flood_of_keys_is_measured() -> None:
    document = json.loads(bench("flood.py", "--lines=400", "--memory-mib=1"))

    assert document["copies"] > 0
    assert document["batch_ms"]["most"] > 0


def test_what_a_copy_of_a_group_takes_is_measured() -> None:
    document = json.loads(bench("flood.py", "--lines=300", "--copies"))

    assert 0 < document["bytes_a_group_of_1"] < document["bytes_a_group_of_3"]
