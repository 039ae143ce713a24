"""Writing the letters' facts part by part: what is true for everybody, and the words of one group
of readers or of one customer. Each write files the next version of all of them."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework import notify
from breachdesk.casework.authority import require
from breachdesk.ports import UnitOfWork
from schemas.customer import Role
from schemas.errors import Conflict, Incomplete
from schemas.letter_facts import ExposureWords, NoticeFacts, Standing, WordsKey, whose_words
from schemas.user import Actor, Duty

ACT = "write the letters' facts"
PartKey = tuple[Role, Standing, str | None]
"""Whose words: role, standing, and the customer; no customer: the group's."""


def key_of(words: ExposureWords) -> PartKey:
    """Two words with the same key cannot stand in one version."""
    return words.role, words.standing, words.customer_id


def find_words(facts: NoticeFacts | None, key: PartKey) -> ExposureWords | None:
    """The words with exactly this key; a customer does not fall back to its group."""
    every = facts.words if facts else ()
    return next((words for words in every if key_of(words) == key), None)


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

    `seen`: the version that the writer had before them, 0 for none. Raises Conflict when somebody
    else has changed the same part since.
    """
    require(actor, Duty.RESPONDER, act=ACT)
    newest = uow.breaches.latest(NoticeFacts, breach_id)
    before = _version(uow, breach_id, seen)
    if _common(newest) != _common(before):
        raise _changed("what is true for everybody", breach_id)
    return notify.write_facts(
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
    """File these words in place of those with the same key. Raises Incomplete while what is true
    for everybody is not written, Conflict as `write_common`."""
    require(actor, Duty.RESPONDER, act=ACT)
    facts = _existing(uow, breach_id)
    key = key_of(words)
    if find_words(facts, key) != find_words(_version(uow, breach_id, seen), key):
        raise _changed(whose_words(words), breach_id)
    others = tuple(each for each in facts.words if key_of(each) != key)
    return _file(uow, actor, facts, (*others, words), key, now)


def remove_words(
    uow: UnitOfWork, actor: Actor, breach_id: str, key: PartKey, now: datetime
) -> NoticeFacts:
    """File a version without these words: the customer is told its group's again."""
    require(actor, Duty.RESPONDER, act=ACT)
    facts = _existing(uow, breach_id)
    others = tuple(each for each in facts.words if key_of(each) != key)
    return _file(uow, actor, facts, others, key, now)


def _file(
    uow: UnitOfWork,
    actor: Actor,
    facts: NoticeFacts,
    words: tuple[ExposureWords, ...],
    key: PartKey,
    now: datetime,
) -> NoticeFacts:
    changed = facts.model_copy(update={"words": words, "only": _named(key)})
    return notify.write_facts(uow, actor, changed, now)


def _named(key: PartKey) -> WordsKey:
    role, standing, customer_id = key
    return WordsKey(role=role, standing=standing, customer_id=customer_id)


def _existing(uow: UnitOfWork, breach_id: str) -> NoticeFacts:
    facts = uow.breaches.latest(NoticeFacts, breach_id)
    if facts is None:
        raise Incomplete(
            {"what happened": "is not written for everybody yet"},
            place="letters' facts",
            remedy="Write that first.",
        )
    return facts


def _version(uow: UnitOfWork, breach_id: str, number: int) -> NoticeFacts | None:
    every = uow.breaches.all(NoticeFacts, breach_id)
    return next((facts for facts in every if facts.version == number), None)


def _common(facts: NoticeFacts | None) -> tuple[str, datetime | None] | None:
    return (facts.what_happened, facts.next_update) if facts else None


def _changed(what: str, breach_id: str) -> Conflict:
    return Conflict(
        f"somebody else has changed {what} since you opened it",
        place=breach_id,
        remedy="Read the newest words, then write yours again.",
    )
