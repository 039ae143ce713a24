"""Obligations of complaints: acknowledge them within the days that the law gives, then answer
them."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.casework.records import complaints as complaint_acts
from schemas.casework.case_record import Complaint
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.law import Provision

OURS = "our own way of handling complaints"


def build_complaint_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build two obligations for each complaint of this case: its acknowledgement and its
    outcome."""
    for complaint in dossier.uow.records.list_of_case(Complaint, dossier.case.id):
        law = complaint_acts.find_provision(dossier.uow, complaint.received_at)
        yield _build_acknowledgement(dossier, complaint, law)
        yield _build_outcome(dossier, complaint, law)


def _build_acknowledgement(
    dossier: BreachDossier, complaint: Complaint, law: Provision | None
) -> Obligation:
    return build_obligation(
        dossier,
        ObligationKind.COMPLAINT_RECEIPT,
        id=f"{ObligationKind.COMPLAINT_RECEIPT}:{complaint.id}",
        customer_id=complaint.customer_id,
        title=f"Acknowledge {complaint.id}",
        started_at=complaint.received_at,
        due=complaint.acknowledge_by,
        ended_at=complaint.acknowledged_at,
        ended_by="it was acknowledged" if complaint.acknowledged_at else None,
        law=law,
        **({} if law else {"source": OURS}),
    )


def _build_outcome(
    dossier: BreachDossier, complaint: Complaint, law: Provision | None
) -> Obligation:
    return build_obligation(
        dossier,
        ObligationKind.COMPLAINT_OUTCOME,
        id=f"{ObligationKind.COMPLAINT_OUTCOME}:{complaint.id}",
        customer_id=complaint.customer_id,
        title=f"Tell the outcome of {complaint.id}",
        started_at=complaint.received_at,
        ended_at=complaint.answered_at,
        ended_by="they were told the outcome" if complaint.answered_at else None,
        law=law,
        **({} if law else {"source": OURS}),
    )
