"""What the page of people and bodies of one case shows, read in one look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from breachdesk.casework import bodies, controller_questions, receipt_terms, receipts
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk
from breachdesk.ports import UnitOfWork
from schemas.affected import NoticeKind
from schemas.around_breach import Body, BodyTold, ControllerQuestion, Receipt
from schemas.case_record import Complaint, SupplierNotice, SupplierQuestion
from schemas.customer import Customer
from schemas.errors import BreachDeskError
from schemas.notice import NoticeRow, Rendered


@dataclass(frozen=True, slots=True)
class PackAnswer:
    """One answer of the pack that a controller has, to copy from."""

    article: str
    question: str
    answer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pack:
    """A controller's newest pack that was handed over."""

    row: NoticeRow
    due: datetime
    receipt: Receipt | None
    script: str = field(repr=False)


@dataclass(frozen=True)
class People:
    """Everybody around one case."""

    file: CaseFile
    notices: Sequence[SupplierNotice] = ()
    supplier_questions: Sequence[SupplierQuestion] = ()
    complaints: Sequence[Complaint] = ()
    packs: Sequence[Pack] = ()
    term_hours: int = receipt_terms.HOURS
    controllers: Sequence[str] = ()
    questions: Sequence[ControllerQuestion] = ()
    answers: Mapping[str, Sequence[PackAnswer]] = field(default_factory=dict)
    bodies: Sequence[BodyTold] = ()
    not_asked: Sequence[Body] = ()
    with_clause: Sequence[Customer] = ()
    """Customers on the frozen list whose contract gives an hour."""
    shortest_hours: int | None = None
    """In any contract, while no list is frozen: it may be theirs."""


def read_people(uow: UnitOfWork, desk: Desk, case_id: str) -> People:
    """Raises NotFound."""
    file = read_case(uow, case_id, desk.now)
    records = uow.records
    known = People(
        file,
        records.of_case(SupplierNotice, case_id),
        records.of_case(SupplierQuestion, case_id),
        records.of_case(Complaint, case_id),
    )
    if file.breach is None:
        return known
    breach_id, term = file.breach.id, receipt_terms.term(uow, file.breach.id)
    questions = controller_questions.questions(uow, breach_id)
    waiting = {q.customer_id for q in questions if q.answered_at is None}
    reached = {exposure.customer_id for exposure in file.reached}
    frozen = file.manifest is not None
    with_clause = uow.customers.with_notice_hours(reached if frozen else None)
    return replace(
        known,
        packs=tuple(_packs(uow, desk, file)),
        term_hours=int(term.total_seconds() // 3600),
        controllers=controller_questions.controllers(uow, breach_id),
        questions=questions,
        answers=_answers(uow, desk, file, waiting) if waiting else {},
        bodies=bodies.bodies_told(uow, breach_id),
        not_asked=bodies.not_asked(uow, breach_id),
        with_clause=[c for c in with_clause if c.id in reached],
        shortest_hours=None
        if frozen
        else min((c.notice_hours for c in with_clause if c.notice_hours), default=None),
    )


def _packs(uow: UnitOfWork, desk: Desk, file: CaseFile) -> Iterator[Pack]:
    breach = file.known_breach()
    confirmed = {
        (r.customer_id, r.person_id, r.letter): r for r in uow.breaches.all(Receipt, breach.id)
    }
    profile = desk.house.settings.profile
    term, firm = receipt_terms.term(uow, breach.id), profile.trading_name or profile.legal_name
    for row in receipt_terms.packs(file.rows):
        if row.handed_over_at is None:
            continue
        yield Pack(
            row,
            row.handed_over_at + term,
            confirmed.get((row.customer_id, row.person_id, row.version)),
            receipts.reminder(breach, row, firm),
        )


def _answers(
    uow: UnitOfWork, desk: Desk, file: CaseFile, waiting: Collection[str]
) -> dict[str, Sequence[PackAnswer]]:
    """Ours of the Art. 33(3) answers, by customer; none while the letters cannot be made."""
    try:
        texts = desk.hall.letters.texts(uow, file, desk.now)
        packs = [
            texts.rendered(uow, number)
            for number, recipient in enumerate(texts.recipients[: texts.mails], 1)
            if recipient.kind is NoticeKind.CONTROLLER_PACK and recipient.customer_id in waiting
        ]
    except BreachDeskError:
        return {}
    return {pack.customer_id: pack_answers(pack) for pack in packs}


def pack_answers(pack: Rendered) -> Sequence[PackAnswer]:
    """What a controller's pack answers for us."""
    return [
        PackAnswer(a["article"], a["question"], a["answer"])
        for content in pack.attachments.values()
        for a in json.loads(content).get("article_33_3", ())
        if a["answer"]
    ]
