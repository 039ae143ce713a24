"""Preflight says which law is corrected, old, unread or broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.bootstrap.preflight_check import PreflightCheck
from breachdesk.cli.main import app
from breachdesk.gdpr.law import load_shipped_law
from breachdesk.testing import FixedNow
from schemas.settings import LawSettings, Settings

NEWEST = max(entry.reviewed_on for entry in load_shipped_law().entries)
CORRECTION = """
[[provisions]]
id = "uk_gdpr_art33_1"
title = "Report the breach"
article = "UK GDPR Art. 33(1)"
valid_from = 2018-05-25
hours = 96
source = "https://law.example/33"
reviewed_on = 2027-01-04
verified = true
"""


def on(tmp_path: Path, day: datetime, **law: int) -> dict[str, PreflightCheck]:
    settings = Settings(data_dir=tmp_path, law=LawSettings(**law))
    with Container(settings, FixedNow(day)) as container:
        return {c.what: c for c in run_preflight(container) if c.what.startswith("law")}


def correct(tmp_path: Path, text: str) -> None:
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "uk.toml").write_text(text, encoding="utf-8")


def test_a_fresh_review_is_no_warning(tmp_path: Path) -> None:
    day = datetime(NEWEST.year, NEWEST.month, NEWEST.day, tzinfo=UTC)
    check = on(tmp_path, day)["law review"]

    assert (check.passed, check.warning) == (True, False)
    assert "in the last 6 months" in check.finding


def test_a_review_older_than_six_months_is_a_warning_that_names_it(tmp_path: Path) -> None:
    check = on(tmp_path, datetime(NEWEST.year + 1, NEWEST.month, NEWEST.day, tzinfo=UTC))[
        "law review"
    ]

    assert (check.passed, check.warning) == (True, True)
    assert "UK GDPR Art. 33(1)" in check.finding
    assert "docs/reference/law.md" in check.remedy


def test_an_operator_sets_how_old_a_review_may_be(tmp_path: Path) -> None:
    later = datetime(NEWEST.year + 1, NEWEST.month, NEWEST.day, tzinfo=UTC)

    assert on(tmp_path, later, review_months=24)["law review"].warning is False


def test_what_nobody_has_verified_is_a_warning(tmp_path: Path) -> None:
    check = on(tmp_path, datetime(2026, 11, 30, tzinfo=UTC))["law verified"]

    assert (check.passed, check.warning) == (True, True)
    assert "not verified against the text" in check.finding


def test_without_corrections_the_shipped_law_holds(tmp_path: Path) -> None:
    check = on(tmp_path, datetime(2026, 11, 30, tzinfo=UTC))["law corrections"]

    assert (check.passed, check.finding) == (True, "none, the shipped law holds")


def test_a_correction_is_named_and_so_is_an_id_that_corrects_nothing(tmp_path: Path) -> None:
    correct(tmp_path, CORRECTION + CORRECTION.replace("art33_1", "art33_l"))
    check = on(tmp_path, datetime(2026, 11, 30, tzinfo=UTC))["law corrections"]

    assert check.passed
    assert check.finding == "corrected: uk_gdpr_art33_1; added: uk_gdpr_art33_l"


def test_a_broken_correction_fails_the_check_and_names_the_place(tmp_path: Path) -> None:
    correct(tmp_path, CORRECTION.replace("hours = 96", 'hours = "many"'))
    check = on(tmp_path, datetime(2026, 11, 30, tzinfo=UTC))["law corrections"]

    assert not check.passed
    assert "law/uk.toml, provisions 1 (uk_gdpr_art33_1): hours" in check.finding
    assert "shipped entries hold" in check.remedy


@pytest.mark.parametrize(("hours", "code"), [("96", 0), ("0", 1)])
def test_the_command_lists_the_law_and_says_when_a_correction_is_broken(
    tmp_path: Path, hours: str, code: int
) -> None:
    correct(tmp_path, CORRECTION.replace("96", hours))
    listed = CliRunner().invoke(app, ["law", "list", "--json", "--data-dir", str(tmp_path)])

    assert listed.exit_code == code
    assert ("law/uk.toml, provisions 1 (uk_gdpr_art33_1)" in listed.output) is bool(code)
    assert '"period":"24 hours"' in listed.output
