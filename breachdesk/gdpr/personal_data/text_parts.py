"""Split a text into parts, each with the place where a person looks for it: blocks, HTML, JSON
values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

Part = tuple[str, str]
"""Where, and the words there."""
_BREAKS = frozenset(
    ("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3",
     "h4", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "td", "th", "title",
     "tr", "ul")
)  # fmt: skip
_UNSEEN = frozenset(("style", "script", "template", "noscript"))


def split_blocks(where: str, text: str) -> Iterator[Part]:
    """Split a laid-out text into blocks under their headings (a line with dashes below it),
    unchanged: a name that continues in the next line is whole."""
    heading = "opening"
    lines: list[str] = []
    every = text.split("\n")
    for number, line in enumerate(every):
        under = every[number + 1] if number + 1 < len(every) else ""
        if len(line) > 1 and set(line) == {"-"}:
            continue
        if line.strip() and len(under) > 1 and set(under) == {"-"}:
            yield from _build_block(where, heading, lines)
            heading, lines = line.strip(), [line]
        else:
            lines.append(line)
    yield from _build_block(where, heading, lines)


def split_html(where: str, page: str) -> Iterator[Part]:
    """Split HTML into visible text, and the text of attributes, comments and styles."""
    reader = _PageParser()
    reader.feed(page)
    reader.close()
    yield where, "".join(reader.seen)
    hidden = "\n\n".join(reader.unseen)
    if hidden.strip():
        yield f"{where}, not shown", hidden


def split_attachment(name: str, content: str) -> Iterator[Part]:
    """Split a JSON file into each text under its path; any other file is one part."""
    where = f"attachment:{name}"
    try:
        value = json.loads(content)
    except ValueError:
        yield where, content
        return
    for path, text in _generate_values(value, ""):
        yield f"{where}, {path}" if path else where, text


def _build_block(where: str, heading: str, lines: list[str]) -> Iterator[Part]:
    words = "\n".join(lines)
    if words.strip():
        yield f"{where}, {heading}", words


def _generate_values(value: Any, path: str) -> Iterator[Part]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield path, str(key)
            yield from _generate_values(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for part in value:
            yield from _generate_values(part, path)
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self._within = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += [value for _, value in attrs if value]
        self._within += tag in _UNSEEN
        if tag in _BREAKS:
            self.seen.append("\n\n" if tag != "br" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self._within -= tag in _UNSEEN and self._within > 0
        if tag in _BREAKS:
            self.seen.append("\n\n")

    def handle_data(self, data: str) -> None:
        (self.unseen if self._within else self.seen).append(data)

    def handle_comment(self, data: str) -> None:
        self.unseen.append(data)

    def handle_decl(self, decl: str) -> None:
        self.unseen.append(decl)

    def handle_pi(self, data: str) -> None:
        self.unseen.append(data)
