"""Telephone tasks: whom, why, and what to say, when mail is not safe or did not arrive."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.letters import Documents, exposure_of, reference
from breachdesk.casework.own_facts import own_facts
from schemas.affected import NoticeKind, Recipient
from schemas.case import Task, TaskKind

KINDS = {
    NoticeKind.ACCOUNT_HOLDER: "account holder",
    NoticeKind.CONTROLLER_PACK: "data-protection contact",
}


def task_id(breach_id: str, kind: NoticeKind, customer: str, person: str, version: int) -> str:
    """One task for each person, kind and version of the letter."""
    return f"call-{breach_id}-{kind}-{customer}-{person}-v{version}"


def notice_of(task: Task, breach_id: str) -> tuple[NoticeKind, int] | None:
    """Which letter a telephone task stands for, and which version of the facts it tells. None: it
    stands for no letter of this breach."""
    if task.customer_id is None or task.person_id is None:
        return None
    for kind in NoticeKind:
        stem = task_id(breach_id, kind, task.customer_id, task.person_id, 0).removesuffix("0")
        number = task.id.removeprefix(stem)
        if number != task.id and number.isdecimal():
            return kind, int(number)
    return None


def telephone_task(
    recipient: Recipient, made: Documents, script: str, reason: str, now: datetime
) -> Task:
    """Opened by a program, done by a person."""
    version = made.facts.version
    return Task(
        id=task_id(
            made.breach.id, recipient.kind, recipient.customer_id, recipient.person_id, version
        ),
        kind=TaskKind.TELEPHONE,
        title=f"Telephone {recipient.customer_id}, {KINDS[recipient.kind]}",
        customer_id=recipient.customer_id,
        person_id=recipient.person_id,
        script=script,
        opened_at=now,
        reason=reason,
    )


def plain_script(made: Documents, recipient: Recipient) -> str:
    """The letters' facts to be said, where no template is at hand."""
    mark = reference(made.breach, recipient.customer_id)
    own = own_facts(made.facts, exposure_of(made, recipient))
    parts = (
        f"Number: {recipient.phone or 'none is stored; take it from the contract or an invoice'}",
        f"Ask for {recipient.name}. Do not leave the facts with anybody else or on a machine.",
        f"The reference is {mark}.",
        f"What happened: {own.what_happened}",
        *(f"What it could mean: {text}" for text in own.own.consequences),
        *(f"What we have done: {text}" for text in own.own.measures),
        *(f"What you should do: {text}" for text in own.own.steps),
        "Never ask for a password. Offer that they call back on a number they already have.",
    )
    return "\n".join(parts)


def recipient_of(
    made: Documents, customer_id: str, person_id: str, kind: NoticeKind
) -> Recipient | None:
    """The manifest's recipient, if it still has it."""
    wanted = (customer_id, person_id, kind)
    found = (r for r in made.manifest.recipients if (r.customer_id, r.person_id, r.kind) == wanted)
    return next(found, None)
