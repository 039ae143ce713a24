"""Find readers for whom nothing has changed since the last letter or call that reached them: they
are not notified again because somebody else is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from breachdesk.casework.affected.corrections import Reader, find_wrongly_told
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.affected.notified_exposures import (
    Exposures,
    NotifiedExposures,
    collect_by_customer,
)
from breachdesk.casework.release.reader_facts import determine_standing
from breachdesk.gdpr import roles
from breachdesk.gdpr.roles import CORRECTED_BY, get_role
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure, Manifest, Recipient
from schemas.casework.breach import Breach
from schemas.casework.letter_facts import NoticeFacts, WordsKey
from schemas.casework.notice_states import POSSIBLY_RECEIVED


class UnchangedReaders:
    """Answers for one breach, by its newest list and facts."""

    def __init__(self, uow: UnitOfWork, breach: Breach, manifest: Manifest) -> None:
        self._uow = uow
        self._breach = breach
        self._exposures = collect_by_customer(manifest)
        self._rows = uow.notices.list(breach_id=breach.id)
        tasks = uow.cases.get(breach.case_id).tasks
        self._tellings = list_tellings(breach.id, self._rows, tasks)

    def is_told_enough(self, recipient: Recipient) -> bool:
        """Whether a letter or call of an earlier version came, and since then neither the words for
        this reader nor its exposure has changed; or a correction, and it is no longer owed."""
        corrects = CORRECTED_BY.get(recipient.kind)
        if corrects is not None:
            return (recipient.customer_id, recipient.person_id, corrects) not in self._wrongly_told
        whose = (recipient.customer_id, recipient.person_id, recipient.kind)
        key = (recipient.customer_id, get_role(recipient.kind))
        current = self._exposures.get(key)
        if current is None:
            return False
        last = self._find_last_change(recipient, current)
        return any(
            last <= version < self._facts[-1].version
            and key in exposure_before
            and _omit_internal(exposure_before[key]) == _omit_internal(current)
            for version, exposure_before in self._tellings_by_reader.get(whose, ())
        )

    @cached_property
    def _wrongly_told(self) -> frozenset[Reader]:
        return frozenset(
            find_wrongly_told(
                self._tellings, self._rows, roles.select_excluded(self._exposures.values())
            )
        )

    @cached_property
    def _facts(self) -> tuple[NoticeFacts, ...]:
        return tuple(self._uow.breaches.list_versions(NoticeFacts, self._breach.id))

    @cached_property
    def _tellings_by_reader(self) -> Mapping[Reader, Sequence[tuple[int, Exposures]]]:
        """Versions of the facts that reached each reader, or may have, with their exposures."""
        lists = NotifiedExposures(self._uow, self._breach.id, self._rows)
        came: dict[Reader, list[tuple[int, Exposures]]] = defaultdict(list)
        for row in self._rows:
            if row.status in POSSIBLY_RECEIVED:
                whose = (row.customer_id, row.person_id, row.kind)
                came[whose].append((row.version, lists.list_of_row(row)))
        for telling in self._tellings:
            if telling.spoken is not None:
                came[telling.reader].append((telling.version, lists.list_of_telling(telling)))
        return came

    def _find_last_change(self, recipient: Recipient, exposure: Exposure) -> int:
        """Find the newest version whose words this reader may read otherwise than before."""
        concerns = (
            f.version for f in self._facts if _is_concerned(f, recipient, exposure, self._facts[-1])
        )
        return max(concerns, default=0)


def _is_concerned(
    facts: NoticeFacts, recipient: Recipient, exposure: Exposure, newest: NoticeFacts
) -> bool:
    only = facts.only
    if only is None:
        return True
    own = WordsKey(
        role=exposure.role, standing=determine_standing(exposure), customer_id=recipient.customer_id
    )
    if only == own:
        return True
    has_own = any(WordsKey.from_words(words) == own for words in newest.words)
    return not has_own and only == own.model_copy(update={"customer_id": None})


def _omit_internal(exposure: Exposure) -> Exposure:
    """Omit what no text says of an exposure: who decided it, and our internal reason."""
    return exposure.model_copy(update={"decided_by": None, "reason": "", "evidence": ()})
