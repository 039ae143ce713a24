"""Find names in a text: whole words, any case, in one pass however many names there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_WORD = re.compile(r"\w+", re.UNICODE)
EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name and its position."""

    start: int
    end: int
    name: str


class NameIndex:
    """Names by their first word. Names without a letter or digit are never found."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name in set(names):
            words = tuple(word.casefold() for word in _WORD.findall(name))
            if words:
                self._by_first.setdefault(words[0], []).append((words, name))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: (-len(entry[0]), entry[1]))

    def find(self, text: str) -> Iterator[NameMatch]:
        """Find names from left to right, the longest first, never overlapping."""
        words = list(_WORD.finditer(text))
        folded = [word.group().casefold() for word in words]
        at = 0
        while at < len(words):
            name, length = self._match_at(folded, at)
            if length:
                yield NameMatch(words[at].start(), words[at + length - 1].end(), name)
            at += length or 1

    def list_candidates(self, text: str) -> list[str]:
        """List names whose first word occurs in the text: few, and a superset of what can be
        found."""
        present = {word.casefold() for word in _WORD.findall(text)}
        return sorted(n for w in present for _, n in self._by_first.get(w, ()))

    def _match_at(self, folded: list[str], at: int) -> tuple[str, int]:
        for words, name in self._by_first.get(folded[at], ()):
            if tuple(folded[at : at + len(words)]) == words:
                return name, len(words)
        return "", 0
