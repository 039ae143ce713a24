"""Return what was approved for a row of the outbox, word for word, whatever the templates say
today."""

from __future__ import annotations

from breachdesk.ports import UnitOfWork
from schemas.casework.approval import SealedTexts
from schemas.casework.notice import NoticeRow, RenderedText


def find_sealed_mail(uow: UnitOfWork, row: NoticeRow) -> RenderedText | None:
    """Find the mail that the row's approval sealed, without its HTML. None: an earlier release
    approved it and kept no text, or the case was erased."""
    whose = (row.customer_id, row.person_id, row.kind)
    for sealed in uow.breaches.list_versions(SealedTexts, row.breach_id):
        if sealed.approval_hash == row.approval_hash:
            for mail in sealed.mails:
                if (mail.customer_id, mail.person_id, mail.kind) == whose:
                    return mail
    return None
