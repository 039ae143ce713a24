"""What each reader is told that the others are not, beside what all of them read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.letters import Letters
from breachdesk.console.case_file import read_case
from breachdesk.console.desk import Signed
from breachdesk.console.own_parts import Block, ReaderText, own_blocks
from breachdesk.console.way import way
from schemas.letter import LetterContext
from schemas.notice import Rendered

router = APIRouter()
PAGE = 20


@dataclass(frozen=True)
class Section:
    """Paragraphs under one heading."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class ReaderParts:
    """One reader: where the whole text is, and what stands in it alone."""

    number: int
    """Of all texts, from 1."""
    text: Rendered
    context: LetterContext
    sections: tuple[Section, ...]


@router.get("/cases/{case_id}/letters/compare")
def show(case_id: str, desk: Signed, page: int = 1) -> Response:
    """Twenty readers a page."""
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    letters = desk.look(lambda uow: desk.hall.shelf.read(uow, file, desk.now))
    readers, common = compared(letters)
    pages = max(1, -(-len(readers) // PAGE))
    at = min(max(page, 1), pages)
    return desk.page(
        "side_by_side.html",
        file=file,
        case=file.case,
        way=way(file),
        readers=readers[(at - 1) * PAGE : at * PAGE],
        common=common,
        count=len(readers),
        page=at,
        pages=pages,
    )


def compared(letters: Letters) -> tuple[list[ReaderParts], tuple[Section, ...]]:
    """Every text's own sections, in the order of the list, and the sections that they share."""
    texts = [
        ReaderText(f"{text.kind} {text.channel}", text.text, _marks(context))
        for text, context in letters.texts
    ]
    own, common = own_blocks(texts)
    readers = [
        ReaderParts(number, text, context, _sections(blocks))
        for number, ((text, context), blocks) in enumerate(zip(letters.texts, own, strict=True), 1)
    ]
    return readers, _sections(common)


def _marks(context: LetterContext) -> tuple[str, ...]:
    """What differs in every text and says nothing of the breach."""
    return context.reference, context.recipient.name, context.customer_name


def _sections(blocks: list[Block]) -> tuple[Section, ...]:
    by_heading = groupby(blocks, key=lambda block: block[0])
    return tuple(
        Section(heading, tuple(paragraph for _, paragraph in each)) for heading, each in by_heading
    )
