"""Read everything about many breaches in a few statements, before each is processed."""

from __future__ import annotations

from collections.abc import Sequence

from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach


def read_ahead(uow: UnitOfWork, breaches: Sequence[Breach]) -> None:
    """Read cases, documents, notices and records of these breaches into the unit of work's
    cache."""
    case_ids = [breach.case_id for breach in breaches]
    breach_ids = [breach.id for breach in breaches]
    uow.cases.read_ahead(case_ids)
    uow.records.read_ahead(case_ids)
    uow.breaches.read_ahead(breach_ids)
    uow.notices.read_ahead(breach_ids)
