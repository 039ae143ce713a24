"""Set-up: from the demo to one's own data, each step with its command and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.second_factor import must_have
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.words import figures, listed
from breachdesk.ports import UnitOfWork
from schemas.settings import ProviderProfile
from schemas.user import MUST_BE_HELD, can_sign_in

router = APIRouter()
NEEDED = {
    "legal_name": "legal name",
    "registered_address": "registered address",
    "ico_registration": "ICO registration number",
    "contact_name": "named contact",
    "contact_phone": "telephone of the contact",
    "contact_email": "mail address of the contact",
    "contact_hours": "hours of the contact",
    "complaints": "how to complain",
    "invoices_before": "a date for “ring the number on an invoice from before”",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to set up. `missing` empty: done."""

    title: str
    why: str
    command: str
    has: str
    missing: str = ""


@router.get("/first-run")
def show(desk: Signed) -> Response:
    """What stands and what is missing."""
    tasks = desk.look(lambda uow: _tasks(uow, desk))
    return desk.page("first_run.html", tasks=tasks, left=sum(bool(t.missing) for t in tasks))


def _tasks(uow: UnitOfWork, desk: Desk) -> list[Task]:
    settings = desk.house.settings
    own = [] if not settings.demo else [_own_folder()]
    return [
        *own,
        _profile(settings.profile),
        _customers(uow),
        _assets(uow),
        _sources(uow),
        _senders(desk),
        _users(uow),
        *_second_factors(uow, desk),
    ]


def _own_folder() -> Task:
    return Task(
        "A data folder of your own",
        "The demo’s folder holds invented people and its accounts work nowhere else.",
        "breachdesk init my-desk",
        "this is the demo",
        "your own folder; the steps below then name it with --data-dir my-desk",
    )


def _profile(profile: ProviderProfile) -> Task:
    blank = [word for name, word in NEEDED.items() if not getattr(profile, name)]
    return Task(
        "Provider profile",
        "Who you are, as every notice and report says it. A blank one stops the release.",
        "[profile] in breachdesk.toml",
        profile.legal_name or "no name yet",
        listed(blank),
    )


def _customers(uow: UnitOfWork) -> Task:
    counts = uow.customers.counts()
    missing = "" if counts.customers else "all of them"
    if counts.unreachable:
        missing = f"an address for {counts.unreachable} of them"
    return Task(
        "Customers",
        "With the default address of each, and a data protection contact where there is one.",
        "breachdesk customers import customers.csv",
        figures(counts.customers, "customer"),
        missing,
    )


def _assets(uow: UnitOfWork) -> Task:
    counts = uow.customers.counts()
    bare = counts.without_assets
    missing = f"assets of {figures(bare, 'customer')}" if bare else ""
    return Task(
        "Assets",
        "Which tenant, mailbox, domain, host or address is whose, and since when.",
        "breachdesk assets import assets.csv",
        figures(counts.bindings, "asset"),
        missing if counts.bindings else "all of them",
    )


def _sources(uow: UnitOfWork) -> Task:
    sources = uow.sources.list()
    deaf = [s.name for s in sources if s.not_understood and not s.parsed]
    return Task(
        "Sources",
        "Log lines from files, over HTTP or by syslog; the format is recognised.",
        "breachdesk ingest /var/log/auth.log --source office-ssh --follow",
        figures(len(sources), "source"),
        f"a parser for {listed(deaf)}" if deaf else "" if sources else "the first line",
    )


def _senders(desk: Desk) -> Task:
    senders = desk.house.settings.senders
    bare = [s.id for s in senders if not s.from_email]
    missing = f"the From address of {listed(bare)}" if bare else ""
    return Task(
        "A way out for mail",
        "Your smarthost, best one that does not stand on what it may have to warn about.",
        "[[senders]] in breachdesk.toml",
        figures(len(senders), "sender"),
        missing if senders else "the first sender",
    )


def _second_factors(uow: UnitOfWork, desk: Desk) -> list[Task]:
    """Nothing in a demo, where nobody needs one."""
    users, settings = uow.users.list(), desk.house.settings
    needing = [u.id for u in users if can_sign_in(u, demo=False) and must_have(u, settings)]
    lacking = sorted(set(needing) - uow.second_factors.confirmed())
    if not needing:
        return []
    return [
        Task(
            "Second factors",
            "Whoever approves signs in once and sets one up. Without it nothing can be approved.",
            "breachdesk user list",
            figures(len(needing) - len(lacking), "approver") if len(lacking) < len(needing) else "",
            f"the second factor of {listed(lacking)}" if lacking else "",
        )
    ]


def _users(uow: UnitOfWork) -> Task:
    people = [u for u in uow.users.list() if not u.disabled and not u.demo]
    lacking = [d.value for d in MUST_BE_HELD if not any(d in u.duties for u in people)]
    return Task(
        "People who work here",
        "Who writes never approves: at least two, or one who breaks the glass.",
        "breachdesk user add alex --duty responder",
        figures(len(people), "account"),
        f"somebody who is {listed(lacking)}" if lacking else "",
    )
