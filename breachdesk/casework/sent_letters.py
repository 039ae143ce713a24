"""A letter that left, made again from the documents it was approved with."""

from __future__ import annotations

from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.letters import Documents, LetterMaker
from breachdesk.casework.numbering import numbering_on
from breachdesk.casework.sealing import bound_hash
from breachdesk.casework.senders import sender_by_id
from breachdesk.casework.standing import approval_of
from breachdesk.casework.telephone import recipient_of
from breachdesk.ports import Renderer, UnitOfWork
from schemas.affected import Manifest
from schemas.approval import Approval
from schemas.decision import Decision
from schemas.errors import BreachDeskError
from schemas.letter_facts import NoticeFacts
from schemas.notice import NoticeRow, Rendered
from schemas.settings import Settings


def as_sent(
    uow: UnitOfWork, row: NoticeRow, settings: Settings, renderer: Renderer
) -> Rendered | None:
    """The words as approved, proved by the fingerprint of the row; None: they cannot be made again,
    because a document, the register, the settings or a template is another now."""
    approval = approval_of(uow, row)
    made = _documents(uow, row, approval) if approval else None
    sender = sender_by_id(settings, approval.sender_id) if approval else None
    if approval is None or made is None or sender is None:
        return None
    recipient = recipient_of(made.manifest, row.customer_id, row.person_id, row.kind)
    if recipient is None:
        return None
    try:
        customers = {row.customer_id: uow.customers.get(row.customer_id)}
        maker = LetterMaker(
            uow,
            made,
            settings,
            customers,
            told_under=approval.told_under,
            told_at=approval.told_at,
        )
        context = maker.context(recipient, numbering_on(row))
        letter = renderer.letter(context)
    except BreachDeskError:
        return None
    head = letter_head(letter, recipient.name, recipient.email, sender)
    same = bound_hash(letter, head, context.customer_name) == row.rendered_hash
    return letter if same else None


def _documents(uow: UnitOfWork, row: NoticeRow, approval: Approval) -> Documents | None:
    book, breach = uow.breaches, uow.breaches.get(row.breach_id)
    manifests = (m for m in book.all(Manifest, breach.id) if m.hash == approval.manifest_hash)
    decisions = (d for d in book.all(Decision, breach.id) if d.hash == approval.decision_hash)
    versions = (f for f in book.all(NoticeFacts, breach.id) if f.version == approval.facts_version)
    manifest, decision, facts = next(manifests, None), next(decisions, None), next(versions, None)
    if manifest is None or decision is None or facts is None:
        return None
    return Documents(breach, manifest, decision, facts, breach.drill)
