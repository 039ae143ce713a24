"""Set-up: from the demo to one's own data, each step with its command and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.accounts.second_factor import is_required
from breachdesk.console.views.labels import format_figures, join_words
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.regulators import list_applicable
from breachdesk.ports import UnitOfWork
from schemas.profile_fields import list_blank_fields
from schemas.settings import Settings
from schemas.user import REQUIRED_PERMISSIONS, can_sign_in

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SetupTask:
    """One thing to set up. `missing` empty: done."""

    title: str
    why: str
    command: str
    has: str
    missing: str = ""


@router.get("/first-run")
def show_first_run(context: SignedIn) -> Response:
    """What is set up and what is missing."""
    tasks = context.look(lambda uow: _list_tasks(uow, context))
    return context.render_page(
        "first_run.html", tasks=tasks, left=sum(bool(t.missing) for t in tasks)
    )


def _list_tasks(uow: UnitOfWork, context: RequestContext) -> list[SetupTask]:
    settings = context.dependencies.settings
    own = [] if not settings.demo else [_build_folder_task()]
    return [
        *own,
        _build_profile_task(settings),
        _build_customers_task(uow),
        _build_assets_task(uow),
        _build_sources_task(uow),
        _build_senders_task(context),
        _build_users_task(uow),
        *_list_second_factor_tasks(uow, context),
    ]


def _build_folder_task() -> SetupTask:
    return SetupTask(
        "Your own data folder",
        "The demo’s folder contains invented people, and its accounts work only there.",
        "breachdesk init my-desk",
        "this is the demo",
        "your own folder; the steps below then name it with --data-dir my-desk",
    )


def _build_profile_task(settings: Settings) -> SetupTask:
    profile = settings.profile
    blank = list(list_blank_fields(profile).values())
    for jurisdiction in list_applicable(settings.jurisdictions):
        fields = jurisdiction.profile_fields.items()
        blank += [name for field, name in fields if not getattr(profile, field)]
    if profile.invoices_before is None:
        blank.append("a date for “ring the number on an invoice from before”")
    return SetupTask(
        "Provider profile",
        "Your details, as every notice and report states them. An empty field blocks the release.",
        "[profile] in breachdesk.toml",
        profile.legal_name or "no name yet",
        join_words(blank),
    )


def _build_customers_task(uow: UnitOfWork) -> SetupTask:
    counts = uow.customers.count_all()
    missing = "" if counts.customers else "all of them"
    if counts.unreachable:
        missing = f"an address for {counts.unreachable} of them"
    return SetupTask(
        "Customers",
        "With the default address of each, and a data protection contact where there is one.",
        "breachdesk customers import customers.csv",
        format_figures(counts.customers, "customer"),
        missing,
    )


def _build_assets_task(uow: UnitOfWork) -> SetupTask:
    counts = uow.customers.count_all()
    bare = counts.without_assets
    missing = f"assets of {format_figures(bare, 'customer')}" if bare else ""
    return SetupTask(
        "Assets",
        "Which customer owns each tenant, mailbox, domain, host or address, and since when.",
        "breachdesk assets import assets.csv",
        format_figures(counts.bindings, "asset"),
        missing if counts.bindings else "all of them",
    )


def _build_sources_task(uow: UnitOfWork) -> SetupTask:
    sources = uow.sources.list()
    deaf = [s.name for s in sources if s.not_understood and not s.parsed]
    return SetupTask(
        "Sources",
        "Log lines from files, over HTTP or by syslog; the format is recognised.",
        "breachdesk ingest /var/log/auth.log --source office-ssh --follow",
        format_figures(len(sources), "source"),
        f"a parser for {join_words(deaf)}" if deaf else "" if sources else "the first line",
    )


def _build_senders_task(context: RequestContext) -> SetupTask:
    senders = context.dependencies.settings.senders
    bare = [s.id for s in senders if not s.from_email]
    missing = f"the From address of {join_words(bare)}" if bare else ""
    return SetupTask(
        "Mail server",
        "Your mail relay, preferably one that does not depend on the systems it may have to warn about.",
        "[[senders]] in breachdesk.toml",
        format_figures(len(senders), "sender"),
        missing if senders else "the first sender",
    )


def _list_second_factor_tasks(uow: UnitOfWork, context: RequestContext) -> list[SetupTask]:
    """Nothing in a demo, where nobody needs one."""
    users, settings = uow.users.list(), context.dependencies.settings
    needing = [u.id for u in users if can_sign_in(u, demo=False) and is_required(u, settings)]
    lacking = sorted(set(needing) - uow.second_factors.list_confirmed())
    if not needing:
        return []
    return [
        SetupTask(
            "Second factors",
            "Each approver signs in once and sets one up. Without it nothing can be approved.",
            "breachdesk user list",
            format_figures(len(needing) - len(lacking), "approver")
            if len(lacking) < len(needing)
            else "",
            f"the second factor of {join_words(lacking)}" if lacking else "",
        )
    ]


def _build_users_task(uow: UnitOfWork) -> SetupTask:
    people = [u for u in uow.users.list() if not u.disabled and not u.demo]
    lacking = [d.value for d in REQUIRED_PERMISSIONS if not any(d in u.permissions for u in people)]
    return SetupTask(
        "User accounts",
        "A writer never approves: at least two people, or one who uses break-glass.",
        "breachdesk user add alex --permission responder",
        format_figures(len(people), "account"),
        f"somebody who is {join_words(lacking)}" if lacking else "",
    )


SCREEN = Screen(
    id="first_run",
    router=router,
    navigation=NavigationEntry("/first-run", "Set up", NavigationGroup.INSTALLATION, order=6),
)
