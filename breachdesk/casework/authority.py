"""Check who may do what: analysts triage, responders confirm, decide and write, approvers approve,
registrars keep the register."""

from __future__ import annotations

from schemas.casework.case import Case
from schemas.errors import BadInput, NotAllowed
from schemas.text_signs import find_name_problem
from schemas.user import Actor, Permission

CASE_PERMISSIONS = (Permission.ANALYST, Permission.RESPONDER)
"""Whoever holds one of them works on cases."""


def require_permission(actor: Actor, *permissions: Permission, act: str) -> None:
    """Raise NotAllowed unless the actor holds one of the permissions."""
    if not actor.permissions.intersection(permissions):
        permission_names = " or ".join(permission.value for permission in permissions)
        raise NotAllowed(
            f"to {act} needs the permission {permission_names}",
            place=actor.id,
            remedy=f"Ask a colleague who is {permission_names}.",
        )


OPERATOR = "operator:"
"""How the ids of those begin who run commands on the data folder. No account's id has a colon."""


def require_operator(actor: Actor, *, act: str) -> None:
    """Raise NotAllowed unless the actor runs commands on the data folder."""
    if not actor.id.startswith(OPERATOR):
        raise NotAllowed(
            f"to {act} is only the operator's to do",
            place=actor.id,
            remedy="Ask whoever runs this system.",
        )


def require_own(actor: Actor, user_id: str, *, act: str) -> None:
    """Raise NotAllowed unless the account is the actor's own, or the actor is the operator."""
    if actor.id != user_id:
        require_operator(actor, act=act)


LONGEST_TEXT = 10_000
"""Characters of a note or a reason. It stays for ever, and every page of its case reads it."""


def require_text(text: str, *, place: str, remedy: str) -> str:
    """Return the text without surrounding blanks. Raises BadInput when nothing remains, and when it
    is longer than LONGEST_TEXT."""
    stripped = text.strip()
    if not stripped:
        raise BadInput("it is empty", place=place, remedy=remedy)
    if len(stripped) > LONGEST_TEXT:
        raise BadInput(
            f"it is longer than {LONGEST_TEXT:,} characters",
            place=place,
            remedy="Write it in fewer words, and name the file that holds the rest.",
        )
    return stripped


def check_not_erased(case: Case) -> None:
    """Raise NotAllowed once the case's personal data was erased: nothing more is created from
    it."""
    if case.erased:
        raise NotAllowed(
            f"its personal data was erased on {case.erased.erased_at:%d %B %Y}",
            place=case.breach_id or case.id,
            remedy="The register keeps its facts; open a new case for anything new.",
        )


def require_name(text: str, *, place: str, remedy: str) -> str:
    """Return a name or title, checked as `require_text` does: one line without controls. Raises
    BadInput."""
    name = require_text(text, place=place, remedy=remedy)
    why = find_name_problem(name)
    if why:
        raise BadInput(f"it {why}", place=place, remedy="Type it again, in one line.")
    return name
