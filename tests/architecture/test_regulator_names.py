"""Regulators are named by their jurisdictions alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from breachdesk.jurisdictions import list_jurisdictions

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("breachdesk", "streams", "notifiers", "schemas", "templates")
NOT_OURS = ("breachdesk/jurisdictions/", "notifiers/testing/")
STORED = {"schemas/casework/decision.py"}
"""Reads decisions that were stored before answers were kept by jurisdiction."""


def iterate_sources() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in {".py", ".html", ".j2"} and not name.startswith(NOT_OURS):
                yield name, path.read_text(encoding="utf-8")


def test_no_other_module_and_no_template_names_a_regulator() -> None:
    short = {j.words.decided.split()[0] for j in list_jurisdictions().values()}
    named = re.compile(rf"\b({'|'.join(map(re.escape, sorted(short)))})\b")

    assert {name for name, text in iterate_sources() if named.search(text)} == set()


def test_no_other_module_and_no_template_names_a_jurisdiction_by_its_id() -> None:
    named = re.compile(rf"[\"']({'|'.join(list_jurisdictions())})[\"']")

    assert {name for name, text in iterate_sources() if named.search(text)} == STORED
