"""Build telephone tasks: whom to call, why, and what to say when mail is unsafe or did not
arrive."""

from __future__ import annotations

from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Manifest, Recipient
from schemas.casework.approval import SealedTexts
from schemas.casework.case import CaseTask, TaskKind
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.text_signs import mark_hidden

NO_SCRIPT = (
    "An earlier release approved this letter and kept no script. Read the letter out as it was "
    "sent, to the person it was written to and to nobody else."
)


def build_task_id(
    breach_id: str, kind: NoticeKind, customer: str, person: str, version: int
) -> str:
    """Build the id of the one task for each person, kind and version of the letter."""
    return f"call-{breach_id}-{kind}-{customer}-{person}-v{version}"


def get_notice(task: CaseTask, breach_id: str) -> tuple[NoticeKind, int] | None:
    """Return which letter a telephone task replaces, and which version of the facts it tells. None:
    it replaces no letter of this breach."""
    if task.breach_id != breach_id or task.notice_kind is None or task.notice_version is None:
        return None
    return task.notice_kind, task.notice_version


def is_earlier(task: CaseTask, later: CaseTask, breach_id: str | None) -> bool:
    """Whether the task is an open call to the same reader about an earlier version of the same
    letter."""
    if breach_id is None or task.done_at is not None or task.kind is not TaskKind.TELEPHONE:
        return False
    if (task.customer_id, task.person_id) != (later.customer_id, later.person_id):
        return False
    ours, theirs = get_notice(task, breach_id), get_notice(later, breach_id)
    return bool(ours and theirs and ours[0] is theirs[0] and ours[1] < theirs[1])


def build_telephone_task(
    breach_id: str,
    recipient: Recipient,
    customer_name: str,
    version: int,
    script: str,
    reason: str,
    now: datetime,
) -> CaseTask:
    """Build a task that a program opens and a person completes."""
    whose = (recipient.kind, recipient.customer_id, recipient.person_id)
    return CaseTask(
        id=build_task_id(breach_id, *whose, version),
        kind=TaskKind.TELEPHONE,
        title=f"Telephone {mark_hidden(customer_name)}, {recipient.kind.spec.call_title}",
        customer_id=recipient.customer_id,
        person_id=recipient.person_id,
        number=recipient.phone or None,
        breach_id=breach_id,
        notice_kind=recipient.kind,
        notice_version=version,
        script=script,
        opened_at=now,
        reason=reason,
    )


def find_sealed_script(uow: UnitOfWork, row: NoticeRow) -> str:
    """Find the script that was approved for this row's reader; empty for a row of an earlier
    release."""
    whose = (row.customer_id, row.person_id, row.kind)
    for sealed in reversed(uow.breaches.list_versions(SealedTexts, row.breach_id)):
        if sealed.approval_hash == row.approval_hash:
            for script in sealed.scripts:
                if (script.customer_id, script.person_id, script.kind) == whose:
                    return script.text
    drill = "This is a drill. " if uow.breaches.get(row.breach_id).drill else ""
    return f"{drill}{NO_SCRIPT}"


def find_recipient(
    manifest: Manifest, customer_id: str, person_id: str, kind: NoticeKind
) -> Recipient | None:
    """Find the recipient in the manifest, if it is still there."""
    key = (customer_id, person_id, kind)
    matches = (r for r in manifest.recipients if (r.customer_id, r.person_id, r.kind) == key)
    return next(matches, None)
