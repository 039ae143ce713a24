"""Step 9: the regulator's report, built from what is known, immutable once submitted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.authority import not_erased, require, required
from breachdesk.casework.report_privacy import without_personal_data
from breachdesk.casework.sealing import digest, document_hash, next_version
from breachdesk.casework.told import counts
from breachdesk.gdpr import roles
from breachdesk.gdpr.deadlines import is_late
from breachdesk.gdpr.filing import Filing
from breachdesk.gdpr.jurisdiction import Jurisdiction, missing
from breachdesk.gdpr.report_redaction import RedactionAccount
from breachdesk.jurisdictions import jurisdiction as jurisdiction_of
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure, Manifest
from schemas.customer import Role
from schemas.decision import Decision
from schemas.errors import BadInput, Incomplete, NotAllowed
from schemas.letter_facts import NoticeFacts
from schemas.obligation import ObligationKind
from schemas.report import (
    Precision,
    Quantity,
    Question,
    RegulatorReport,
    ReportFacts,
    ReportStage,
    Submission,
)
from schemas.settings import ProviderProfile, Settings
from schemas.times import in_utc
from schemas.user import Actor, Duty

OURS = ("provider", "organisation", "organisation_address", "registration", "contact")
"""Answers about ourselves: our own named contact stands in them."""


def write_report(uow: UnitOfWork, actor: Actor, facts: ReportFacts, now: datetime) -> ReportFacts:
    """File the next version of what only a person can say. Raises BadInput for a count that
    contradicts its precision."""
    require(actor, Duty.RESPONDER, act="write the report")
    breach = uow.breaches.get(facts.breach_id)
    not_erased(uow.cases.get(breach.case_id))
    for name, number in (("people", facts.people), ("records", facts.records)):
        _check_quantity(name, number)
    version = next_version(uow.breaches.latest(ReportFacts, breach.id))
    filed = facts.model_copy(update={"version": version, "written_by": actor.id, "written_at": now})
    uow.breaches.put(filed)
    uow.audit.record(
        at=now,
        actor=actor.id,
        act="breach:report:written",
        subject=breach.id,
        facts={
            "version": version,
            "stage": filed.stage.value,
            "hash": digest(filed.model_dump(mode="json")),
        },
        case_id=breach.case_id,
    )
    return filed


def build(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RegulatorReport:
    """The report as it would be filed now, found personal data replaced; `missing` says what it
    lacks. Reads only. Raises NotFound for an unknown jurisdiction."""
    plugin = jurisdiction_of(jurisdiction)
    filing = _filing(uow, breach_id, plugin, settings, now)
    questions, _ = _redacted(uow, plugin.questions(filing), settings.profile, now)
    lacking = missing(questions)
    if filing.facts is None:
        lacking["facts"] = "nobody has written the report's facts yet"
    if _replaced(filing, plugin):
        lacking["form"] = _replaced(filing, plugin)
    report = RegulatorReport(
        breach_id=breach_id,
        jurisdiction=plugin.id,
        version=filing.written.version,
        stage=filing.written.stage,
        authority=plugin.authority_at(uow.law, now).title,
        prepared_at=now,
        drill=filing.breach.drill or settings.drill,
        questions=questions,
        missing=lacking,
    )
    return report.model_copy(update={"hash": document_hash(report)})


def redaction_account(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RedactionAccount:
    """What `build` looks for in the answers, what it replaces, and what it leaves to a person."""
    plugin = jurisdiction_of(jurisdiction)
    filing = _filing(uow, breach_id, plugin, settings, now)
    return _redacted(uow, plugin.questions(filing), settings.profile, now)[1]


def submit(  # noqa: PLR0913 - what a person records, each by its name
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
) -> Submission:
    """A person filed the report: keeps an immutable copy and stops the clock.

    What is not yet known may follow in phases (Art. 33(4)); reasons for a delay may not. Raises
    Incomplete, BadInput for times that cannot be, NotAllowed on the form that PECR replaces.
    """
    require(actor, Duty.RESPONDER, act="record a submission")
    channel = required(channel, place="channel", remedy="Say how it was sent.")
    plugin = jurisdiction_of(jurisdiction)
    filing = _filing(uow, breach_id, plugin, settings, now)
    _check_time(filing, submitted_at, now)
    _check_fileable(filing, plugin, submitted_at)
    report = build(uow, breach_id, plugin.id, settings, now)
    submission = Submission(
        breach_id=breach_id,
        jurisdiction=plugin.id,
        number=1 + len(filing.submissions),
        submitted_at=in_utc(submitted_at),
        submitted_by=actor.id,
        channel=channel,
        reference=reference.strip(),
        report_hash=report.hash,
        report=report,
    )
    uow.breaches.put(submission)
    _audit(uow, submission, filing, now)
    return submission


def is_own(
    decision: Decision | None, exposures: Sequence[Exposure], plugin: Jurisdiction
) -> Sequence[Exposure]:
    """What this report counts; an exposure stands in one report, never in two."""
    tracks = roles.regulator_tracks(decision, exposures)
    return next((t.exposures for t in tracks if t.jurisdiction == plugin.id), ())


def _filing(
    uow: UnitOfWork, breach_id: str, plugin: Jurisdiction, settings: Settings, now: datetime
) -> Filing:
    book, breach = uow.breaches, uow.breaches.get(breach_id)
    manifest = book.latest(Manifest, breach_id)
    said = book.latest(NoticeFacts, breach_id)
    sent = book.all(Submission, breach_id)
    decision = book.latest(Decision, breach_id)
    return Filing(
        breach=breach,
        case=uow.cases.get(breach.case_id),
        profile=settings.profile,
        facts=book.latest(ReportFacts, breach_id),
        decision=decision,
        exposures=is_own(decision, manifest.exposures, plugin) if manifest else (),
        due=plugin.deadline(uow.law, breach.aware_at).due,
        limit=plugin.law_at(uow.law, breach.aware_at).period or "the limit",
        now=now,
        submissions=[s for s in sent if s.jurisdiction == plugin.id],
        notices=_letters_told(counts(uow, breach)),
        notice_text=_notice_text(said) if said else "",
    )


def _notice_text(facts: NoticeFacts) -> str:
    """What account holders are told; other controllers' packs are no part of our own report."""
    own = [words for words in facts.words if words.role is Role.CONTROLLER]
    steps = dict.fromkeys(step for words in own for step in words.steps)
    return "\n".join((facts.what_happened, *steps))


def _letters_told(found: dict[str, int]) -> str:
    if not found:
        return ""
    words = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in found.items())
    return f"Letters so far: {words}."


def _redacted(
    uow: UnitOfWork, questions: Sequence[Question], profile: ProviderProfile, now: datetime
) -> tuple[tuple[Question, ...], RedactionAccount]:
    return without_personal_data(uow, questions, profile, now, ours=OURS)


def _replaced(filing: Filing, plugin: Jurisdiction) -> str:
    """Why this is not the form to file; empty: it is."""
    if filing.exposures:
        return ""
    by_pecr = filing.decision is not None and filing.decision.pecr.yes
    if by_pecr and plugin.duty is ObligationKind.ICO_ART33:
        return "decided as a PECR breach: the PECR report replaces this one"
    if not by_pecr and plugin.duty is ObligationKind.ICO_PECR:
        return "not decided as a PECR breach"
    return ""


def _check_quantity(name: str, number: Quantity) -> None:
    if number.value is not None and number.value < 0:
        raise BadInput("a count is never below zero", place=name, remedy="Correct it.")
    if number.value is None and number.precision is not Precision.UNKNOWN:
        raise BadInput("the number is missing", place=name, remedy="Give it, or say unknown.")


def _check_time(filing: Filing, submitted_at: datetime, now: datetime) -> None:
    if in_utc(submitted_at) > in_utc(now):
        raise BadInput("it lies in the future", place="submitted at", remedy="Correct it.")
    if in_utc(submitted_at) < in_utc(filing.breach.aware_at):
        raise BadInput("it lies before awareness", place="submitted at", remedy="Correct it.")


def _check_fileable(filing: Filing, plugin: Jurisdiction, submitted_at: datetime) -> None:
    why = _replaced(filing, plugin)
    if why:
        raise NotAllowed(why, place=plugin.id, remedy="File the other form.")
    facts = filing.facts
    if facts is None:
        raise Incomplete({"report": "nobody has written its facts"}, place=plugin.id)
    first = not filing.submissions
    if first and is_late(submitted_at, filing.due) and not facts.delay_reasons.strip():
        raise Incomplete(
            {"delay_reasons": "the report is later than the limit; the reasons go with it"},
            place=plugin.id,
            remedy="Write them, then record the submission.",
        )
    if not first and facts.stage is ReportStage.INITIAL:
        raise BadInput(
            "an initial report was submitted already",
            place="stage",
            remedy="Mark this one as a follow-up or the final report.",
        )


def _audit(uow: UnitOfWork, submission: Submission, filing: Filing, now: datetime) -> None:
    uow.audit.record(
        at=now,
        actor=submission.submitted_by,
        act="breach:report:submitted",
        subject=submission.breach_id,
        facts={
            "jurisdiction": submission.jurisdiction,
            "number": submission.number,
            "submitted_at": submission.submitted_at.isoformat(),
            "channel": submission.channel,
            "reference": submission.reference,
            "report": submission.report_hash,
            "late": is_late(submission.submitted_at, filing.due),
        },
        case_id=filing.breach.case_id,
    )
