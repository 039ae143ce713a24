"""Find which parsers' hints occur in a record: one pass over its bytes, however many hints there
are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import re2

from schemas.pipeline.plugin import Parser

_MOST_MEMORY = 32 * 1024 * 1024
"""Bytes that RE2 may take for what it learns of records; beyond it forgets, and learns again."""
_MOST_KNOWN = 10_000
_ESCAPED = (
    *((b"u0022", b'"'), (b"u0026", b"&")),
    *((b"u003c", b"<"), (b"u003C", b"<"), (b"u003e", b">"), (b"u003E", b">")),
)


MOST_SAMPLED = 20
"""Records of a source that was not read before, which show whether its lines are of one format."""

HintNumbers = tuple[int, ...]
GroupedLine = tuple[int, HintNumbers | None]
"""A record's number, and the hints that occur in it if they were looked for."""


class HintScan:
    """One automaton of RE2 for the hints of all parsers."""

    def __init__(self, parsers: Mapping[str, Parser]) -> None:
        self._parsers = tuple(parsers.values())
        self._hints = sorted({hint for parser in self._parsers for hint in parser.hints})
        self._known: dict[HintNumbers, Sequence[Parser]] = {}
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MOST_MEMORY
        options.log_errors = False
        options.never_capture = True
        self._automaton = re2.Set.SearchSet(options)
        self._automaton.Add(b"")  # found in every record, unless RE2 gives up
        for hint in self._hints:
            self._automaton.Add("".join(f"\\x{byte:02x}" for byte in hint).encode())
        self._automaton.Compile()

    def find(self, raw: bytes) -> HintNumbers:
        """Return the numbers of the hints that occur, in a shipper's JSON too, which escapes some."""
        if b"\\" in raw:
            raw = _unescape(raw)
        numbers = tuple(self._automaton.Match(raw))
        if not numbers:
            numbers = (0, *(n for n, hint in enumerate(self._hints, 1) if hint in raw))
        return numbers

    def get_parsers(self, numbers: HintNumbers) -> Sequence[Parser]:
        """Return the parsers of these hints, those of shared formats last."""
        parsers = self._known.get(numbers)
        if parsers is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            parsers = self._known[numbers] = self._select_parsers(numbers)
        return parsers

    def have_parser(self, raws: Sequence[bytes]) -> bool:
        """Whether the hints of one parser occur in all of these."""
        several = [{parser.id for parser in self.get_parsers(self.find(raw))} for raw in raws]
        return bool(set.intersection(*several))

    def _select_parsers(self, numbers: Sequence[int]) -> Sequence[Parser]:
        hints = {self._hints[number - 1] for number in numbers if number}
        several = [parser for parser in self._parsers if not hints.isdisjoint(parser.hints)]
        return sorted(several, key=lambda parser: parser.is_fallback)


def _unescape(raw: bytes) -> bytes:
    """Undo JSON's escapes of printable characters, however deep: what is told of a record is only
    which parsers may read it."""
    raw = raw.replace(b"\\", b"")
    for code, character in _ESCAPED if b"u00" in raw else ():
        raw = raw.replace(code, character)
    return raw
