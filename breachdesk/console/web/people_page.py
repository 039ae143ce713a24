"""What the page of people and bodies of one case shows, read in one look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from breachdesk.casework.records import informed_bodies
from breachdesk.casework.release import controller_questions, receipt_terms, receipts
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.request_context import RequestContext
from breachdesk.ports import UnitOfWork
from schemas.casework.breach_records import BodyTold, ControllerQuestion, OtherBody, Receipt
from schemas.casework.case_record import Complaint, SupplierNotice, SupplierQuestion
from schemas.casework.notice import NoticeRow, RenderedText
from schemas.customer import Customer
from schemas.errors import BreachDeskError


@dataclass(frozen=True, slots=True)
class PackAnswer:
    """One answer of the pack that a controller has, to copy from."""

    article: str
    question: str
    answer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ControllerPack:
    """A controller's newest pack that was handed over."""

    row: NoticeRow
    due: datetime
    receipt: Receipt | None
    script: str = field(repr=False)


@dataclass(frozen=True)
class PeoplePage:
    """Everybody around one case."""

    file: CaseFile
    notices: Sequence[SupplierNotice] = ()
    supplier_questions: Sequence[SupplierQuestion] = ()
    complaints: Sequence[Complaint] = ()
    packs: Sequence[ControllerPack] = ()
    term_hours: int = receipt_terms.HOURS
    controllers: Sequence[str] = ()
    questions: Sequence[ControllerQuestion] = ()
    answers: Mapping[str, Sequence[PackAnswer]] = field(default_factory=dict)
    bodies: Sequence[BodyTold] = ()
    not_asked: Sequence[OtherBody] = ()
    with_clause: Sequence[Customer] = ()
    """Customers on the frozen list whose contract gives an hour."""
    shortest_hours: int | None = None
    """In any contract, while no list is frozen: it may be theirs."""


def read_people(uow: UnitOfWork, context: RequestContext, case_id: str) -> PeoplePage:
    """Read what the page shows of a case. Raises NotFound for an unknown case."""
    file = read_case(uow, case_id, context.now)
    records = uow.records
    known = PeoplePage(
        file,
        records.list_of_case(SupplierNotice, case_id),
        records.list_of_case(SupplierQuestion, case_id),
        records.list_of_case(Complaint, case_id),
    )
    if file.breach is None:
        return known
    breach_id, term = file.breach.id, receipt_terms.get_term(uow, file.breach.id)
    questions = controller_questions.list_questions(uow, breach_id)
    waiting = {q.customer_id for q in questions if q.answered_at is None}
    reached = {exposure.customer_id for exposure in file.reached}
    frozen = file.manifest is not None
    with_clause = uow.customers.list_with_notice_hours(reached if frozen else None)
    return replace(
        known,
        packs=tuple(_iterate_packs(uow, context, file)),
        term_hours=int(term.total_seconds() // 3600),
        controllers=controller_questions.list_controllers(uow, breach_id),
        questions=questions,
        answers=_collect_answers(uow, context, file, waiting) if waiting else {},
        bodies=informed_bodies.list_bodies(uow, breach_id),
        not_asked=informed_bodies.list_unanswered_bodies(uow, breach_id),
        with_clause=[c for c in with_clause if c.id in reached],
        shortest_hours=None
        if frozen
        else min((c.notice_hours for c in with_clause if c.notice_hours), default=None),
    )


def _iterate_packs(
    uow: UnitOfWork, context: RequestContext, file: CaseFile
) -> Iterator[ControllerPack]:
    breach = file.get_breach()
    confirmed = {
        (r.customer_id, r.person_id, r.letter): r
        for r in uow.breaches.list_versions(Receipt, breach.id)
    }
    profile = context.dependencies.settings.profile
    term, firm = receipt_terms.get_term(uow, breach.id), profile.trading_name or profile.legal_name
    for row in receipt_terms.list_packs(file.rows):
        if row.handed_over_at is None:
            continue
        yield ControllerPack(
            row,
            row.handed_over_at + term,
            confirmed.get((row.customer_id, row.person_id, row.version)),
            receipts.format_reminder(breach, row, firm),
        )


def _collect_answers(
    uow: UnitOfWork, context: RequestContext, file: CaseFile, waiting: Collection[str]
) -> dict[str, Sequence[PackAnswer]]:
    """Ours of the Art. 33(3) answers, by customer; none while the letters cannot be made."""
    try:
        texts = context.app_state.letters.read_texts(uow, file, context.now)
        packs = [
            texts.render(uow, number)
            for number, recipient in enumerate(texts.recipients[: texts.mails], 1)
            if recipient.kind.spec.needs_receipt and recipient.customer_id in waiting
        ]
    except BreachDeskError:
        return {}
    return {pack.customer_id: list_pack_answers(pack) for pack in packs}


def list_pack_answers(pack: RenderedText) -> Sequence[PackAnswer]:
    """What a controller's pack answers for us."""
    return [
        PackAnswer(a["article"], a["question"], a["answer"])
        for content in pack.attachments.values()
        for a in json.loads(content).get("article_33_3", ())
        if a["answer"]
    ]
