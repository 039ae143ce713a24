"""What controllers ask us about the breach, until a person answers them."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.controller_questions import questions
from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.making import obligation, provision
from schemas.obligation import Obligation, ObligationKind


def controller_questions(dossier: Dossier) -> Iterator[Obligation]:
    """One for each question; no hour is given."""
    for question in questions(dossier.uow, dossier.breach.id):
        yield obligation(
            dossier,
            ObligationKind.CONTROLLER_QUESTION,
            id=f"{ObligationKind.CONTROLLER_QUESTION}:{question.entry}",
            customer_id=question.customer_id,
            title="Answer a controller’s question",
            started_at=question.asked_at,
            ended_at=question.answered_at,
            ended_by="they were answered" if question.answered_at else None,
            law=provision(dossier, "uk_gdpr_art28_3_f"),
        )
