"""What each reader is told that the others are not, beside what all of them read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Signed
from breachdesk.console.letter_checks import BreachTexts
from breachdesk.console.own_parts import Block, TextGroup, own_blocks_of
from breachdesk.console.paging import numbered_page
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork

router = APIRouter()
PAGE = 20


@dataclass(frozen=True)
class Section:
    """Paragraphs under one heading."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class GroupParts:
    """Readers of the same words: the first of them, and what stands in their text alone."""

    group: TextGroup
    sections: tuple[Section, ...]


@router.get("/cases/{case_id}/letters/compare")
def show(case_id: str, desk: Signed, page: str = "") -> Response:
    """Twenty texts a page, each once however many read it."""

    def read(uow: UnitOfWork) -> tuple[CaseFile, BreachTexts]:
        file = read_case(uow, case_id, desk.now)
        return file, desk.hall.letters.texts(uow, file, desk.now)

    file, texts = desk.look(read)
    groups, common = compared(texts.groups.ordered)
    return desk.page(
        "side_by_side.html",
        file=file,
        case=file.case,
        way=way(file),
        texts=texts,
        common=common,
        shown=numbered_page(groups, page, PAGE),
    )


def compared(
    groups: Sequence[TextGroup],
) -> tuple[list[GroupParts], tuple[Section, ...]]:
    """Every group's own sections, in the order of the list, and the sections that they share."""
    own, common = own_blocks_of(groups)
    parts = [
        GroupParts(group, _sections(blocks)) for group, blocks in zip(groups, own, strict=True)
    ]
    return parts, _sections(common)


def _sections(blocks: list[Block]) -> tuple[Section, ...]:
    by_heading = groupby(blocks, key=lambda block: block[0])
    return tuple(
        Section(heading, tuple(paragraph for _, paragraph in each)) for heading, each in by_heading
    )
