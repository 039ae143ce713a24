"""docs/reference/sources.md is printed from the parsers and from the texts in docs/sources."""

from __future__ import annotations

from sources_page import COMMAND, PAGE, PARSERS, TEXTS, render_page


def test_the_page_of_sources_is_the_printed_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), f"renew the page: {COMMAND}"


def test_every_parser_has_a_text_that_says_what_is_sent_and_read_and_no_other_text_is_there() -> (
    None
):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in TEXTS.glob("*.md")}

    assert texts.keys() == PARSERS.keys()
    assert not [name for name, text in texts.items() if "*Read" not in text or "*Send" not in text]
