"""Find who contributed to what a release says, whom it reaches and where: they may not approve
it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from breachdesk.casework.affected.contact_changes import compute_watch_start
from breachdesk.casework.imports.register_changes import (
    list_asset_changers,
    list_contact_changes,
    list_unnamed_importers,
)
from breachdesk.casework.release.letter_contexts import LetterDocuments
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice_states import SENT
from schemas.casework.report import Submission
from schemas.errors import NotAllowed
from schemas.settings import NoticePolicy
from schemas.user import Actor

NAMED = 3
"""Customers that a reason names."""
Doc = TypeVar("Doc")


def list_writers(
    uow: UnitOfWork, letter_documents: LetterDocuments, policy: NoticePolicy
) -> Mapping[str, tuple[str, ...]]:
    """List what each contributor did, by account id.

    This covers the newest documents, every version since the last release by two people, the
    confirmation, and each change of the register since some days before the incident. A later
    version, a text filed again unchanged or a contact changed back removes nobody."""
    did: dict[str, list[str]] = defaultdict(list)
    for who, what in (
        *_list_document_writers(uow, letter_documents),
        *_list_register_writers(uow, letter_documents, policy),
    ):
        if what not in did[who]:
            did[who].append(what)
    return {who: tuple(acts) for who, acts in did.items()}


def check_second_person(
    actor: Actor, letter_documents: LetterDocuments, did: Mapping[str, Sequence[str]]
) -> None:
    """Raise NotAllowed for one of the writers, with what they did."""
    own = did.get(actor.id)
    if own:
        raise NotAllowed(
            f"who {' and '.join(own)} does not approve",
            place=letter_documents.breach.id,
            remedy="A second person must read and approve.",
        )


def find_last_release(uow: UnitOfWork, breach_id: str) -> Approval | None:
    """Find the newest approval by a second person under which a letter left. Letters that one
    person released alone were read by nobody else."""
    rows = uow.notices.list(breach_id=breach_id, statuses=SENT)
    seals = {row.approval_hash for row in rows if row.kind.spec.needs_manifest}
    approvals = reversed(uow.breaches.list_versions(Approval, breach_id))
    return next(
        (a for a in approvals if a.kind is ApprovalKind.SECOND_PERSON and a.hash in seals), None
    )


def _list_document_writers(
    uow: UnitOfWork, letter_documents: LetterDocuments
) -> Iterator[tuple[str, str]]:
    last = find_last_release(uow, letter_documents.breach.id)
    yield letter_documents.breach.confirmed_by, "confirmed the breach"
    yield from _list_words_writers(uow, letter_documents, last)
    yield from _list_manifest_writers(uow, letter_documents, last)
    decisions = uow.breaches.list_versions(Decision, letter_documents.breach.id)
    for decision in _select_since(
        decisions, [d.hash for d in decisions], last.decision_hash if last else None
    ):
        yield decision.decided_by, "wrote the decision"


def _list_words_writers(
    uow: UnitOfWork, letter_documents: LetterDocuments, last: Approval | None
) -> Iterator[tuple[str, str]]:
    for facts in uow.breaches.list_versions(NoticeFacts, letter_documents.breach.id):
        newer = last is None or facts.version > last.facts_version
        if newer or facts.version == letter_documents.facts.version:
            yield facts.written_by, "wrote the letters"
    if last is None or not last.report_recorded:
        for submission in uow.breaches.list_versions(Submission, letter_documents.breach.id):
            yield submission.submitted_by, "recorded a report, which the letters mention"


def _list_manifest_writers(
    uow: UnitOfWork, letter_documents: LetterDocuments, last: Approval | None
) -> Iterator[tuple[str, str]]:
    manifests = uow.breaches.list_versions(Manifest, letter_documents.breach.id)
    for manifest in _select_since(
        manifests, [m.hash for m in manifests], last.manifest_hash if last else None
    ):
        yield manifest.frozen_by, "froze the affected list"
        for exposure in manifest.exposures:
            if exposure.decided_by:
                yield exposure.decided_by, "changed who is affected"


def _select_since(
    documents: Sequence[Doc], hashes: Sequence[str], released: str | None
) -> Sequence[Doc]:
    """Select the newest document, and all after the one that was released; all when none was."""
    if released not in hashes:
        return documents
    begin = len(hashes) - hashes[::-1].index(released)
    return documents[min(begin, len(documents) - 1) :]


def _list_register_writers(
    uow: UnitOfWork, letter_documents: LetterDocuments, policy: NoticePolicy
) -> Iterator[tuple[str, str]]:
    since = compute_watch_start(uow, letter_documents.breach, policy.contact_change_days)
    customers: dict[str, list[str]] = defaultdict(list)
    for change in list_contact_changes(
        uow, {r.customer_id for r in letter_documents.manifest.recipients}, since
    ):
        if change.customer_id not in customers[change.by]:
            customers[change.by].append(change.customer_id)
    for who, changed in customers.items():
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        yield who, f"changed the contact of {', '.join(changed[:NAMED])}{more}"
    for who in list_asset_changers(uow, since):
        yield who, "changed whose assets are whose"
    for who in list_unnamed_importers(uow, since):
        yield who, "imported customers before each change was written down"
