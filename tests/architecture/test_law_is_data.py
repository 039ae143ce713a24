"""What the code and the words ask of the law is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from breachdesk.gdpr.law import shipped

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("breachdesk", "notifiers", "schemas", "templates")
IN_CODE = re.compile(r'"((?:uk_gdpr|dpa2018|pecr_5a|reg_611_2013)_[a-z0-9_]+)"')
IN_TEMPLATES = re.compile(r"\blaw\.([a-z][a-z0-9_]*)\.(?:period|article|citation|review|hours)\b")


def files(*suffixes: str) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (p for p in sorted((ROOT / folder).rglob("*.*")) if p.suffix in suffixes)


def test_every_provision_that_code_names_is_in_the_shipped_law() -> None:
    known = {entry.id for entry in shipped().entries}
    named = {
        (path.name, found)
        for path in files(".py")
        if path.name != "testing.py"
        for found in IN_CODE.findall(path.read_text(encoding="utf-8"))
    }

    assert {pair for pair in named if pair[1] not in known} == set()
    assert len(named) > 5


def test_every_provision_that_a_template_names_is_in_the_shipped_law() -> None:
    known = {provision.id for provision in shipped().provisions}
    named = {
        found
        for path in files(".j2", ".html")
        for found in IN_TEMPLATES.findall(path.read_text(encoding="utf-8"))
    }

    assert named
    assert named <= known
