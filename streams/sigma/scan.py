"""Which of many literals stand in a text: one pass over it, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import re2

from streams.sigma.literals import How, Literal

_PATTERNS = {How.WITHIN: "{}", How.FIRST: r"\A{}", How.LAST: r"{}\z"}
_LEAST_MEMORY = 8 * 1024 * 1024
_MOST_MEMORY = 64 * 1024 * 1024
_A_LITERAL = 8 * 1024
"""Bytes that RE2 may take for what it learns of texts; beyond it forgets, and learns again."""
_ALWAYS = 0
"""Number of the empty pattern, which RE2 finds in every text unless it gives up."""


def scanned(literal: Literal) -> bool:
    """Is it found by a scan? The others are looked up."""
    return literal.how in _PATTERNS


class Scan:
    """One automaton of RE2 for the literals of one field. Both sides are UTF-8, read as bytes: a text
    stands in another exactly if its bytes do."""

    __slots__ = ("_set", "literals")

    def __init__(self, literals: Iterable[Literal]) -> None:
        self.literals: Sequence[Literal] = sorted(
            literals, key=lambda each: (each.how.value, each.text)
        )
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = min(_LEAST_MEMORY + _A_LITERAL * len(self.literals), _MOST_MEMORY)
        options.log_errors = False
        options.never_capture = True
        self._set = re2.Set.SearchSet(options)
        self._set.Add(b"")
        for literal in self.literals:
            written = "".join(f"\\x{byte:02x}" for byte in _encoded(literal.text))
            self._set.Add(_PATTERNS[literal.how].format(written).encode())
        self._set.Compile()

    def found(self, low: str) -> list[Literal] | None:
        """The literals that stand in the text, which must be in lower case; None: unknown."""
        numbers = self._set.Match(_encoded(low))
        if not numbers:
            return None
        literals = self.literals
        return [literals[number - 1] for number in numbers if number != _ALWAYS]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
