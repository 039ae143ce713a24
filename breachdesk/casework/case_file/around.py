"""Reports, suppliers, other bodies, questions and complaints."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.case_file.reading import Reading, nothing, part, table
from schemas.around_breach import BodyTold, ControllerQuestion, Receipt, newest
from schemas.case_file import FilePart, FileSection
from schemas.case_record import Complaint, SupplierNotice, SupplierQuestion
from schemas.report import Submission


def reports(r: Reading) -> FileSection:
    """Each submission with its answers, as it was recorded."""
    parts = [_submission(r, s) for s in r.submissions]
    return FileSection(
        title="What was reported to the regulator",
        parts=tuple(parts) or (nothing("No submission is recorded."),),
    )


def measures(r: Reading) -> FileSection:
    """What was done against it."""
    rows = [
        (
            c.kind.value.replace("_", " "),
            r.shown(c.text),
            f"{r.when(c.done_at)}, {c.done_by}" if c.done_at else "not done",
        )
        for c in r.case.containment
    ]
    done = r.case.near_miss_account.done if r.case.near_miss_account else None
    parts = [part(table=table(("Kind", "What", "Done"), rows))] if rows else []
    parts += [part(paragraphs=(r.shown(done),))] if done else []
    if not parts:
        parts = [nothing("No containment step is recorded.")]
    return FileSection(title="What was done against it", parts=tuple(parts))


def others(r: Reading) -> FileSection:
    """Suppliers, other bodies, controllers' receipts and questions, complaints."""
    parts = [*_suppliers(r), *_bodies(r), *_controllers(r), *_complaints(r)]
    if not parts:
        parts = [nothing("No supplier, other body, question or complaint is recorded.")]
    return FileSection(
        title="Suppliers, other bodies, questions and complaints", parts=tuple(parts)
    )


def _submission(r: Reading, s: Submission) -> FilePart:
    answers = [
        (q.question, r.shown(q.answer) if q.answer.strip() else "no answer")
        for q in s.report.questions
    ]
    facts = (
        ("Submitted", f"by {s.submitted_by}, {r.when(s.submitted_at)}"),
        ("Way and reference", ", ".join(filter(None, (s.channel, s.reference)))),
        ("Fingerprint", s.report_hash),
        *answers,
    )
    stage = s.report.stage.value.replace("_", "-")
    return part(f"Submission {s.number} to {s.report.authority}, {stage}", facts=facts)


def _suppliers(r: Reading) -> Iterator[FilePart]:
    for notice in r.uow.records.of_case(SupplierNotice, r.case.id):
        yield part(
            f"Supplier: {r.shown(notice.supplier)} told us",
            facts=(
                ("When", f"{r.when(notice.told_at)}, {notice.route.value.replace('_', ' ')}"),
                ("What", r.text(notice.said)),
                ("Their reference", notice.reference or "none"),
            ),
        )
    for asked in r.uow.records.of_case(SupplierQuestion, r.case.id):
        answered = f"{r.when(asked.answered_at)}: {r.text(asked.answer)}"
        yield part(
            f"Supplier: we asked {r.shown(asked.supplier)}",
            facts=(
                ("When", r.when(asked.asked_at)),
                ("What", r.text(asked.question)),
                ("Answer", answered if asked.answered_at else "none yet"),
            ),
        )


def _bodies(r: Reading) -> Iterator[FilePart]:
    rows = [
        (
            body.name or body.body.value.replace("_", " "),
            r.when(body.told_at) if body.told_at else "not told: not applicable",
            body.reference or "–",
            r.shown(body.note) if body.note else "–",
        )
        for body in newest(r.filed(BodyTold))
    ]
    if rows:
        yield part("Other bodies", table=table(("Body", "Told", "Reference", "Note"), rows))


def _controllers(r: Reading) -> Iterator[FilePart]:
    receipts = [
        (
            r.customer(receipt.customer_id),
            r.when(receipt.confirmed_at) + (f", {receipt.route.value}" if receipt.route else ""),
            r.shown(receipt.confirmed_by) if receipt.confirmed_by else "not written down",
        )
        for receipt in newest(r.filed(Receipt))
    ]
    if receipts:
        columns = ("Controller", "Confirmed receipt", "By")
        yield part("Receipts of controllers", table=table(columns, receipts))
    questions = [
        (
            r.customer(q.customer_id),
            f"{r.when(q.asked_at)}: {r.shown(q.question)}",
            f"{r.when(q.answered_at)}: {r.text(q.answer)}" if q.answered_at else "not answered",
        )
        for q in newest(r.filed(ControllerQuestion))
    ]
    if questions:
        columns = ("Controller", "Asked", "Answered")
        yield part("Questions of controllers", table=table(columns, questions))


def _complaints(r: Reading) -> Iterator[FilePart]:
    for c in r.uow.records.of_case(Complaint, r.case.id):
        acknowledged = r.when(c.acknowledged_at) if c.acknowledged_at else "not yet"
        yield part(
            f"Complaint {c.id}",
            facts=(
                ("Received", r.when(c.received_at)),
                ("From", r.shown(c.complainant) if r.named else "name left out"),
                ("About", r.text(c.about)),
                ("Acknowledged", f"{acknowledged} (owed by {r.when(c.acknowledge_by)})"),
                ("Outcome", r.text(c.outcome)),
            ),
        )
