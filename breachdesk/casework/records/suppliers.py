"""Record the suppliers of a case: what each told us and when, what we asked, what they answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from breachdesk.casework.authority import (
    CASE_PERMISSIONS,
    check_not_erased,
    require_name,
    require_permission,
    require_text,
)
from breachdesk.casework.record_times import check_past, strip_optional
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseState
from schemas.casework.case_record import CaseRecord, SupplierNotice, SupplierQuestion
from schemas.errors import NotAllowed
from schemas.user import Actor


def record_supplier_notice(
    uow: UnitOfWork, actor: Actor, case_id: str, notice: SupplierNotice, now: datetime
) -> SupplierNotice:
    """Record what a supplier told us, at a time of its own: not when we became aware. Ids, case and
    recorder are filled in here. Raises BadInput for an impossible time."""
    require_permission(actor, *CASE_PERMISSIONS, act="record what a supplier told us")
    case = _get_case(uow, case_id)
    filed = notice.model_copy(
        update={
            "id": uow.records.allocate_id(SupplierNotice),
            "case_id": case.id,
            "recorded_by": actor.id,
            "recorded_at": now,
            "supplier": require_name(notice.supplier, place="supplier", remedy="Name it."),
            "told_at": check_past(notice.told_at, now, place="told us at"),
            "told_by": strip_optional(notice.told_by),
            "said": require_text(notice.said, place="what they said", remedy="Write it down."),
            "reference": strip_optional(notice.reference),
        }
    )
    uow.records.add(filed)
    _set_case_supplier(uow, case, filed)
    _record_audit(
        uow, actor, AuditAction.CASE_SUPPLIER_TOLD_US, filed, now,
        {"supplier": filed.supplier, "told_by": filed.told_by or "", "said": filed.said},
    )  # fmt: skip
    return filed


def ask_supplier(
    uow: UnitOfWork, actor: Actor, case_id: str, question: SupplierQuestion, now: datetime
) -> SupplierQuestion:
    """Record a question to a supplier; an answer is due until it is recorded. Raises NotAllowed in
    a closed case."""
    require_permission(actor, *CASE_PERMISSIONS, act="record a question to a supplier")
    case = _get_case(uow, case_id)
    if case.state is CaseState.CLOSED:
        raise NotAllowed("the case is closed", place=case.id, remedy="Open a new one.")
    filed = question.model_copy(
        update={
            "id": uow.records.allocate_id(SupplierQuestion),
            "case_id": case.id,
            "recorded_by": actor.id,
            "recorded_at": now,
            "supplier": require_name(question.supplier, place="supplier", remedy="Name it."),
            "asked_at": check_past(question.asked_at, now, place="asked at"),
            "asked_of": strip_optional(question.asked_of),
            "question": require_text(question.question, place="question", remedy="Write it down."),
        }
    )
    uow.records.add(filed)
    _record_audit(
        uow, actor, AuditAction.CASE_SUPPLIER_ASKED, filed, now,
        {"supplier": filed.supplier, "question": filed.question},
    )  # fmt: skip
    return filed


def record_supplier_answer(  # noqa: PLR0913 - what came back, each by its name
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    question_id: str,
    *,
    answered_at: datetime,
    answered_by: str | None,
    answer: str,
    documents: tuple[str, ...] = (),
    now: datetime,
) -> SupplierQuestion:
    """Record the supplier's answer. Raises NotAllowed for a question that is answered, and for one
    of another case."""
    require_permission(actor, *CASE_PERMISSIONS, act="record a supplier's answer")
    question = uow.records.get(SupplierQuestion, question_id)
    if question.case_id != case_id:
        raise NotAllowed("the question is of another case", place=case_id, remedy="Look again.")
    if question.answered_at is not None:
        raise NotAllowed("it is answered", place="question", remedy="Ask the next question.")
    when = check_past(answered_at, now, place="answered at", earliest=question.asked_at)
    saved = uow.records.save(
        question.model_copy(
            update={
                "answered_at": when,
                "answered_by": strip_optional(answered_by),
                "answer": require_text(answer, place="answer", remedy="Write what they said."),
                "documents": documents,
            }
        )
    )
    _record_audit(
        uow, actor, AuditAction.CASE_SUPPLIER_ANSWERED, saved, now, {"answer": saved.answer or ""}
    )
    return saved


def list_names(uow: UnitOfWork, case: Case) -> tuple[str, ...]:
    """List every supplier or other party of the case, each once, in the order in which it was
    named."""
    retained = case.erased.suppliers if case.erased else ()
    informants = (n.supplier for n in uow.records.list_of_case(SupplierNotice, case.id))
    respondents = (q.supplier for q in uow.records.list_of_case(SupplierQuestion, case.id))
    every = dict.fromkeys([*filter(None, [case.third_party]), *informants, *respondents, *retained])
    return tuple(every)


def find_first_told_at(uow: UnitOfWork, case: Case) -> datetime | None:
    """Find when the first of them told us. None: none has, as far as we know."""
    times = [n.told_at for n in uow.records.list_of_case(SupplierNotice, case.id)]
    known = [*times, *filter(None, [case.supplier_told_at])]
    return min(known, default=None)


def _set_case_supplier(uow: UnitOfWork, case: Case, notice: SupplierNotice) -> None:
    """Set the supplier who told us first, unless the case names another party already."""
    if case.third_party not in ("", notice.supplier):
        return
    if case.supplier_told_at is None or case.supplier_told_at > notice.told_at:
        changes = {"third_party": notice.supplier, "supplier_told_at": notice.told_at}
        uow.cases.save(case.model_copy(update=changes))


def _get_case(uow: UnitOfWork, case_id: str) -> Case:
    case = uow.cases.get(case_id)
    check_not_erased(case)
    return case


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    record: CaseRecord,
    now: datetime,
    personal: Mapping[str, str],
) -> None:
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=record.case_id or record.id,
        facts={"record": record.id}, personal=personal, case_id=record.scope,
    )  # fmt: skip
