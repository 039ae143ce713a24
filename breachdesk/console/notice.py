"""The letters: facts written once, and every letter as its reader will see it."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response, StreamingResponse

from breachdesk.casework.letter_heads import letter_head
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.headers import LETTER_CSP
from breachdesk.console.letter_checks import BreachTexts
from breachdesk.console.paging import numbered_page
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import Channel, Recipient
from schemas.errors import NotFound
from schemas.notice import LetterHead, Rendered

router = APIRouter()
VIEWS = ("text", "html", "phone")
ROWS = 20
"""Texts that a page lists."""


@router.get("/cases/{case_id}/letters")
def letters(case_id: str, desk: Signed, n: int = 1, view: str = "text", page: str = "") -> Response:
    """Text `n` of all: mails, then scripts of calls; what is missing, what must not be in them."""

    def read(uow: UnitOfWork) -> tuple[CaseFile, BreachTexts, int, Rendered | None]:
        file, texts = _texts(uow, desk, case_id)
        at = min(max(n, 1), max(texts.total, 1))
        return file, texts, at, texts.rendered(uow, at) if texts.total else None

    file, texts, at, letter = desk.look(read)
    return desk.page(
        "letters.html",
        file=file,
        case=file.case,
        way=way(file),
        texts=texts,
        letters=texts.letters,
        n=at,
        listed=numbered_page(
            tuple(enumerate(texts.recipients, 1)), page or 1 + (at - 1) // ROWS, ROWS
        ),
        view=view if view in VIEWS else "text",
        letter=letter,
        head=_head(desk, texts.recipients[at - 1], letter) if letter else None,
    )


def _head(desk: Desk, recipient: Recipient, letter: Rendered) -> LetterHead | None:
    """By the first sender; None for a script, and without a sender."""
    sender = desk.house.sender()
    if sender is None or recipient.channel is not Channel.EMAIL:
        return None
    return letter_head(letter, recipient.name, recipient.email, sender)


@router.get("/cases/{case_id}/letters/{n}/html")
def letter_html(case_id: str, n: int, desk: Signed) -> Response:
    """The letter's own HTML, for the frame: it may load, run and post nothing."""
    return HTMLResponse(
        _letter(desk, case_id, n).html,
        headers={"content-security-policy": LETTER_CSP, "x-frame-options": "SAMEORIGIN"},
    )


@router.get("/cases/{case_id}/letters/{n}/attachments/{name}")
def attachment(case_id: str, n: int, name: str, desk: Signed) -> Response:
    """A pack's attachment, to save."""
    content = _letter(desk, case_id, n).attachments.get(name)
    if content is None:
        raise NotFound("no such attachment", place=case_id)
    return saved(content.encode(), "application/json", name)


def saved(content: bytes, media_type: str, name: str) -> Response:
    """A file the browser saves. `name` is ours or a checked one: no quotes, no line ends."""
    safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    headers = {"content-disposition": f'attachment; filename="{safe}"'}
    return Response(content, media_type=media_type, headers=headers)


def streamed(pieces: Iterable[str], media_type: str, name: str) -> Response:
    """The same, made while it is sent: each piece on another thread, between other requests."""
    headers = saved(b"", media_type, name).headers
    kept = {"content-disposition": headers["content-disposition"]}
    return StreamingResponse(pieces, media_type=media_type, headers=kept)


def _letter(desk: Desk, case_id: str, n: int) -> Rendered:
    def read(uow: UnitOfWork) -> Rendered:
        _, texts = _texts(uow, desk, case_id)
        if not 1 <= n <= texts.mails:
            raise NotFound("no such letter", place=case_id, remedy="See the list of letters.")
        return texts.rendered(uow, n)

    return desk.look(read)


def _texts(uow: UnitOfWork, desk: Desk, case_id: str) -> tuple[CaseFile, BreachTexts]:
    file = read_case(uow, case_id, desk.now)
    return file, desk.hall.letters.texts(uow, file, desk.now)
