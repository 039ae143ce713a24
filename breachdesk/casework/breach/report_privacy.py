"""Redact detectable personal data from the regulator's report, and account for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from breachdesk.casework.release.text_check import get_foreign_data
from breachdesk.gdpr.personal_data.report_redaction import RedactionAccount, ReportRedaction
from breachdesk.ports import UnitOfWork
from schemas.casework.report import ReportQuestion
from schemas.settings import ProviderProfile


def redact_answers(
    uow: UnitOfWork,
    questions: Sequence[ReportQuestion],
    profile: ProviderProfile,
    now: datetime,
    *,
    ours: Collection[str],
) -> tuple[tuple[ReportQuestion, ...], RedactionAccount]:
    """Redact the answers; `ours` are keys of answers about ourselves, which are not redacted. Our
    own named contact is kept everywhere."""
    redaction = ReportRedaction(get_foreign_data(uow, profile), profile, year=now.year)
    theirs = [q for q in questions if q.key not in ours]
    answers = iter(redaction.redact_all([q.answer for q in theirs]))
    stripped = tuple(
        q if q.key in ours else q.model_copy(update={"answer": next(answers)}) for q in questions
    )
    return stripped, redaction.account
