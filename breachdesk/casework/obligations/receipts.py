"""Obligation to obtain the receipt of each controller's pack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.casework.release.receipt_terms import get_term, list_packs
from schemas.casework.breach_records import Receipt
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.obligation import Obligation, ObligationKind


def build_receipt_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each controller, of its newest pack that was handed over. A
    controller who was told by telephone owes no receipt."""
    hours = get_term(dossier.uow, dossier.breach.id)
    confirmed = {
        (r.customer_id, r.person_id, r.letter): r.confirmed_at
        for r in dossier.uow.breaches.list_versions(Receipt, dossier.breach.id)
    }
    for row in list_packs(dossier.rows):
        if row.handed_over_at is None:
            continue
        ended = _get_ended_at(row, confirmed.get((row.customer_id, row.person_id, row.version)))
        yield build_obligation(
            dossier,
            ObligationKind.CONTROLLER_RECEIPT,
            id=f"{ObligationKind.CONTROLLER_RECEIPT}:{row.customer_id}/{row.person_id}:v{row.version}",
            customer_id=row.customer_id,
            title="Receipt of a letter to a controller",
            started_at=row.handed_over_at,
            due=row.handed_over_at + hours,
            ended_at=ended,
            ended_by="the controller confirmed that it has the letter" if ended else None,
            source="our letter, which asks for a receipt",
        )


def _get_ended_at(row: NoticeRow, confirmed_at: datetime | None) -> datetime | None:
    """Return when the receipt came; earlier releases recorded that it came, but not when."""
    if row.status is not DeliveryStatus.DELIVERED:
        return None
    return confirmed_at or row.handed_over_at
