"""Readers for whom nothing has changed since the last that reached them: they are not told again
because somebody else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from breachdesk.casework.corrections import wrongly_told
from breachdesk.casework.own_facts import standing_of
from breachdesk.casework.told import tellings
from breachdesk.gdpr.roles import CORRECTED_BY, role_of
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure, Manifest, Recipient
from schemas.approval import Approval
from schemas.breach import Breach
from schemas.customer import Role
from schemas.letter_facts import NoticeFacts, WordsKey
from schemas.notice import Status

CAME = (Status.HANDED_OVER, Status.DELIVERED, Status.UNKNOWN, Status.SENDING)
"""The reader has the letter, or may have it."""
Exposures = Mapping[tuple[str, Role], Exposure]


class UnchangedReaders:
    """Answers for one breach, by its newest list and facts."""

    def __init__(self, uow: UnitOfWork, breach: Breach, manifest: Manifest) -> None:
        self._uow = uow
        self._breach = breach
        self._exposures = _by_customer(manifest)
        self._rows = uow.notices.list(breach_id=breach.id)
        tasks = uow.cases.get(breach.case_id).tasks
        self._tellings = tellings(breach.id, self._rows, tasks)

    def is_told_enough(self, recipient: Recipient) -> bool:
        """A letter or call of an earlier version came, and since then neither the words for this
        reader nor its exposure has changed; or a correction, and it is no longer owed."""
        corrects = CORRECTED_BY.get(recipient.kind)
        if corrects is not None:
            return (recipient.customer_id, recipient.person_id, corrects) not in self._wrong
        current = self._exposures.get((recipient.customer_id, role_of(recipient.kind)))
        if current is None:
            return False
        last = self._last_change(recipient, current)
        return any(
            last <= version < self._facts[-1].version
            and told is not None
            and _told_of(told) == _told_of(current)
            for version, told in self._came(recipient)
        )

    @cached_property
    def _wrong(self) -> frozenset[tuple[str, str, object]]:
        return frozenset(wrongly_told(self._tellings, self._rows, self._exposures.values()))

    @cached_property
    def _facts(self) -> tuple[NoticeFacts, ...]:
        return tuple(self._uow.breaches.all(NoticeFacts, self._breach.id))

    @cached_property
    def _lists(self) -> Mapping[str, Exposures]:
        """The exposures of each approval's list, by the approval's seal."""
        book = self._uow.breaches
        lists = {m.hash: _by_customer(m) for m in book.all(Manifest, self._breach.id)}
        return {a.hash: lists.get(a.manifest_hash, {}) for a in book.all(Approval, self._breach.id)}

    @cached_property
    def _seals(self) -> Mapping[int, str]:
        """The seal of the newest approval of each version of the facts."""
        approvals = self._uow.breaches.all(Approval, self._breach.id)
        return {approval.facts_version: approval.hash for approval in approvals}

    def _came(self, recipient: Recipient) -> Iterator[tuple[int, Exposure | None]]:
        """Versions of the facts that reached this reader, or may have, and the exposure told."""
        whose = (recipient.customer_id, recipient.person_id, recipient.kind)
        key = (recipient.customer_id, role_of(recipient.kind))
        for row in self._rows:
            if (row.customer_id, row.person_id, row.kind) == whose and row.status in CAME:
                yield row.version, self._lists.get(row.approval_hash, {}).get(key)
        for telling in self._tellings:
            if telling.reader == whose and telling.spoken is not None:
                seal = self._seals.get(telling.version, "")
                yield telling.version, self._lists.get(seal, {}).get(key)

    def _last_change(self, recipient: Recipient, exposure: Exposure) -> int:
        """The newest version whose words this reader may read otherwise than before."""
        concerns = (
            f.version for f in self._facts if _concerns(f, recipient, exposure, self._facts[-1])
        )
        return max(concerns, default=0)


def _concerns(
    facts: NoticeFacts, recipient: Recipient, exposure: Exposure, newest: NoticeFacts
) -> bool:
    only = facts.only
    if only is None:
        return True
    own = WordsKey(
        role=exposure.role, standing=standing_of(exposure), customer_id=recipient.customer_id
    )
    if only == own:
        return True
    has_own = any(WordsKey.of(words) == own for words in newest.words)
    return not has_own and only == own.model_copy(update={"customer_id": None})


def _by_customer(manifest: Manifest) -> Exposures:
    return {(e.customer_id, e.role): e for e in manifest.exposures}


def _told_of(exposure: Exposure) -> Exposure:
    """What a text says of it: not who decided it, nor for what reason of ours."""
    return exposure.model_copy(update={"decided_by": None, "reason": "", "evidence": ()})
