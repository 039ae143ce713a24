"""Measure readability: sentences, syllables, and the reading age."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
VOWELS = re.compile(r"[aeiouy]+")
END = re.compile(r"(?<=[.!?])[”\"]?\s+(?=[A-Z“\"])|;\s+")

LABEL = re.compile(r"^(?:- |\d+\. )?(?:[A-Z][^.:;]{0,60}: )?")
"""`- `, `1. ` and `Kinds of records [33(3)(a)]: `"""


def generate_paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """Yield (block's heading, paragraph or list item) of a laid-out letter, with its lines
    joined."""
    heading = ""
    lines = text.split("\n")
    flowing: list[str] = []
    for number, line in enumerate(lines):
        under = lines[number + 1] if number + 1 < len(lines) else ""
        if set(line) == {"-"}:
            continue
        begins = not line or _is_item(line) or set(under) == {"-"}
        if begins and flowing:
            yield heading, " ".join(flowing)
            flowing = []
        if line and set(under) == {"-"}:
            heading = line
        elif line:
            flowing.append(line.strip())
    if flowing:
        yield heading, " ".join(flowing)


def split_sentences(paragraph: str) -> list[str]:
    """Split at full stops and semicolons; a list marker or a label is no part of a sentence."""
    return [s for s in END.split(LABEL.sub("", paragraph)) if WORD.search(s)]


def split_words(sentence: str) -> list[str]:
    return WORD.findall(sentence)


def compute_reading_age(prose: list[str]) -> float:
    """Compute the reading age like `compute_age`, from sentences."""
    every = [word for sentence in prose for word in split_words(sentence)]
    return compute_age(
        sentences=len(prose),
        words=len(every),
        syllables=sum(count_syllables(word) for word in every),
    )


def compute_age(*, sentences: int, words: int, syllables: int) -> float:
    """Compute the age in years: the Flesch-Kincaid grade (Kincaid 1975) plus five; 0 without
    sentences."""
    if not words:
        return 0.0
    grade = 0.39 * words / sentences + 11.8 * syllables / words - 15.59
    return round(grade + 5, 1)


def _is_item(line: str) -> bool:
    return bool(re.match(r"\s*(?:- |\d+\. )", line))


def count_syllables(word: str) -> int:
    """Estimate the number of spoken syllables."""
    letters = word.lower().rstrip("’'s-")
    count = len(VOWELS.findall(letters))
    silent = letters.endswith("e") and not letters.endswith("le") and count > 1
    return max(1, count - silent)
