"""Write the letters' facts part by part: what is true for everybody, and the words of one group of
readers or of one customer. Each write files the next version of all of them."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.release import notice_facts
from breachdesk.ports import UnitOfWork
from schemas.casework.letter_facts import (
    ExposureWords,
    NoticeFacts,
    ReaderStanding,
    WordsKey,
    describe_readers,
)
from schemas.customer import DataRole
from schemas.errors import EditConflict, IncompleteDocument
from schemas.user import Actor, Permission

ACT = "write the letters' facts"
PartKey = tuple[DataRole, ReaderStanding, str | None]
"""Whose words: role, standing, and the customer; no customer: the group's."""


def build_key(words: ExposureWords) -> PartKey:
    """Build a key: two texts with the same key cannot be in one version."""
    return words.role, words.standing, words.customer_id


def find_words(facts: NoticeFacts | None, key: PartKey) -> ExposureWords | None:
    """Find the words with exactly this key; a customer does not fall back to its group."""
    every = facts.words if facts else ()
    return next((words for words in every if build_key(words) == key), None)


def write_common(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    what_happened: str,
    next_update: datetime | None,
    *,
    seen: int,
    now: datetime,
) -> NoticeFacts:
    """File what is true for everybody; the words of the readers stay.

    `seen`: the version that the writer had before them, 0 for none. Raises EditConflict when
    somebody else has changed the same part since."""
    require_permission(actor, Permission.RESPONDER, act=ACT)
    newest = uow.breaches.find_latest(NoticeFacts, breach_id)
    before = _find_version(uow, breach_id, seen)
    if _get_common(newest) != _get_common(before):
        raise _build_conflict("what is true for everybody", breach_id)
    return notice_facts.write_facts(
        uow,
        actor,
        NoticeFacts(
            breach_id=breach_id,
            version=1,
            written_by=actor.id,
            written_at=now,
            what_happened=what_happened,
            next_update=next_update,
            words=newest.words if newest else (),
        ),
        now,
    )


def write_words(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    words: ExposureWords,
    *,
    seen: int,
    now: datetime,
) -> NoticeFacts:
    """File these words in place of those with the same key. Raises IncompleteDocument while what is
    true for everybody is not written, EditConflict as `write_common`."""
    require_permission(actor, Permission.RESPONDER, act=ACT)
    facts = _get_newest(uow, breach_id)
    key = build_key(words)
    if find_words(facts, key) != find_words(_find_version(uow, breach_id, seen), key):
        raise _build_conflict(describe_readers(words), breach_id)
    others = tuple(each for each in facts.words if build_key(each) != key)
    return _save_facts(uow, actor, facts, (*others, words), key, now)


def remove_words(
    uow: UnitOfWork, actor: Actor, breach_id: str, key: PartKey, now: datetime
) -> NoticeFacts:
    """Remove these words in a new version: the customer is told its group's again."""
    require_permission(actor, Permission.RESPONDER, act=ACT)
    facts = _get_newest(uow, breach_id)
    others = tuple(each for each in facts.words if build_key(each) != key)
    return _save_facts(uow, actor, facts, others, key, now)


def _save_facts(
    uow: UnitOfWork,
    actor: Actor,
    facts: NoticeFacts,
    words: tuple[ExposureWords, ...],
    key: PartKey,
    now: datetime,
) -> NoticeFacts:
    changed = facts.model_copy(update={"words": words, "only": _to_words_key(key)})
    return notice_facts.write_facts(uow, actor, changed, now)


def _to_words_key(key: PartKey) -> WordsKey:
    role, standing, customer_id = key
    return WordsKey(role=role, standing=standing, customer_id=customer_id)


def _get_newest(uow: UnitOfWork, breach_id: str) -> NoticeFacts:
    facts = uow.breaches.find_latest(NoticeFacts, breach_id)
    if facts is None:
        raise IncompleteDocument(
            {"what happened": "is not written for everybody yet"},
            place="letters' facts",
            remedy="Write that first.",
        )
    return facts


def _find_version(uow: UnitOfWork, breach_id: str, number: int) -> NoticeFacts | None:
    every = uow.breaches.list_versions(NoticeFacts, breach_id)
    return next((facts for facts in every if facts.version == number), None)


def _get_common(facts: NoticeFacts | None) -> tuple[str, datetime | None] | None:
    return (facts.what_happened, facts.next_update) if facts else None


def _build_conflict(what: str, breach_id: str) -> EditConflict:
    return EditConflict(
        f"somebody else has changed {what} since you opened it",
        place=breach_id,
        remedy="Read the newest words, then write yours again.",
    )
