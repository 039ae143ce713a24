"""Check that everything an incident needs is in place. Each check reports what it found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight_check import PreflightCheck
from breachdesk.bootstrap.tenant_checks import check_tenants
from breachdesk.casework.accounts.second_factor import is_required
from breachdesk.casework.release.witness import find_unfit_reason
from breachdesk.gdpr.law import list_overdue, list_unverified, load_shipped_law
from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit.anchor_file import AnchorFile
from schemas.audit import AuditReport
from schemas.customer import Customer, PersonKind, UnattributedEvents
from schemas.errors import BreachDeskError
from schemas.law import LawBook, ReviewedEntry
from schemas.pipeline.source import SourceView
from schemas.private_files import list_readable_by_others
from schemas.register_import import ImportSourceState
from schemas.settings import ProviderProfile, Settings, SmtpTls
from schemas.user import REQUIRED_PERMISSIONS, Permission, User, can_sign_in

MOST_BEHIND = 10_000
"""Records; more says that no worker runs, or too few."""
MOST_NAMED = 5
"""Entries of the law in one line; `breachdesk law list` names all."""
OPTIONAL = {"trading_name", "promise", "promise_source", "invoices_before", "witness_email"}

if TYPE_CHECKING:
    from streams.kafka.topics import PartitionLag


def run_preflight(container: Container) -> list[PreflightCheck]:
    """Run all checks of a data folder, in the order in which an incident needs them."""
    customers, users, proved, sources, unknown, report = container.store.read(
        lambda uow: (
            uow.customers.list(),
            uow.users.list(),
            uow.second_factors.list_confirmed(),
            uow.sources.list(),
            uow.customers.list_unattributed(),
            uow.audit.examine(),
        )
    )
    return [
        _check_profile(container.settings.profile),
        _check_people(users),
        _check_second_factors(container.settings, users, proved),
        _check_witness(container.settings, users),
        _check_customers(customers),
        *_check_customer_sources(container),
        *_check_sources(sources),
        _check_unattributed(unknown),
        *_check_senders(container),
        *check_tenants(container.settings.microsoft365, container.now()),
        PreflightCheck(
            what="rules", passed=True, finding=f"{len(container.rules.list_infos())} rules read"
        ),
        _check_audit(report),
        _check_anchor(container.settings),
        _check_file_modes(container.settings.data_dir),
        *_check_law(container),
        *_check_kafka(container),
    ]


def _check_audit(report: AuditReport) -> PreflightCheck:
    if report.whole:
        entries = report.head.seq
        finding = f"{entries:,} entries, the chain is whole, and the store agrees with it"
        return PreflightCheck(what="audit", passed=True, finding=finding)
    return PreflightCheck(
        what="audit",
        passed=False,
        finding=f"the store contradicts it in {len(report.discrepancies):,} places.",
        remedy="Run breachdesk audit verify, and keep a copy of the store as it is.",
    )


def _check_anchor(settings: Settings) -> PreflightCheck:
    """Check that a head outside the store would reveal a chain that was emptied or rewritten."""
    path = settings.audit.anchor_file
    if path is None:
        finding = "none: only an export or a recorded head reveals a chain that was rewritten"
        return PreflightCheck(what="audit anchor", passed=True, finding=finding)
    try:
        lines = AnchorFile(path).read()
    except BreachDeskError as error:
        remedy = "Run breachdesk audit anchor, or see docs/reference/audit.md."
        finding = f"{error.problem}."
        return PreflightCheck(what="audit anchor", passed=False, finding=finding, remedy=remedy)
    return PreflightCheck(what="audit anchor", passed=True, finding=f"{len(lines):,} noted")


def _check_file_modes(folder: Path) -> PreflightCheck:
    loose = list_readable_by_others(folder)
    shown = ", ".join(path.name or str(path) for path in loose[:5])
    return PreflightCheck(
        what="file modes",
        passed=not loose,
        finding=f"{len(loose):,} open to other users: {shown}" if loose else "only the owner's",
        remedy=f"chmod -R go-rwx {folder}" if loose else "",
    )


def _check_law(container: Container) -> Iterator[PreflightCheck]:
    """Check the law for operators' corrections, overdue reviews and entries that nobody has
    read."""
    book, day, months = container.law, container.now().date(), container.settings.law.review_months
    yield _check_corrections(book)
    old, unread = list_overdue(book, day, months), list_unverified(book, day)
    yield PreflightCheck(
        what="law review",
        passed=True,
        warning=bool(old),
        finding=_format_entries(old, f"not reviewed for {months} months")
        or f"every entry was reviewed in the last {months} months",
        remedy="Read their sources and correct them; see docs/reference/law.md." if old else "",
    )
    yield PreflightCheck(
        what="law verified",
        passed=True,
        warning=bool(unread),
        finding=_format_entries(unread, "not verified against the text")
        or "every entry is verified",
        remedy="Read the text and mark them; see docs/reference/law.md." if unread else "",
    )


def _check_corrections(book: LawBook) -> PreflightCheck:
    ids = {entry.id for entry in load_shipped_law().entries}
    own = {entry.id for entry in book.entries if entry.file is not None}
    parts = [f"corrected: {', '.join(sorted(own & ids))}"] if own & ids else []
    # An id with a slip of the pen corrects nothing: it shows here.
    parts += [f"added: {', '.join(sorted(own - ids))}"] if own - ids else []
    faults = [f"{each.place}: {each.problem}" for each in book.problems]
    return PreflightCheck(
        what="law corrections",
        passed=not faults,
        finding="; ".join([*faults, *parts]) or "none, the shipped law holds",
        remedy="Mend them; until then the shipped entries hold." if faults else "",
    )


def _format_entries(entries: Sequence[ReviewedEntry], fault: str) -> str:
    names = list(dict.fromkeys(entry.name for entry in entries))
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(entries)} entries {fault}: {shown}." if entries else ""


def _check_kafka(container: Container) -> Iterator[PreflightCheck]:
    """Check the topics' configuration and the workers' lag; yields nothing without Kafka."""
    if not container.settings.kafka.servers:
        return
    # Only here: the embedded system does not install Kafka's clients.
    from streams.kafka import topics

    topic_checks = topics.check_topics(container.settings)
    for each in topic_checks:
        yield PreflightCheck(
            what=f"topic {each.topic}" if each.topic else "Kafka",
            passed=not each.wrong,
            finding=f"{each.what}: {each.problem}",
            remedy=each.remedy,
        )
    if not any(each.wrong for each in topic_checks):
        yield PreflightCheck(
            what="topics", passed=True, finding="all there, and set as they must be"
        )
    yield _check_backlog(container, topics.list_lags(container.settings))


def _check_backlog(container: Container, partitions: Sequence[PartitionLag]) -> PreflightCheck:
    """Check the lag by the store's positions, which are authoritative; Kafka's copy may be
    older."""
    names = [f"{each.topic}/{each.partition}" for each in partitions]
    backlog = container.store.make_batch_sink().load_positions(names)
    behind = 0
    for name, each in zip(names, partitions, strict=True):
        place = backlog[name].position
        behind += each.end - (each.begin if place is None else place.offset + 1)
    return PreflightCheck(
        what="backlog",
        passed=behind < MOST_BEHIND,
        finding=f"{behind:,} records wait to be processed in {len(partitions)} partitions",
        remedy="" if behind < MOST_BEHIND else "Start workers: breachdesk worker.",
    )


def _check_profile(profile: ProviderProfile) -> PreflightCheck:
    blank = [
        name
        for name, value in profile.model_dump().items()
        if value in ("", None) and name not in OPTIONAL
    ]
    return PreflightCheck(
        what="provider profile",
        passed=not blank,
        finding=f"blank: {', '.join(blank)}" if blank else "complete",
        remedy="Fill them in under [profile] in breachdesk.toml." if blank else "",
    )


def _check_people(users: Sequence[User]) -> PreflightCheck:
    able = [user for user in users if not user.disabled and not user.demo]
    missing = [
        permission.value
        for permission in REQUIRED_PERMISSIONS
        if not any(permission in user.permissions for user in able)
    ]
    return PreflightCheck(
        what="people",
        passed=not missing and len(able) > 1,
        finding=f"{len(able)} accounts" + (f", nobody is {', '.join(missing)}" if missing else ""),
        remedy="Add them: breachdesk user add ID --permission responder. Two people, or one who breaks the glass."
        if missing or len(able) < 2
        else "",
    )


def _check_second_factors(
    settings: Settings, users: Sequence[User], proved: Collection[str]
) -> PreflightCheck:
    """Check that approvers have a second factor. They set one up at the first sign-in, which should
    happen before an incident."""
    lacking = [
        user.id
        for user in users
        if can_sign_in(user, demo=settings.demo)
        and is_required(user, settings)
        and user.id not in proved
    ]
    return PreflightCheck(
        what="second factors",
        passed=not lacking,
        finding=f"{', '.join(lacking)} cannot approve without one" if lacking else "all there",
        remedy="They sign in once and set it up." if lacking else "",
    )


def _check_witness(settings: Settings, users: Sequence[User]) -> PreflightCheck:
    """Check the witness, who is needed where fewer than two people can approve."""
    able = [u for u in users if Permission.APPROVER in u.permissions and can_sign_in(u, demo=False)]
    why = find_unfit_reason(settings.profile.witness_email, settings, users)
    finding = f"{why}: nobody can break the glass" if why else "an outsider is nominated"
    remedy = "Nominate an outsider: witness_email under [profile]." if why else ""
    return PreflightCheck(
        what="witness", passed=not why or len(able) >= 2, finding=finding, remedy=remedy
    )


def _check_customers(rows: Sequence[Customer]) -> PreflightCheck:
    silent = [c for c in rows if not c.default_email]
    nobody = [c for c in rows if not c.find_contact(PersonKind.DATA_PROTECTION)]
    return PreflightCheck(
        what="customers",
        passed=bool(rows) and not silent,
        finding=f"{len(rows)} customers, {len(silent)} without a default address, "
        f"{len(nobody)} without a data protection contact",
        remedy="" if rows and not silent else "breachdesk customers import FILE.",
    )


def _check_sources(rows: Sequence[SourceView]) -> Iterator[PreflightCheck]:
    if not rows:
        yield PreflightCheck(
            what="sources",
            passed=False,
            finding="nothing received yet",
            remedy="breachdesk ingest FILE, or point syslog at this machine.",
        )
    for view in rows:
        understood = not view.not_understood
        yield PreflightCheck(
            what=f"source {view.name}",
            passed=understood,
            finding=f"{view.received:,} received, {view.not_understood:,} not understood, kept",
            remedy="" if understood else "Name its parser under [[sources]].",
        )


def _check_customer_sources(container: Container) -> Iterator[PreflightCheck]:
    """Check that each source of customers was read, and that no change waits."""
    for source in container.settings.customers:
        state = container.store.read(partial(_get_source, name=source.name))
        waiting = container.store.read(lambda uow: uow.imports.count_held())
        problem = state.trouble or ("" if state.imported_at else "it was never read")
        waits = f"{waiting} changes wait for a person" if waiting else ""
        remedy = "Look at Held changes in the console." if state.trouble or waiting else ""
        if problem and not state.trouble:
            remedy = f"breachdesk customers import --from {source.name}, or start breachdesk run."
        yield PreflightCheck(
            what=f"customers of {source.name}",
            passed=not problem and not waiting,
            finding=problem or waits or f"{len(state.members)} customers in the last delivery",
            remedy=remedy,
        )


def _get_source(uow: UnitOfWork, name: str) -> ImportSourceState:
    return uow.imports.get_source(name)


def _check_unattributed(rows: Sequence[UnattributedEvents]) -> PreflightCheck:
    return PreflightCheck(
        what="unattributed",
        passed=not rows,
        finding=f"{len(rows)} names in the events belong to nobody we know",
        remedy="Bind them in the console under Unattributed." if rows else "",
    )


def _check_senders(container: Container) -> Iterator[PreflightCheck]:
    senders = container.settings.senders
    if not senders:
        yield PreflightCheck(
            what="senders",
            passed=False,
            finding="no way out for mail",
            remedy="Add a [[senders]] table to breachdesk.toml.",
        )
    for sender in senders:
        guarded = sender.channel != "smtp" or sender.tls is not SmtpTls.NONE
        yield PreflightCheck(
            what=f"sender {sender.id}",
            passed=guarded and bool(sender.assets or sender.channel != "smtp"),
            finding=f"{sender.channel}, {sender.tls}"
            + ("" if sender.assets else ", its own assets are not named"),
            remedy="Name tenant, mailbox and domain under assets, so that a compromised sender "
            "is refused."
            if not sender.assets
            else "",
        )
