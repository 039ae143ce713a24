"""The letters: facts written once, and every letter as its reader will see it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from breachdesk.casework import notify
from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.letters import Letters
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.headers import LETTER_CSP
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.customer import Role
from schemas.errors import BreachDeskError, NotFound
from schemas.letter_facts import PACK_WORDS, ExposureWords, NoticeFacts, Standing
from schemas.notice import LetterHead, Rendered

router = APIRouter()
GROUPS = (Standing.REACHED, Standing.POSSIBLE)
VIEWS = ("text", "html", "phone")
TEXTS = ("own_happened", "not_involved", "not_involved_evidence")
LISTS = ("consequences", "measures", "steps", "controller_steps")


@router.get("/cases/{case_id}/facts")
def facts(case_id: str, desk: Signed) -> Response:
    """The newest version to go on from."""
    return _show_facts(desk, case_id, None)


@router.post("/cases/{case_id}/facts")
def write_facts(case_id: str, desk: Signed, form: Posted) -> Response:
    """The next version; goes on to the letters."""
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/letters",
        done="facts",
        again=lambda problem: _show_facts(desk, case_id, form, problem),
    )


@router.get("/cases/{case_id}/letters")
def letters(case_id: str, desk: Signed, n: int = 1, view: str = "text") -> Response:
    """Letter `n` of all, what is missing and what must not be in them."""
    file, made = desk.look(lambda uow: _made(uow, desk, case_id))
    at = min(max(n, 1), max(len(made.rendered), 1))
    return desk.page(
        "letters.html",
        file=file,
        case=file.case,
        way=way(file),
        letters=made,
        n=at,
        view=view if view in VIEWS else "text",
        letter=made.rendered[at - 1] if made.rendered else None,
        head=_head(desk, made, at),
    )


def _head(desk: Desk, made: Letters, at: int) -> LetterHead | None:
    """Of letter `at`, by the first sender; None without a letter or a sender."""
    sender = desk.house.sender()
    if sender is None or not made.rendered:
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


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> NoticeFacts:
    breach = read_case(uow, case_id, desk.now).known_breach()
    document = NoticeFacts(
        breach_id=breach.id,
        version=1,
        written_by=desk.user.id,
        written_at=desk.now,
        what_happened=form.text("what_happened"),
        next_update=form.when("next_update", "Next update by"),
        words=tuple(_words(form, role, s) for role in Role for s in GROUPS),
    )
    return notify.write_facts(uow, desk.actor, document, now=desk.now)


def _show_facts(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    return desk.page(
        "facts.html",
        file=file,
        case=file.case,
        way=way(file),
        typed=_before(desk, file) if typed is None else typed,
        problem=problem,
    )


def _before(desk: Desk, file: CaseFile) -> dict[str, str]:
    """The newest facts as the form shows them; without any, the containment steps done."""
    times = desk.hall.pages.times
    old = file.facts
    if old is None:
        done = [step.text for step in file.case.containment if step.done_at]
        return {"measures": "\n".join(done)}
    found = {(w.role, w.standing): w for w in old.words if w.customer_id is None}
    holders = found.get((Role.CONTROLLER, Standing.REACHED))
    packs = found.get((Role.PROCESSOR, Standing.REACHED))
    typed = {
        "what_happened": old.what_happened,
        "next_update": times.typed(old.next_update),
    }
    if holders:
        typed["own_happened"] = holders.what_happened or ""
        typed |= {name: getattr(holders, name) or "" for name in TEXTS[1:]}
        typed |= {n: "\n".join(getattr(holders, n)) for n in LISTS if n != "controller_steps"}
        typed["contained"] = "yes" if holders.contained else ""
    if packs:
        typed |= {name: getattr(packs, name) or "" for name in PACK_WORDS}
        typed["controller_steps"] = "\n".join(packs.steps)
        typed["no_sub_processors"] = "yes" if packs.no_sub_processors else ""
    return typed


def _words(form: Form, role: Role, standing: Standing) -> ExposureWords:
    steps = "steps" if role is Role.CONTROLLER else "controller_steps"
    texts = TEXTS if role is Role.CONTROLLER else (*TEXTS, *PACK_WORDS)
    said = {name: form.text(name) or None for name in texts}
    return ExposureWords(
        what_happened=said.pop("own_happened"),
        role=role,
        standing=standing,
        consequences=form.lines("consequences"),
        measures=form.lines("measures"),
        steps=form.lines(steps),
        contained=form.ticked("contained"),
        no_sub_processors=role is Role.PROCESSOR and form.ticked("no_sub_processors"),
        **said,
    )
