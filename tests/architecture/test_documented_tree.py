"""ARCHITECTURE.md names folders, files, ports and symbols that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TOP = "breachdesk|streams|notifiers|schemas|templates|rules|tests|docs"


def list_rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the table under that heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def list_symbols(text: str) -> list[str]:
    return re.findall(r"`((?:breachdesk|streams|notifiers|schemas)\.[\w.]+)`", text)


def has_symbol(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return hasattr(importlib.import_module(module), attribute)


def test_every_path_on_the_page_exists() -> None:
    paths = re.findall(rf"[`(]((?:{TOP})/[\w./-]*)[`)#]", PAGE)

    assert len(paths) > 50
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_symbol_on_the_page_exists() -> None:
    symbols = list_symbols(PAGE)

    assert len(symbols) > 15
    assert [name for name in symbols if not has_symbol(name)] == []


def test_each_row_of_where_do_i_add_names_a_place_and_a_test() -> None:
    rows = list_rows("Where do I add …?")

    assert len(rows) > 10
    for what, place, _, tests in rows:
        assert re.search(rf"`(?:{TOP})/", place), what
        assert re.findall(r"`tests/[\w/]+\.py`", tests), what
