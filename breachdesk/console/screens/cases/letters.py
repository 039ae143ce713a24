"""The letters: facts written once, and every letter as its reader will see it."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response, StreamingResponse

from breachdesk.casework.release.letter_headers import build_head
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.letter_checks import BreachTexts
from breachdesk.console.web.paging import build_numbered_page
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.console.web.security_headers import LETTER_CSP
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import ContactChannel, Recipient
from schemas.casework.notice import LetterHead, RenderedText
from schemas.errors import NotFound

router = APIRouter()
VIEWS = ("text", "html", "phone")
ROWS = 20
"""Texts that a page lists."""


@router.get("/cases/{case_id}/letters")
def show_letters(
    case_id: str, context: SignedIn, n: int = 1, view: str = "text", page: str = ""
) -> Response:
    """Text `n` of all: mails, then scripts of calls; what is missing, what must not be in them."""

    def read_letters(uow: UnitOfWork) -> tuple[CaseFile, BreachTexts, int, RenderedText | None]:
        file, texts = _read_texts(uow, context, case_id)
        at = min(max(n, 1), max(texts.total, 1))
        return file, texts, at, texts.render(uow, at) if texts.total else None

    file, texts, at, letter = context.look(read_letters)
    return context.render_page(
        "letters.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        texts=texts,
        letters=texts.letters,
        n=at,
        listed=build_numbered_page(
            tuple(enumerate(texts.recipients, 1)), page or 1 + (at - 1) // ROWS, ROWS
        ),
        view=view if view in VIEWS else "text",
        letter=letter,
        head=_build_head(context, texts.recipients[at - 1], letter) if letter else None,
    )


def _build_head(
    context: RequestContext, recipient: Recipient, letter: RenderedText
) -> LetterHead | None:
    """By the first sender; None for a script, and without a sender."""
    sender = context.dependencies.find_sender()
    if sender is None or recipient.channel is not ContactChannel.EMAIL:
        return None
    return build_head(letter, recipient.name, recipient.email, sender)


@router.get("/cases/{case_id}/letters/{n}/html")
def show_letter_html(case_id: str, n: int, context: SignedIn) -> Response:
    """The letter's own HTML, for the frame: it may load, run and post nothing."""
    return HTMLResponse(
        _get_letter(context, case_id, n).html,
        headers={"content-security-policy": LETTER_CSP, "x-frame-options": "SAMEORIGIN"},
    )


@router.get("/cases/{case_id}/letters/{n}/attachments/{name}")
def download_attachment(case_id: str, n: int, name: str, context: SignedIn) -> Response:
    """A pack's attachment, to save."""
    content = _get_letter(context, case_id, n).attachments.get(name)
    if content is None:
        raise NotFound("no such attachment", place=case_id)
    return build_download(content.encode(), "application/json", name)


def build_download(content: bytes, media_type: str, name: str) -> Response:
    """A file the browser saves. `name` is ours or a checked one: no quotes, no line ends."""
    safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    headers = {"content-disposition": f'attachment; filename="{safe}"'}
    return Response(content, media_type=media_type, headers=headers)


def streamed(pieces: Iterable[str], media_type: str, name: str) -> Response:
    """The same, made while it is sent: each piece on another thread, between other requests."""
    headers = build_download(b"", media_type, name).headers
    disposition = {"content-disposition": headers["content-disposition"]}
    return StreamingResponse(pieces, media_type=media_type, headers=disposition)


def _get_letter(context: RequestContext, case_id: str, n: int) -> RenderedText:
    def read_letter(uow: UnitOfWork) -> RenderedText:
        _, texts = _read_texts(uow, context, case_id)
        if not 1 <= n <= texts.mails:
            raise NotFound("no such letter", place=case_id, remedy="See the list of letters.")
        return texts.render(uow, n)

    return context.look(read_letter)


def _read_texts(
    uow: UnitOfWork, context: RequestContext, case_id: str
) -> tuple[CaseFile, BreachTexts]:
    file = read_case(uow, case_id, context.now)
    return file, context.app_state.letters.read_texts(uow, file, context.now)


SCREEN = Screen(id="letters", router=router)
