"""Obligations to notify customers within the hours of their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.casework.obligations.readers import TellingProgress, compute_progress_of
from breachdesk.gdpr import roles
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.customer import PROVIDER, Customer


def build_contract_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each customer on the frozen list whose contract gives hours; none
    before the list is frozen."""
    exposures = roles.select_reached(dossier.manifest.exposures) if dossier.manifest else ()
    reached = {e.customer_id for e in exposures} - {PROVIDER}
    for customer in dossier.uow.customers.list_with_notice_hours(reached) if reached else ():
        if customer.notice_hours is not None:
            yield _build_clause_obligation(dossier, customer, customer.notice_hours)


def _build_clause_obligation(dossier: BreachDossier, customer: Customer, hours: int) -> Obligation:
    aware = dossier.breach.aware_at
    progress = _compute_progress(dossier, customer.id)
    clause = f": {customer.notice_clause}" if customer.notice_clause else ""
    return build_obligation(
        dossier,
        ObligationKind.CONTRACT_HOURS,
        id=f"{ObligationKind.CONTRACT_HOURS}:{customer.id}",
        customer_id=customer.id,
        title=f"Tell a customer within the {hours} hours of its contract",
        started_at=aware,
        due=aware + timedelta(hours=hours),
        ended_at=progress.at,
        ended_by=progress.how,
        owed=progress.owed,
        source=f"our contract with this customer{clause}",
    )


def _compute_progress(dossier: BreachDossier, customer_id: str) -> TellingProgress:
    """Compute progress by the customer's pack as controller, or its account holder's letter where
    it gets no pack."""
    for kind in _list_contract_letters():
        progress = compute_progress_of(dossier, dossier.recipients.get((customer_id, kind), ()))
        if progress.owed or progress.at is not None:
            return progress
    return TellingProgress()


def _list_contract_letters() -> Sequence[NoticeKind]:
    ranked = {kind.spec.bound_by_contract: kind for kind in NoticeKind}
    return [ranked[rank] for rank in sorted(filter(None, ranked))]
