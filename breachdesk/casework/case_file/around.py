"""Sections on reports, suppliers, other bodies, questions and complaints."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.case_file.reading import (
    CaseSnapshot,
    build_empty_part,
    build_part,
    build_table,
)
from schemas.casework.breach_records import BodyTold, ControllerQuestion, Receipt, select_newest
from schemas.casework.case_file import FilePart, FileSection
from schemas.casework.case_record import Complaint, SupplierNotice, SupplierQuestion
from schemas.casework.report import Submission


def build_reports_section(r: CaseSnapshot) -> FileSection:
    """Build each submission with its answers, as it was recorded."""
    parts = [_build_submission_part(r, s) for s in r.submissions]
    return FileSection(
        title="What was reported to the regulator",
        parts=tuple(parts) or (build_empty_part("No submission is recorded."),),
    )


def build_measures_section(r: CaseSnapshot) -> FileSection:
    """Build the measures taken against the breach."""
    rows = [
        (
            c.kind.value.replace("_", " "),
            r.redact_text(c.text),
            f"{r.format_time(c.done_at)}, {c.done_by}" if c.done_at else "not done",
        )
        for c in r.case.containment
    ]
    measure = r.case.near_miss_account.done if r.case.near_miss_account else None
    parts = [build_part(table=build_table(("Kind", "What", "Done"), rows))] if rows else []
    parts += [build_part(paragraphs=(r.redact_text(measure),))] if measure else []
    if not parts:
        parts = [build_empty_part("No containment step is recorded.")]
    return FileSection(title="What was done against it", parts=tuple(parts))


def build_other_parties_section(r: CaseSnapshot) -> FileSection:
    """Build suppliers, other bodies, controllers' receipts and questions, and complaints."""
    parts = [
        *_build_supplier_parts(r),
        *_build_body_parts(r),
        *_build_controller_parts(r),
        *_build_complaint_parts(r),
    ]
    if not parts:
        parts = [build_empty_part("No supplier, other body, question or complaint is recorded.")]
    return FileSection(
        title="Suppliers, other bodies, questions and complaints", parts=tuple(parts)
    )


def _build_submission_part(r: CaseSnapshot, s: Submission) -> FilePart:
    answers = [
        (q.question, r.redact_text(q.answer) if q.answer.strip() else "no answer")
        for q in s.report.questions
    ]
    facts = (
        ("Submitted", f"by {s.submitted_by}, {r.format_time(s.submitted_at)}"),
        ("Way and reference", ", ".join(filter(None, (s.channel, s.reference)))),
        ("Fingerprint", s.report_hash),
        *answers,
    )
    report_stage = s.report.stage.value.replace("_", "-")
    return build_part(f"Submission {s.number} to {s.report.authority}, {report_stage}", facts=facts)


def _build_supplier_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    for notice in r.uow.records.list_of_case(SupplierNotice, r.case.id):
        yield build_part(
            f"Supplier: {r.redact_text(notice.supplier)} told us",
            facts=(
                (
                    "When",
                    f"{r.format_time(notice.told_at)}, {notice.route.value.replace('_', ' ')}",
                ),
                ("What", r.format_text(notice.said)),
                ("Their reference", notice.reference or "none"),
            ),
        )
    for question in r.uow.records.list_of_case(SupplierQuestion, r.case.id):
        answered = f"{r.format_time(question.answered_at)}: {r.format_text(question.answer)}"
        yield build_part(
            f"Supplier: we asked {r.redact_text(question.supplier)}",
            facts=(
                ("When", r.format_time(question.asked_at)),
                ("What", r.format_text(question.question)),
                ("Answer", answered if question.answered_at else "none yet"),
            ),
        )


def _build_body_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    rows = [
        (
            body.name or body.body.value.replace("_", " "),
            r.format_time(body.told_at) if body.told_at else "not told: not applicable",
            body.reference or "–",
            r.redact_text(body.note) if body.note else "–",
        )
        for body in select_newest(r.list_documents(BodyTold))
    ]
    if rows:
        yield build_part(
            "Other bodies", table=build_table(("Body", "Told", "Reference", "Note"), rows)
        )


def _build_controller_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    receipts = [
        (
            r.format_customer(receipt.customer_id),
            r.format_time(receipt.confirmed_at)
            + (f", {receipt.route.value}" if receipt.route else ""),
            r.redact_text(receipt.confirmed_by) if receipt.confirmed_by else "not written down",
        )
        for receipt in select_newest(r.list_documents(Receipt))
    ]
    if receipts:
        columns = ("Controller", "Confirmed receipt", "By")
        yield build_part("Receipts of controllers", table=build_table(columns, receipts))
    questions = [
        (
            r.format_customer(q.customer_id),
            f"{r.format_time(q.asked_at)}: {r.redact_text(q.question)}",
            f"{r.format_time(q.answered_at)}: {r.format_text(q.answer)}"
            if q.answered_at
            else "not answered",
        )
        for q in select_newest(r.list_documents(ControllerQuestion))
    ]
    if questions:
        columns = ("Controller", "Asked", "Answered")
        yield build_part("Questions of controllers", table=build_table(columns, questions))


def _build_complaint_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    for c in r.uow.records.list_of_case(Complaint, r.case.id):
        acknowledged = r.format_time(c.acknowledged_at) if c.acknowledged_at else "not yet"
        yield build_part(
            f"Complaint {c.id}",
            facts=(
                ("Received", r.format_time(c.received_at)),
                ("From", r.redact_text(c.complainant) if r.named else "name left out"),
                ("About", r.format_text(c.about)),
                ("Acknowledged", f"{acknowledged} (owed by {r.format_time(c.acknowledge_by)})"),
                ("Outcome", r.format_text(c.outcome)),
            ),
        )
