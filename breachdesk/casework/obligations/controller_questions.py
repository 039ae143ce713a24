"""Obligations to answer what controllers ask about the breach."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation, get_provision
from breachdesk.casework.release.controller_questions import list_questions
from schemas.casework.obligation import Obligation, ObligationKind


def build_controller_question_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each question, without a due time."""
    for question in list_questions(dossier.uow, dossier.breach.id):
        yield build_obligation(
            dossier,
            ObligationKind.CONTROLLER_QUESTION,
            id=f"{ObligationKind.CONTROLLER_QUESTION}:{question.entry}",
            customer_id=question.customer_id,
            title="Answer a controller’s question",
            started_at=question.asked_at,
            ended_at=question.answered_at,
            ended_by="they were answered" if question.answered_at else None,
            law=get_provision(dossier, "uk_gdpr_art28_3_f"),
        )
