"""Obligations that track questions to suppliers until they are answered."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from schemas.casework.case_record import SupplierQuestion
from schemas.casework.obligation import Obligation, ObligationKind


def build_supplier_question_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each question, without a due time."""
    for question in dossier.uow.records.list_of_case(SupplierQuestion, dossier.case.id):
        yield build_obligation(
            dossier,
            ObligationKind.SUPPLIER_ANSWER,
            id=f"{ObligationKind.SUPPLIER_ANSWER}:{question.id}",
            title=f"Answer of our supplier {question.supplier}",
            started_at=question.asked_at,
            ended_at=question.answered_at,
            ended_by="the supplier answered" if question.answered_at else None,
            source="our question to the supplier",
        )
