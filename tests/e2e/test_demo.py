"""The demo as a user runs it: one JSON object, everybody accounted for, the same twice."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from breachdesk.demo.lines import build_lines

pytestmark = pytest.mark.slow


def run_demo(folder: Path) -> dict[str, Any]:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "breachdesk.cli.main",
            "demo",
            "--unattended",
            "--json",
            "--data-dir",
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 1
    return dict(json.loads(lines[0]))


def listed(folder: Path, *words: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-m", "breachdesk.cli.main", *words, "--json", "--data-dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def summary(folder: Path) -> dict[str, Any]:
    return run_demo(folder)


def test_every_line_is_received_and_ends_as_an_event_or_with_a_reason(
    summary: dict[str, Any], folder: Path
) -> None:
    written = sum(len(rows) for rows in build_lines().lines.values())
    sources = listed(folder, "dead-letters", "list", "--each")

    assert summary["events"]["received"] == written
    assert summary["events"]["dead_letters"] == len(sources) > 0
    assert all(letter["reason"] for letter in sources)


def test_one_incident_becomes_one_case_and_one_breach(summary: dict[str, Any]) -> None:
    assert (summary["cases"], summary["breaches"]) == (1, 1)
    assert summary["alerts"] > 3


def test_every_customer_ends_with_a_certainty_and_a_reason(
    summary: dict[str, Any], folder: Path
) -> None:
    breach = listed(folder, "breaches", "show", "BR-0001")[0]
    customers = {c["id"] for c in listed(folder, "customers", "list")}
    considered = {e["customer_id"] for e in breach["exposures"]}

    assert sum(summary["customers"].values()) == len(customers) == 50
    assert considered == customers
    assert all(e["reason"] for e in breach["exposures"])


def test_those_told_are_those_affected_and_every_notice_was_handed_over(
    summary: dict[str, Any],
) -> None:
    affected = sum(summary["customers"][c] for c in ("confirmed", "likely", "possible"))

    assert summary["customers_affected"] == affected > 1
    assert set(summary["notices"]) == {"handed_over"}


def test_every_mail_opens_as_text_and_html_and_names_only_its_own_customer(
    summary: dict[str, Any], folder: Path
) -> None:
    names = {c["id"]: c["name"] for c in listed(folder, "customers", "list")}
    files = [p for p in Path(summary["mails"]).rglob("*") if p.parent.name in {"new", "cur"}]
    assert len(files) == sum(summary["notices"].values())

    for file in files:
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        html = message.get_body(("html",)).get_content()
        named = {i for i, name in names.items() if name in text or name in html}

        assert message["Subject"].startswith("DRILL")
        assert "http" not in text
        assert len(named) <= 1


def test_the_reports_are_there(summary: dict[str, Any]) -> None:
    assert [Path(p).suffix for p in summary["reports"]] == [".txt", ".json", ".pdf", ".json"]
    assert all(Path(p).stat().st_size > 500 for p in summary["reports"])


def test_a_second_run_of_the_demo_on_a_fresh_folder_gives_the_same(
    summary: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    again = run_demo(tmp_path)
    places = {"mails", "reports", "seconds"}
    first = {a["id"]: a for a in listed(folder, "alerts", "list")}
    second = {a["id"]: a for a in listed(tmp_path, "alerts", "list")}
    exposures = [
        listed(f, "breaches", "show", "BR-0001")[0]["exposures"] for f in (folder, tmp_path)
    ]

    assert {k: v for k, v in again.items() if k not in places} == {
        k: v for k, v in summary.items() if k not in places
    }
    assert first == second
    assert exposures[0] == exposures[1]


def test_the_demo_ends_in_time(summary: dict[str, Any]) -> None:
    assert sum(summary["seconds"].values()) < 400
