"""The letters: facts written once, and every letter as its reader will see it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.letters import Letters
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.headers import LETTER_CSP
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.errors import NotFound
from schemas.notice import LetterHead, Rendered

router = APIRouter()
VIEWS = ("text", "html", "phone")


@router.get("/cases/{case_id}/letters")
def letters(case_id: str, desk: Signed, n: int = 1, view: str = "text") -> Response:
    """Text `n` of all: mails, then scripts of calls; what is missing, what must not be in them."""
    file, made = desk.look(lambda uow: _made(uow, desk, case_id))
    texts = [text for text, _ in made.texts]
    at = min(max(n, 1), max(len(texts), 1))
    return desk.page(
        "letters.html",
        file=file,
        case=file.case,
        way=way(file),
        letters=made,
        n=at,
        texts=texts,
        view=view if view in VIEWS else "text",
        letter=texts[at - 1] if texts else None,
        head=_head(desk, made, at),
    )


def _head(desk: Desk, made: Letters, at: int) -> LetterHead | None:
    """Of letter `at`, by the first sender; None for a script, and without a sender."""
    sender = desk.house.sender()
    if sender is None or not 1 <= at <= len(made.rendered):
        return None
    recipient = made.recipients[at - 1]
    return letter_head(made.rendered[at - 1], recipient.name, recipient.email, sender)


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


def _letter(desk: Desk, case_id: str, n: int) -> Rendered:
    _, made = desk.look(lambda uow: _made(uow, desk, case_id))
    if not 1 <= n <= len(made.rendered):
        raise NotFound("no such letter", place=case_id, remedy="See the list of letters.")
    return made.rendered[n - 1]


def _made(uow: UnitOfWork, desk: Desk, case_id: str) -> tuple[CaseFile, Letters]:
    file = read_case(uow, case_id, desk.now)
    return file, desk.hall.shelf.read(uow, file, desk.now)
