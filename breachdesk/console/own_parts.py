"""What a reader's text holds that the others' do not: for reading many of them side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from notifiers.reading import paragraphs

Block = tuple[str, str]
"""Heading and paragraph; the heading is empty before the first one."""
PLACEHOLDER = "…"


@dataclass(frozen=True, slots=True)
class ReaderText:
    """One text, and the marks of its reader (name, reference) that make no difference by
    themselves."""

    kind: str
    text: str
    marks: tuple[str, ...]


def own_blocks(texts: Sequence[ReaderText]) -> tuple[list[list[Block]], list[Block]]:
    """For each text its own blocks, and the blocks that all texts of at least one kind share.

    A block is common when every text of its kind holds it and the kind has several texts, or when
    texts of two kinds hold it.
    """
    marked = [
        [(block, _without_marks(block, text.marks)) for block in paragraphs(text.text)]
        for text in texts
    ]
    per_kind: Counter[tuple[str, Block]] = Counter()
    sizes = Counter(text.kind for text in texts)
    kinds: dict[Block, set[str]] = {}
    for text, pairs in zip(texts, marked, strict=True):
        for bare in {bare for _, bare in pairs}:
            per_kind[text.kind, bare] += 1
            kinds.setdefault(bare, set()).add(text.kind)
    common = {
        bare
        for (kind, bare), count in per_kind.items()
        if (count == sizes[kind] > 1) or len(kinds[bare]) > 1
    }
    own = [[block for block, bare in pairs if bare not in common] for pairs in marked]
    seen = dict.fromkeys(bare for pairs in marked for _, bare in pairs if bare in common)
    return own, list(seen)


def _without_marks(block: Block, marks: Sequence[str]) -> Block:
    heading, paragraph = block
    for mark in sorted(filter(None, marks), key=len, reverse=True):
        paragraph = paragraph.replace(mark, PLACEHOLDER)
    return heading, paragraph
