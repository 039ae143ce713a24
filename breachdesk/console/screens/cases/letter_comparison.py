"""What each reader is told that the others are not, next to what all of them read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.own_parts import Block, TextGroup, collect_group_blocks
from breachdesk.console.web.letter_checks import BreachTexts
from breachdesk.console.web.paging import build_numbered_page
from breachdesk.console.web.request_context import SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork

router = APIRouter()
PAGE = 20


@dataclass(frozen=True)
class TextSection:
    """Paragraphs under one heading."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class GroupParts:
    """Readers of the same words: the first of them, and what only their text contains."""

    group: TextGroup
    sections: tuple[TextSection, ...]


@router.get("/cases/{case_id}/letters/compare")
def show_comparison(case_id: str, context: SignedIn, page: str = "") -> Response:
    """Twenty texts a page, each once however many read it."""

    def read_comparison(uow: UnitOfWork) -> tuple[CaseFile, BreachTexts]:
        file = read_case(uow, case_id, context.now)
        return file, context.app_state.letters.read_texts(uow, file, context.now)

    file, texts = context.look(read_comparison)
    groups, common = compare_groups(texts.groups.ordered)
    return context.render_page(
        "side_by_side.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        texts=texts,
        common=common,
        shown=build_numbered_page(groups, page, PAGE),
    )


def compare_groups(
    groups: Sequence[TextGroup],
) -> tuple[list[GroupParts], tuple[TextSection, ...]]:
    """Every group's own sections, in the order of the list, and the sections that they share."""
    own, common = collect_group_blocks(groups)
    parts = [
        GroupParts(group, _build_sections(blocks))
        for group, blocks in zip(groups, own, strict=True)
    ]
    return parts, _build_sections(common)


def _build_sections(blocks: list[Block]) -> tuple[TextSection, ...]:
    by_heading = groupby(blocks, key=lambda block: block[0])
    return tuple(
        TextSection(heading, tuple(paragraph for _, paragraph in each))
        for heading, each in by_heading
    )


SCREEN = Screen(id="letter_comparison", router=router)
