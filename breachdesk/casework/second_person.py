"""Who had a hand in what a release says, whom it reaches and where: they do not approve it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from breachdesk.casework.contact_watch import watched_since
from breachdesk.casework.letter_contexts import Documents
from breachdesk.casework.register_changes import (
    contact_changes,
    who_changed_assets,
    who_imported_unnamed,
)
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest, NoticeKind
from schemas.approval import Approval, ApprovalKind
from schemas.decision import Decision
from schemas.errors import NotAllowed
from schemas.letter_facts import NoticeFacts
from schemas.notice_states import SENT
from schemas.report import Submission
from schemas.settings import NoticePolicy
from schemas.user import Actor

NAMED = 3
"""Customers that a reason names."""
Doc = TypeVar("Doc")


def writers(
    uow: UnitOfWork, made: Documents, policy: NoticePolicy
) -> Mapping[str, tuple[str, ...]]:
    """What each did, by account id.

    Counted are the newest documents, every version since the last release by two people, the
    confirmation, and each change of the register since some days before the incident. A later
    version, a text filed again unchanged or a contact changed back takes nobody out.
    """
    did: dict[str, list[str]] = defaultdict(list)
    for who, what in (*_documents(uow, made), *_register(uow, made, policy)):
        if what not in did[who]:
            did[who].append(what)
    return {who: tuple(acts) for who, acts in did.items()}


def check_second_person(actor: Actor, made: Documents, did: Mapping[str, Sequence[str]]) -> None:
    """Raises NotAllowed for one of the writers, with what they did."""
    own = did.get(actor.id)
    if own:
        raise NotAllowed(
            f"who {' and '.join(own)} does not approve",
            place=made.breach.id,
            remedy="A second person must read and approve.",
        )


def last_release(uow: UnitOfWork, breach_id: str) -> Approval | None:
    """The newest approval by a second person under which a letter left. Letters that one person
    released alone were read by nobody else."""
    rows = uow.notices.list(breach_id=breach_id, statuses=SENT)
    seals = {row.approval_hash for row in rows if row.kind is not NoticeKind.WITNESS}
    approvals = reversed(uow.breaches.all(Approval, breach_id))
    return next(
        (a for a in approvals if a.kind is ApprovalKind.SECOND_PERSON and a.hash in seals), None
    )


def _documents(uow: UnitOfWork, made: Documents) -> Iterator[tuple[str, str]]:
    last = last_release(uow, made.breach.id)
    yield made.breach.confirmed_by, "confirmed the breach"
    yield from _words(uow, made, last)
    yield from _lists(uow, made, last)
    decisions = uow.breaches.all(Decision, made.breach.id)
    for decision in _since(
        decisions, [d.hash for d in decisions], last.decision_hash if last else None
    ):
        yield decision.decided_by, "wrote the decision"


def _words(uow: UnitOfWork, made: Documents, last: Approval | None) -> Iterator[tuple[str, str]]:
    for facts in uow.breaches.all(NoticeFacts, made.breach.id):
        newer = last is None or facts.version > last.facts_version
        if newer or facts.version == made.facts.version:
            yield facts.written_by, "wrote the letters"
    if last is None or not last.ico_told:
        for submission in uow.breaches.all(Submission, made.breach.id):
            yield submission.submitted_by, "recorded a report, which the letters mention"


def _lists(uow: UnitOfWork, made: Documents, last: Approval | None) -> Iterator[tuple[str, str]]:
    manifests = uow.breaches.all(Manifest, made.breach.id)
    for manifest in _since(
        manifests, [m.hash for m in manifests], last.manifest_hash if last else None
    ):
        yield manifest.frozen_by, "froze the affected list"
        for exposure in manifest.exposures:
            if exposure.decided_by:
                yield exposure.decided_by, "changed who is affected"


def _since(documents: Sequence[Doc], hashes: Sequence[str], released: str | None) -> Sequence[Doc]:
    """The newest, and all that came after the one that was released; all when none was."""
    if released not in hashes:
        return documents
    begin = len(hashes) - hashes[::-1].index(released)
    return documents[min(begin, len(documents) - 1) :]


def _register(uow: UnitOfWork, made: Documents, policy: NoticePolicy) -> Iterator[tuple[str, str]]:
    since = watched_since(uow, made.breach, policy.contact_change_days)
    customers: dict[str, list[str]] = defaultdict(list)
    for change in contact_changes(uow, {r.customer_id for r in made.manifest.recipients}, since):
        if change.customer_id not in customers[change.by]:
            customers[change.by].append(change.customer_id)
    for who, changed in customers.items():
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        yield who, f"changed the contact of {', '.join(changed[:NAMED])}{more}"
    for who in who_changed_assets(uow, since):
        yield who, "changed whose assets are whose"
    for who in who_imported_unnamed(uow, since):
        yield who, "imported customers before each change was written down"
