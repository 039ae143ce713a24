"""Preflight: is everything there that a bad day needs? Each check says what it saw."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from breachdesk.bootstrap.house import Premises
from breachdesk.casework.second_factor import must_have
from breachdesk.casework.witness import why_unfit
from breachdesk.gdpr.law import overdue, shipped, unverified
from breachdesk.stores.anchor_file import AnchorFile
from schemas.audit import AuditReport
from schemas.customer import Customer, Frozen, PersonKind, Unattributed
from schemas.errors import BreachDeskError
from schemas.law import LawBook, Reviewed
from schemas.private_files import readable_by_others
from schemas.settings import ProviderProfile, Settings, Tls
from schemas.source import SourceView
from schemas.user import MUST_BE_HELD, Duty, User, can_sign_in

MOST_BEHIND = 10_000
"""Records; more says that no worker runs, or too few."""
MOST_NAMED = 5
"""Entries of the law in one line; `breachdesk law list` names all."""
OPTIONAL = {"trading_name", "promise", "promise_source", "invoices_before", "witness_email"}

if TYPE_CHECKING:
    from streams.topics import PartitionLag


class Check(Frozen):
    """One thing looked at."""

    what: str
    passed: bool
    finding: str
    remedy: str = ""
    warning: bool = False
    """It works, but a person should look; the exit code does not show it."""


def preflight_checks(house: Premises) -> list[Check]:
    """All checks of a data folder, in the order they would be needed."""
    customers, users, proved, sources, unknown, report = house.store.look(
        lambda uow: (
            uow.customers.list(),
            uow.users.list(),
            uow.second_factors.confirmed(),
            uow.sources.list(),
            uow.customers.unattributed(),
            uow.audit.examine(),
        )
    )
    return [
        _profile(house.settings.profile),
        _people(users),
        _second_factors(house.settings, users, proved),
        _witness(house.settings, users),
        _customers(customers),
        *_sources(sources),
        _unattributed(unknown),
        *_senders(house),
        Check(what="rules", passed=True, finding=f"{len(house.rules.infos())} rules read"),
        _audit(report),
        _anchor(house.settings),
        _file_modes(house.settings.data_dir),
        *_law(house),
        *_kafka(house),
    ]


def _audit(report: AuditReport) -> Check:
    if report.whole:
        entries = report.head.seq
        finding = f"{entries:,} entries, the chain is whole, and the store agrees with it"
        return Check(what="audit", passed=True, finding=finding)
    return Check(
        what="audit",
        passed=False,
        finding=f"the store contradicts it in {len(report.discrepancies):,} places.",
        remedy="Run breachdesk audit verify, and keep a copy of the store as it is.",
    )


def _anchor(settings: Settings) -> Check:
    """Whether something outside the store shows a chain that was emptied or written anew."""
    path = settings.audit.anchor_file
    if path is None:
        finding = "none: only an export or a noted head shows a chain that was written anew"
        return Check(what="audit anchor", passed=True, finding=finding)
    try:
        lines = AnchorFile(path).read()
    except BreachDeskError as error:
        remedy = "Run breachdesk audit anchor, or see docs/reference/audit.md."
        finding = f"{error.problem}."
        return Check(what="audit anchor", passed=False, finding=finding, remedy=remedy)
    return Check(what="audit anchor", passed=True, finding=f"{len(lines):,} noted")


def _file_modes(folder: Path) -> Check:
    loose = readable_by_others(folder)
    shown = ", ".join(path.name or str(path) for path in loose[:5])
    return Check(
        what="file modes",
        passed=not loose,
        finding=f"{len(loose):,} open to other users: {shown}" if loose else "only the owner's",
        remedy=f"chmod -R go-rwx {folder}" if loose else "",
    )


def _law(house: Premises) -> Iterator[Check]:
    """What an operator corrected, what nobody reviewed lately, and what nobody has read."""
    book, day, months = house.law, house.now().date(), house.settings.law.review_months
    yield _corrections(book)
    old, unread = overdue(book, day, months), unverified(book, day)
    yield Check(
        what="law review",
        passed=True,
        warning=bool(old),
        finding=_entries(old, f"not reviewed for {months} months")
        or f"every entry was reviewed in the last {months} months",
        remedy="Read their sources and correct them; see docs/reference/law.md." if old else "",
    )
    yield Check(
        what="law verified",
        passed=True,
        warning=bool(unread),
        finding=_entries(unread, "not verified against the text") or "every entry is verified",
        remedy="Read the text and mark them; see docs/reference/law.md." if unread else "",
    )


def _corrections(book: LawBook) -> Check:
    ids = {entry.id for entry in shipped().entries}
    own = {entry.id for entry in book.entries if entry.file is not None}
    parts = [f"corrected: {', '.join(sorted(own & ids))}"] if own & ids else []
    # An id with a slip of the pen corrects nothing: it shows here.
    parts += [f"added: {', '.join(sorted(own - ids))}"] if own - ids else []
    faults = [f"{each.place}: {each.problem}" for each in book.problems]
    return Check(
        what="law corrections",
        passed=not faults,
        finding="; ".join([*faults, *parts]) or "none, the shipped law holds",
        remedy="Mend them; until then the shipped entries hold." if faults else "",
    )


def _entries(entries: Sequence[Reviewed], fault: str) -> str:
    names = list(dict.fromkeys(entry.name for entry in entries))
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(entries)} entries {fault}: {shown}." if entries else ""


def _kafka(house: Premises) -> Iterator[Check]:
    """Topics as they must be, and how far the workers are behind; nothing where there is none."""
    if not house.settings.kafka.servers:
        return
    # Only here: the embedded system does not install Kafka's clients.
    from streams import topics

    found = topics.check(house.settings)
    for each in found:
        yield Check(
            what=f"topic {each.topic}" if each.topic else "Kafka",
            passed=not each.wrong,
            finding=f"{each.what}: {each.problem}",
            remedy=each.remedy,
        )
    if not any(each.wrong for each in found):
        yield Check(what="topics", passed=True, finding="all there, and set as they must be")
    yield _backlog(house, topics.lag(house.settings))


def _backlog(house: Premises, partitions: Sequence[PartitionLag]) -> Check:
    """By the store's positions, which are the truth; Kafka's copy may be behind them."""
    names = [f"{each.topic}/{each.partition}" for each in partitions]
    held = house.store.batch_sink().positions(names)
    behind = 0
    for name, each in zip(names, partitions, strict=True):
        place = held[name].position
        behind += each.end - (each.begin if place is None else place.offset + 1)
    return Check(
        what="backlog",
        passed=behind < MOST_BEHIND,
        finding=f"{behind:,} records wait to be processed in {len(partitions)} partitions",
        remedy="" if behind < MOST_BEHIND else "Start workers: breachdesk worker.",
    )


def _profile(profile: ProviderProfile) -> Check:
    blank = [
        name
        for name, value in profile.model_dump().items()
        if value in ("", None) and name not in OPTIONAL
    ]
    return Check(
        what="provider profile",
        passed=not blank,
        finding=f"blank: {', '.join(blank)}" if blank else "complete",
        remedy="Fill them in under [profile] in breachdesk.toml." if blank else "",
    )


def _people(users: Sequence[User]) -> Check:
    able = [user for user in users if not user.disabled and not user.demo]
    missing = [duty.value for duty in MUST_BE_HELD if not any(duty in user.duties for user in able)]
    return Check(
        what="people",
        passed=not missing and len(able) > 1,
        finding=f"{len(able)} accounts" + (f", nobody is {', '.join(missing)}" if missing else ""),
        remedy="Add them: breachdesk user add ID --duty responder. Two people, or break glass."
        if missing or len(able) < 2
        else "",
    )


def _second_factors(settings: Settings, users: Sequence[User], proved: Collection[str]) -> Check:
    """Whoever approves sets one up at the first sign-in: better before the bad day."""
    lacking = [
        user.id
        for user in users
        if can_sign_in(user, demo=settings.demo)
        and must_have(user, settings)
        and user.id not in proved
    ]
    return Check(
        what="second factors",
        passed=not lacking,
        finding=f"{', '.join(lacking)} cannot approve without one" if lacking else "all there",
        remedy="They sign in once and set it up." if lacking else "",
    )


def _witness(settings: Settings, users: Sequence[User]) -> Check:
    """Needed where fewer than two people can approve."""
    able = [u for u in users if Duty.APPROVER in u.duties and can_sign_in(u, demo=False)]
    why = why_unfit(settings.profile.witness_email, settings, users)
    finding = f"{why}: nobody can break the glass" if why else "an outsider is nominated"
    remedy = "Nominate an outsider: witness_email under [profile]." if why else ""
    return Check(what="witness", passed=not why or len(able) >= 2, finding=finding, remedy=remedy)


def _customers(rows: Sequence[Customer]) -> Check:
    silent = [c for c in rows if not c.default_email]
    nobody = [c for c in rows if not c.contact(PersonKind.DATA_PROTECTION)]
    return Check(
        what="customers",
        passed=bool(rows) and not silent,
        finding=f"{len(rows)} customers, {len(silent)} without a default address, "
        f"{len(nobody)} without a data protection contact",
        remedy="" if rows and not silent else "breachdesk customers import FILE.",
    )


def _sources(rows: Sequence[SourceView]) -> Iterator[Check]:
    if not rows:
        yield Check(
            what="sources",
            passed=False,
            finding="nothing received yet",
            remedy="breachdesk ingest FILE, or point syslog at this machine.",
        )
    for view in rows:
        understood = not view.not_understood
        yield Check(
            what=f"source {view.name}",
            passed=understood,
            finding=f"{view.received:,} received, {view.not_understood:,} not understood, kept",
            remedy="" if understood else "Name its parser under [[sources]].",
        )


def _unattributed(rows: Sequence[Unattributed]) -> Check:
    return Check(
        what="unattributed",
        passed=not rows,
        finding=f"{len(rows)} names in the events belong to nobody we know",
        remedy="Bind them in the console under Unattributed." if rows else "",
    )


def _senders(house: Premises) -> Iterator[Check]:
    senders = house.settings.senders
    if not senders:
        yield Check(
            what="senders",
            passed=False,
            finding="no way out for mail",
            remedy="Add a [[senders]] table to breachdesk.toml.",
        )
    for sender in senders:
        guarded = sender.channel != "smtp" or sender.tls is not Tls.NONE
        yield Check(
            what=f"sender {sender.id}",
            passed=guarded and bool(sender.assets or sender.channel != "smtp"),
            finding=f"{sender.channel}, {sender.tls}"
            + ("" if sender.assets else ", its own assets are not named"),
            remedy="Name tenant, mailbox and domain under assets, so that a compromised sender "
            "is refused."
            if not sender.assets
            else "",
        )
