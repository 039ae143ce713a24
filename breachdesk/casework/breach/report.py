"""Build the regulator's report (step 9) from what is known; a submitted one is immutable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.casework.breach.contradictions import (
    find_telling_contradiction,
    list_contradictions,
)
from breachdesk.casework.breach.form_facts import build_filing, explain_other_form, find_facts
from breachdesk.casework.breach.report_checks import check_facts
from breachdesk.casework.breach.report_privacy import redact_answers
from breachdesk.casework.digests import compute_digest, compute_document_hash, compute_next_version
from breachdesk.casework.release.text_check import get_foreign_data
from breachdesk.gdpr.deadlines import is_late
from breachdesk.gdpr.filing import ReportFiling
from breachdesk.gdpr.jurisdiction import Jurisdiction, find_missing
from breachdesk.gdpr.personal_data.report_redaction import RedactionAccount, ReportRedaction
from breachdesk.gdpr.regulators import list_presumed
from breachdesk.jurisdictions import get_jurisdiction as jurisdiction_of
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.report import (
    NotYetKnown,
    RegulatorReport,
    ReportContradiction,
    ReportFacts,
    ReportPhase,
    ReportQuestion,
    Submission,
)
from schemas.errors import BadInput, IncompleteDocument, NotAllowed
from schemas.law import LawBook
from schemas.settings import Settings
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

OURS = (
    "provider",
    "organisation",
    "organisation_address",
    "registration",
    "contact",
    "reporter",
    "spoken",
)
"""Answers about ourselves and the authority: they name our own contact and reporter."""
NEVER_LATER = ("aware_at", "delay_reasons")
"""What may not follow in phases (Art. 33(1), 33(4))."""
REST = "every other answer that is not given here"


def write_report(uow: UnitOfWork, actor: Actor, facts: ReportFacts, now: datetime) -> ReportFacts:
    """File the next version of what only a person can say. Raises BadInput for what cannot be or is
    no answer of the form, IncompleteDocument for what is half said."""
    require_permission(actor, Permission.RESPONDER, act="write the report")
    breach = uow.breaches.get(facts.breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    plugin = jurisdiction_of(facts.jurisdiction or default_jurisdiction(uow.law))
    check_facts(facts, plugin.get_form(uow.law, now), now)
    version = compute_next_version(uow.breaches.find_latest(ReportFacts, breach.id))
    filed = facts.model_copy(update={"version": version, "written_by": actor.id, "written_at": now})
    uow.breaches.add_document(filed)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.BREACH_REPORT_WRITTEN,
        subject=breach.id,
        facts={
            "version": version,
            "jurisdiction": plugin.id,
            "stage": filed.stage.value,
            "hash": compute_digest(filed.model_dump(mode="json")),
        },
        case_id=breach.case_id,
    )
    return filed


def default_jurisdiction(law: LawBook) -> str:
    """Id of the jurisdiction that is meant where nobody names one: the first whose report is owed
    before anything is known."""
    return list_presumed(law.reported_to)[0].id


def build_report(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RegulatorReport:
    """Build the report as it would be filed now, with names redacted; `missing` says what it lacks,
    `owed` what follows in phases. Reads only. Raises NotFound for an unknown jurisdiction."""
    plugin = jurisdiction_of(jurisdiction)
    filing = build_filing(uow, breach_id, plugin, settings, now)
    return _report(uow, filing, plugin, settings)


def build_redaction_account(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RedactionAccount:
    """Build the account of what `build_report` looks for in the answers, what it replaces, and what
    it leaves to a person."""
    plugin = jurisdiction_of(jurisdiction)
    filing = build_filing(uow, breach_id, plugin, settings, now)
    return _redact_answers(uow, filing, plugin, settings)[1]


def submit_report(  # noqa: PLR0913 - what a person records, each by its name
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    jurisdiction: str,
    *,
    submitted_at: datetime,
    channel: str,
    reference: str = "",
    settings: Settings,
    now: datetime,
    spoken_to: str = "",
    rest_who: str = "",
    rest_by: datetime | None = None,
    delay_reasons: str = "",
) -> Submission:
    """Record that a person filed the report, by form or by telephone: keeps an immutable copy and
    stops the clock.

    What is not yet known may follow in phases (Art. 33(4)) once it is named with who owes it by
    when: `rest_who` and `rest_by` name everything that is not answered, even before any facts are
    written. Reasons for a delay may not follow. Raises IncompleteDocument, BadInput for impossible
    times, and NotAllowed on a form that is not the one to file."""
    require_permission(actor, Permission.RESPONDER, act="record a submission")
    channel = require_text(channel, place="channel", remedy="Say how it was sent.")
    plugin = jurisdiction_of(jurisdiction)
    added = _build_additions(spoken_to, rest_who, rest_by, delay_reasons)
    if added:
        _add(uow, actor, breach_id, plugin, added, now)
    filing = build_filing(uow, breach_id, plugin, settings, now)
    _check_time(filing, submitted_at, now)
    _check_fileable(filing, plugin, submitted_at)
    report = _report(uow, filing, plugin, settings, submitted_at)
    _check_named(report, plugin)
    submission = Submission(
        breach_id=breach_id,
        jurisdiction=plugin.id,
        number=1 + len(filing.submissions),
        submitted_at=convert_to_utc(submitted_at),
        submitted_by=actor.id,
        channel=channel,
        reference=reference.strip(),
        report_hash=report.hash,
        report=report,
    )
    uow.breaches.add_document(submission)
    _record_audit(uow, submission, filing, now)
    return submission


def _build_additions(
    spoken_to: str, rest_who: str, rest_by: datetime | None, delay_reasons: str
) -> dict[str, object]:
    texts = {"rest_who": rest_who.strip(), "delay_reasons": delay_reasons.strip()}
    added: dict[str, object] = {name: text for name, text in texts.items() if text}
    if rest_by is not None:
        added["rest_by"] = rest_by
    if spoken_to.strip():
        added |= {"spoken": True, "spoken_to": spoken_to.strip()}
    return added


def _add(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    plugin: Jurisdiction,
    added: dict[str, object],
    now: datetime,
) -> None:
    """Add what was given with the submission to the facts, creating them if need be."""
    facts = find_facts(uow, breach_id, plugin.id) or ReportFacts(
        breach_id=breach_id, version=0, written_by=actor.id, written_at=now
    )
    update = added | {"jurisdiction": plugin.id}
    write_report(uow, actor, facts.model_copy(update=update), now)


def _report(
    uow: UnitOfWork,
    filing: ReportFiling,
    plugin: Jurisdiction,
    settings: Settings,
    submitted_at: datetime | None = None,
) -> RegulatorReport:
    questions, _ = _redact_answers(uow, filing, plugin, settings)
    blank = _list_blank(filing, questions)
    if submitted_at is not None and not is_late(submitted_at, filing.due):
        blank.pop("delay_reasons", None)
    owed = _redact_owed(uow, filing, settings, tuple(_list_owed(filing, blank)))
    covered = {key for item in owed for key in item.questions} - set(NEVER_LATER)
    tensions = _redact_reasons(uow, filing, settings, list_contradictions(filing, plugin))
    lacking = {key: why for key, why in blank.items() if key not in covered}
    report = RegulatorReport(
        breach_id=filing.breach.id,
        jurisdiction=plugin.id,
        version=filing.written.version,
        stage=filing.written.stage,
        last=filing.written.last,
        authority=plugin.get_authority(uow.law, filing.now).title,
        prepared_at=filing.now,
        drill=filing.breach.drill or settings.drill,
        questions=questions,
        missing=lacking
        | dict(_list_blockers(filing, plugin))
        | {
            f"because_{c.key}": f"{c.words} Say why the answer is right nevertheless."
            for c in tensions
            if not c.reason
        },
        owed=owed,
        contradictions=tensions,
    )
    return report.model_copy(update={"hash": compute_document_hash(report)})


def _list_blank(filing: ReportFiling, questions: Sequence[ReportQuestion]) -> dict[str, str]:
    """List mandatory questions that are not answered, or whose answer is not yet known."""
    blank = find_missing(questions)
    steps = filing.unasked_steps
    if steps:
        blank["actions"] = (
            f"{steps} containment step{'s' if steps > 1 else ''} of the case: nobody has said whose "
            "data they concern"
        )
    return blank


def _list_owed(filing: ReportFiling, blank: dict[str, str]) -> Iterator[NotYetKnown]:
    """List the items that the facts name; an item all of whose questions are answered is no longer
    owed."""
    facts, open_keys = filing.written, set(blank) - set(NEVER_LATER)
    for item in facts.not_yet_known:
        open_ones = tuple(key for key in item.questions if key in open_keys)
        if open_ones or not item.questions:
            yield item.model_copy(update={"questions": open_ones})
            open_keys -= set(open_ones)
    if facts.rest_by is not None and open_keys:
        keys = tuple(key for key in blank if key in open_keys)
        yield NotYetKnown(what=REST, who=facts.rest_who, by=facts.rest_by, questions=keys)


def _list_blockers(filing: ReportFiling, plugin: Jurisdiction) -> Iterator[tuple[str, str]]:
    if filing.facts is None:
        yield "facts", "Nobody has written the report's facts yet"
    why = explain_other_form(filing, plugin)
    if why:
        yield "form", why
    untrue = find_telling_contradiction(filing)
    if untrue:
        yield "people_told", f"Have you told the people: {untrue}"


def _redact_answers(
    uow: UnitOfWork, filing: ReportFiling, plugin: Jurisdiction, settings: Settings
) -> tuple[tuple[ReportQuestion, ...], RedactionAccount]:
    return redact_answers(uow, plugin.questions(filing), settings.profile, filing.now, ours=OURS)


def _redact_owed(
    uow: UnitOfWork, filing: ReportFiling, settings: Settings, owed: tuple[NotYetKnown, ...]
) -> tuple[NotYetKnown, ...]:
    texts = iter(_redact_texts(uow, filing, settings, [t for o in owed for t in (o.what, o.who)]))
    return tuple(item.model_copy(update={"what": next(texts), "who": next(texts)}) for item in owed)


def _redact_reasons(
    uow: UnitOfWork,
    filing: ReportFiling,
    settings: Settings,
    tensions: tuple[ReportContradiction, ...],
) -> tuple[ReportContradiction, ...]:
    reasons = iter(_redact_texts(uow, filing, settings, [c.reason for c in tensions]))
    return tuple(c.model_copy(update={"reason": next(reasons)}) for c in tensions)


def _redact_texts(
    uow: UnitOfWork, filing: ReportFiling, settings: Settings, texts: list[str]
) -> Sequence[str]:
    profile = settings.profile
    return ReportRedaction(
        get_foreign_data(uow, profile), profile, year=filing.now.year
    ).redact_all(texts)


def _check_time(filing: ReportFiling, submitted_at: datetime, now: datetime) -> None:
    if convert_to_utc(submitted_at) > convert_to_utc(now):
        raise BadInput("it lies in the future", place="submitted at", remedy="Correct it.")
    if convert_to_utc(submitted_at) < convert_to_utc(filing.breach.aware_at):
        raise BadInput("it lies before awareness", place="submitted at", remedy="Correct it.")


def _check_fileable(filing: ReportFiling, plugin: Jurisdiction, submitted_at: datetime) -> None:
    why = explain_other_form(filing, plugin)
    if why:
        raise NotAllowed(why, place=plugin.title, remedy="File the other report.")
    facts = filing.facts
    if facts is None:
        raise IncompleteDocument(
            {"report": "nobody has written its facts"},
            place=plugin.title,
            remedy="Write them, or say who owes every answer and by when.",
        )
    first, reasons = not filing.submissions, facts.delay_reasons or filing.delay_reasons
    if first and is_late(submitted_at, filing.due) and not reasons.strip():
        raise IncompleteDocument(
            {"delay_reasons": "the report is later than the limit; the reasons go with it"},
            place=plugin.title,
            remedy="Write them, then record the submission.",
        )
    if not first and facts.stage is ReportPhase.INITIAL:
        raise BadInput(
            "an initial report was submitted already",
            place="stage",
            remedy="Mark this one as a follow-up.",
        )


def _check_named(report: RegulatorReport, plugin: Jurisdiction) -> None:
    """Check that what is not yet known is named, so that it may follow (Art. 33(4))."""
    if report.missing:
        raise IncompleteDocument(
            dict(map(_format_gap, report.missing.items())),
            place=plugin.title,
            remedy="Answer it, or say who owes every other answer and by when.",
        )


def _format_gap(lacking: tuple[str, str]) -> tuple[str, str]:
    """Split a gap: `What happened`, `not answered` for `what_happened`, `What happened: not
    answered`."""
    key, why = lacking
    question, colon, state = why.partition(": ")
    return (question, state) if colon else (key.replace("_", " "), why)


def _record_audit(
    uow: UnitOfWork, submission: Submission, filing: ReportFiling, now: datetime
) -> None:
    uow.audit.record(
        at=now,
        actor=submission.submitted_by,
        action=AuditAction.BREACH_REPORT_SUBMITTED,
        subject=submission.breach_id,
        facts={
            "jurisdiction": submission.jurisdiction,
            "number": submission.number,
            "submitted_at": submission.submitted_at.isoformat(),
            "channel": submission.channel,
            "reference": submission.reference,
            "report": submission.report_hash,
            "late": is_late(submission.submitted_at, filing.due),
            "owed": len(submission.report.owed),
        },
        case_id=filing.breach.case_id,
    )
