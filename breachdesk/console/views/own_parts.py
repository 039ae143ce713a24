"""What a reader's text holds that the others' do not: for reading many of them side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from notifiers.letters.readability import generate_paragraphs
from schemas.casework.letter import LetterContext
from schemas.casework.notice import RenderedText

Block = tuple[str, str]
"""Heading and paragraph; the heading is empty before the first one."""
Marked = tuple[Block, Block]
"""A block as its reader reads it, and the same without the reader's marks."""
PLACEHOLDER = "…"


@dataclass(frozen=True, slots=True)
class ReaderText:
    """One text, and the marks of its reader (name, reference) that make no difference by
    themselves."""

    kind: str
    text: str
    marks: tuple[str, ...]


def build_reader_text(text: RenderedText, context: LetterContext) -> ReaderText:
    """A letter or script with what differs in every text and says nothing of the breach."""
    marks = context.reference, context.recipient.name, context.customer_name
    return ReaderText(f"{text.kind} {text.channel}", text.text, marks)


@dataclass(slots=True)
class TextGroup:
    """Readers who are told the same, their names and references apart."""

    kind: str
    number: int
    """Of the first of them, among all texts."""
    context: LetterContext = field(repr=False)
    """What its text was made of."""
    blocks: tuple[Marked, ...] = field(repr=False)
    count: int = 1


class TextGroups:
    """Groups of texts, made while these come one after another."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[Block, ...]], TextGroup] = {}
        self._blocks: dict[Block, Block] = {}
        """Most blocks are in every text: each is kept once."""

    def add(self, number: int, text: ReaderText, context: LetterContext) -> None:
        """Text `number` of all."""
        once = self._blocks.setdefault
        blocks = tuple((once(a, a), once(b, b)) for a, b in _split_text(text))
        key = text.kind, tuple(bare for _, bare in blocks)
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = TextGroup(text.kind, number, context, blocks)
            return
        group.count += 1
        if number < group.number:
            group.number, group.context, group.blocks = number, context, blocks

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def ordered(self) -> Sequence[TextGroup]:
        """By the first text of each."""
        return sorted(self._groups.values(), key=lambda group: group.number)


def collect_group_blocks(groups: Sequence[TextGroup]) -> tuple[list[list[Block]], list[Block]]:
    """For each group its own blocks, and the blocks that all texts of at least one kind share."""
    return _collect_blocks((group.kind, group.blocks, group.count) for group in groups)


def collect_own_blocks(texts: Sequence[ReaderText]) -> tuple[list[list[Block]], list[Block]]:
    """For each text its own blocks, and the blocks that all texts of at least one kind share.

    A block is common when every text of its kind holds it and the kind has several texts, or when
    texts of two kinds hold it.
    """
    return _collect_blocks((text.kind, _split_text(text), 1) for text in texts)


def _collect_blocks(
    texts: Iterable[tuple[str, Sequence[Marked], int]],
) -> tuple[list[list[Block]], list[Block]]:
    """Of texts with their kind, their blocks and how many there are of each."""
    each = list(texts)
    per_kind: Counter[tuple[str, Block]] = Counter()
    sizes: Counter[str] = Counter()
    kinds: dict[Block, set[str]] = {}
    for kind, blocks, count in each:
        sizes[kind] += count
        for bare in {bare for _, bare in blocks}:
            per_kind[kind, bare] += count
            kinds.setdefault(bare, set()).add(kind)
    common = {
        bare
        for (kind, bare), count in per_kind.items()
        if (count == sizes[kind] > 1) or len(kinds[bare]) > 1
    }
    own = [[block for block, bare in blocks if bare not in common] for _, blocks, _ in each]
    seen = dict.fromkeys(bare for _, blocks, _ in each for _, bare in blocks if bare in common)
    return own, list(seen)


def _split_text(text: ReaderText) -> tuple[Marked, ...]:
    return tuple(
        (block, _remove_marks(block, text.marks)) for block in generate_paragraphs(text.text)
    )


def _remove_marks(block: Block, marks: Sequence[str]) -> Block:
    heading, paragraph = block
    for mark in sorted(filter(None, marks), key=len, reverse=True):
        paragraph = paragraph.replace(mark, PLACEHOLDER)
    return heading, paragraph
