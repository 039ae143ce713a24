"""docs/reference/sources.md describes every parser by its title and id, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.pipeline.plugin import Parser, load_plugins

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "sources.md").read_text(encoding="utf-8")
PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))


def test_every_parser_has_a_section_and_no_other_section_is_there() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == sorted(PARSERS)


def test_the_table_names_every_parser_by_its_title() -> None:
    rows = re.findall(r"^\| \[(.+)\]\(#(\w+)\) \| `(\w+)` \|$", PAGE, re.MULTILINE)

    assert {row[1]: row[0] for row in rows} == {
        parser.id: parser.title for parser in PARSERS.values()
    }
    assert all(anchor == parser for _, anchor, parser in rows)
