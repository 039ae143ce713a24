from __future__ import annotations

import re
from pathlib import Path

import pytest

from breachdesk.jurisdictions import list_jurisdictions

ROOT = Path(__file__).resolve().parents[2]
MIGRATION = "schemas/casework/decision.py"
"""It names the ids that the fields of earlier stored decisions stand for."""
DOUBLES = "notifiers/testing/channels.py"
"""Test data: the decision of a breach in the United Kingdom."""


def is_own(path: Path, jurisdiction: str) -> bool:
    """Whether the file belongs to the jurisdiction itself or to the dated law."""
    own = path.parent.name == "jurisdictions" and path.stem == jurisdiction
    return own or path.parent.name == "law"


@pytest.mark.parametrize("jurisdiction", sorted(list_jurisdictions()))
def test_no_other_product_file_names_a_jurisdiction(jurisdiction: str) -> None:
    """A jurisdiction may name one that it replaces."""
    named = [
        path.relative_to(ROOT).as_posix()
        for folder in ("breachdesk", "notifiers", "schemas", "streams", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".j2", ".toml", ".js"}
        and not is_own(path, jurisdiction)
        and path.parent.name != "jurisdictions"
        and re.search(rf"\b{jurisdiction}\b", path.read_text("utf-8"))
    ]

    assert sorted(named) == sorted([DOUBLES, MIGRATION])


def test_no_other_module_and_no_template_names_a_regulator() -> None:
    names = {j.words.decided.split()[0] for j in list_jurisdictions().values()}
    named = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")
    naming = [
        path.relative_to(ROOT).as_posix()
        for folder in ("breachdesk", "notifiers", "schemas", "streams", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".j2"}
        and path.parent.name != "jurisdictions"
        and named.search(path.read_text("utf-8"))
    ]

    assert naming == [DOUBLES]


def test_no_kind_of_obligation_is_the_clock_of_a_jurisdiction() -> None:
    text = (ROOT / "schemas" / "casework" / "obligation.py").read_text("utf-8")

    assert [j.clock for j in list_jurisdictions().values() if f'"{j.clock}"' in text] == []
