"""Find which of many literals occur in a text: one pass over it, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import re2

from streams.sigma.literals import Literal, LiteralPosition

_PATTERNS = {
    LiteralPosition.WITHIN: "{}",
    LiteralPosition.FIRST: r"\A{}",
    LiteralPosition.LAST: r"{}\z",
}
_LEAST_MEMORY = 8 * 1024 * 1024
_MOST_MEMORY = 64 * 1024 * 1024
_A_LITERAL = 8 * 1024
"""Bytes that RE2 may take for what it learns of texts; beyond it forgets, and learns again."""


def is_scannable(literal: Literal) -> bool:
    """Whether a scan finds it; other literals are looked up."""
    return literal.how in _PATTERNS


class LiteralScan:
    """One automaton of RE2 for the literals of one field. Both sides are UTF-8, read as bytes: a
    text contains another exactly if its bytes do."""

    __slots__ = ("find", "numbers")

    def __init__(self, literals: Iterable[Literal]) -> None:
        ordered = sorted(literals, key=lambda each: (each.text, each.how.value))
        self.numbers = {literal: number for number, literal in enumerate(ordered, start=1)}
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = min(_LEAST_MEMORY + _A_LITERAL * len(ordered), _MOST_MEMORY)
        options.log_errors = False
        options.never_capture = True
        automaton = re2.Set.SearchSet(options)
        automaton.Add(b"")  # found in every text, unless RE2 gives up
        for literal in ordered:
            escaped_bytes = "".join(f"\\x{byte:02x}" for byte in _encode(literal.text))
            automaton.Add(_PATTERNS[literal.how].format(escaped_bytes).encode())
        try:
            automaton.Compile()
        except re2.error:
            self.find: Callable[[bytes], Sequence[int]] = _find_nothing  # more than it may hold
        else:
            self.find = automaton.Match

    def find_literals(self, low: str) -> Sequence[int]:
        """Find the numbers of the literals in the text, which must be in lower case, and 0 with
        them. Empty if unknown."""
        return self.find(_encode(low))


def _find_nothing(_text: bytes) -> Sequence[int]:
    return ()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
