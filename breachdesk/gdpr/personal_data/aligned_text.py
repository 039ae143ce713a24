"""Fold a text while keeping the original position of each character."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from breachdesk.gdpr.personal_data.folding import fold_letters


@dataclass(frozen=True, slots=True)
class AlignedText:
    """The text in plain Latin letters, and the place of each of its characters before."""

    text: str
    origin: tuple[int, ...]

    def find_span(self, start: int, end: int) -> tuple[int, int]:
        """Find the position of these folded characters in the original text."""
        return self.origin[start], self.origin[end - 1] + 1


def align_text(text: str) -> AlignedText:
    """Fold letter by letter as `folding.fold_text` does, without its rules for more than one
    letter."""
    letters: list[str] = []
    origin: list[int] = []
    for place, sign in enumerate(text):
        plain = sign if sign.isascii() and sign != "`" else _fold_sign(sign)
        letters.append(plain)
        origin += [place] * len(plain)
    return AlignedText("".join(letters), tuple(origin))


@lru_cache(maxsize=4096)
def _fold_sign(sign: str) -> str:
    return fold_letters(unicodedata.normalize("NFKC", sign))
