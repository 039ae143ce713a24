"""Find which exposure each letter or call was about: that of the list which its approval sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure
from schemas.casework.approval import Approval
from schemas.casework.list_outline import FrozenList, ListOutline
from schemas.casework.notice import NoticeRow
from schemas.customer import DataRole

Exposures = Mapping[tuple[str, DataRole], Exposure]
"""By customer and role."""


class NotifiedExposures:
    """Exposures of every list of one breach, read once, by seal and version."""

    def __init__(self, uow: UnitOfWork, breach_id: str, rows: Iterable[NoticeRow]) -> None:
        manifests = uow.breaches.list_versions(ListOutline, breach_id)
        lists = {m.hash: collect_by_customer(m) for m in manifests}
        self.frozen = [(m.frozen_at, lists[m.hash]) for m in manifests]
        """Oldest first, each with the time at which it was frozen."""
        approvals = uow.breaches.list_versions(Approval, breach_id)
        self._by_seal = {a.hash: lists.get(a.manifest_hash, {}) for a in approvals}
        self._by_version = {a.facts_version: self._by_seal[a.hash] for a in approvals}
        self._seals = {
            (r.customer_id, r.person_id, r.kind, r.version): r.approval_hash for r in rows
        }

    def list_of_row(self, row: NoticeRow) -> Exposures:
        """List the exposures of the row's approval. Empty: the approval is unknown."""
        return self._by_seal.get(row.approval_hash, {})

    def list_of_telling(self, telling: ReaderTelling) -> Exposures:
        """List the exposures of a mail's own approval; of a call, of the newest approval of its
        version of the facts."""
        seal = self._seals.get((*telling.reader, telling.version))
        if telling.spoken is None and seal is not None:
            return self._by_seal.get(seal, {})
        return self._by_version.get(telling.version, {})


def collect_by_customer(manifest: FrozenList) -> Exposures:
    """Collect exposures by customer: at most one for each customer and role; an outline holds those
    that are reached."""
    return {(e.customer_id, e.role): e for e in manifest.exposures}
