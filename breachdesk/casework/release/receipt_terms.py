"""Find which controllers owe a receipt, and within how many hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from breachdesk.ports import UnitOfWork
from schemas.casework.breach_records import ReceiptTerm
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_states import NOTIFIED

HOURS = 24
"""Unless somebody sets another term for the breach."""


def get_term(uow: UnitOfWork, breach_id: str) -> timedelta:
    """Return how long a controller has before it is reminded."""
    known = uow.breaches.find_latest(ReceiptTerm, breach_id)
    return timedelta(hours=known.hours if known else HOURS)


def list_packs(rows: Iterable[NoticeRow]) -> tuple[NoticeRow, ...]:
    """List, of each controller, the newest pack that was handed over: the one whose receipt
    counts."""
    newest: dict[tuple[str, str], NoticeRow] = {}
    for row in rows:
        arrived = row.status in NOTIFIED
        if row.kind.spec.needs_receipt and arrived and row.handed_over_at is not None:
            known = newest.get((row.customer_id, row.person_id))
            if known is None or known.version < row.version:
                newest[row.customer_id, row.person_id] = row
    return tuple(newest.values())
