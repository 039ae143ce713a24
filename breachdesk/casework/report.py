"""Step 9: the regulator's report, built from what is known, immutable once submitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from breachdesk.casework.authority import not_erased, require, required
from breachdesk.casework.contradictions import contradictions, untrue_of_telling
from breachdesk.casework.filings import facts_for, filing_of, not_this_form
from breachdesk.casework.report_checks import check_facts
from breachdesk.casework.report_privacy import without_personal_data
from breachdesk.casework.sealing import digest, document_hash, next_version
from breachdesk.casework.text_check import foreign_data
from breachdesk.gdpr.deadlines import is_late
from breachdesk.gdpr.filing import Filing
from breachdesk.gdpr.jurisdiction import Jurisdiction, missing
from breachdesk.gdpr.report_redaction import RedactionAccount, ReportRedaction
from breachdesk.jurisdictions import jurisdiction as jurisdiction_of
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, Incomplete, NotAllowed
from schemas.report import (
    Contradiction,
    NotYetKnown,
    Question,
    RegulatorReport,
    ReportFacts,
    ReportStage,
    Submission,
)
from schemas.settings import Settings
from schemas.times import in_utc
from schemas.user import Actor, Duty

OURS = (
    "provider",
    "organisation",
    "organisation_address",
    "registration",
    "contact",
    "reporter",
    "spoken",
)
"""Answers about ourselves and the authority: our own contact and reporter stand in them."""
FIRST_FORM = "uk_ico"
"""The form that facts without a form are checked against."""
NEVER_LATER = ("aware_at", "delay_reasons")
"""What may not follow in phases (Art. 33(1), 33(4))."""
REST = "every other answer that is not given here"


def write_report(uow: UnitOfWork, actor: Actor, facts: ReportFacts, now: datetime) -> ReportFacts:
    """File the next version of what only a person can say. Raises BadInput for what cannot be or is
    no answer of the form, Incomplete for what is half said."""
    require(actor, Duty.RESPONDER, act="write the report")
    breach = uow.breaches.get(facts.breach_id)
    not_erased(uow.cases.get(breach.case_id))
    plugin = jurisdiction_of(facts.jurisdiction or FIRST_FORM)
    check_facts(facts, plugin.form_at(uow.law, now), now)
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
            "jurisdiction": plugin.id,
            "stage": filed.stage.value,
            "hash": digest(filed.model_dump(mode="json")),
        },
        case_id=breach.case_id,
    )
    return filed


def build(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RegulatorReport:
    """The report as it would be filed now, names taken out; `missing` says what it lacks, `owed`
    what follows in phases. Reads only. Raises NotFound for an unknown jurisdiction."""
    plugin = jurisdiction_of(jurisdiction)
    filing = filing_of(uow, breach_id, plugin, settings, now)
    return _report(uow, filing, plugin, settings)


def redaction_account(
    uow: UnitOfWork, breach_id: str, jurisdiction: str, settings: Settings, now: datetime
) -> RedactionAccount:
    """What `build` looks for in the answers, what it replaces, and what it leaves to a person."""
    plugin = jurisdiction_of(jurisdiction)
    filing = filing_of(uow, breach_id, plugin, settings, now)
    return _redacted(uow, filing, plugin, settings)[1]


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
    spoken_to: str = "",
    rest_who: str = "",
    rest_by: datetime | None = None,
    delay_reasons: str = "",
) -> Submission:
    """A person filed the report, by form or by telephone: keeps an immutable copy and stops the
    clock.

    What is not yet known may follow in phases (Art. 33(4)) once it is named with who owes it by
    when: `rest_who` and `rest_by` name everything that is not answered, even before any facts are
    written. Reasons for a delay may not follow. Raises Incomplete, BadInput for times that cannot
    be, NotAllowed on a form that is not the one to file.
    """
    require(actor, Duty.RESPONDER, act="record a submission")
    channel = required(channel, place="channel", remedy="Say how it was sent.")
    plugin = jurisdiction_of(jurisdiction)
    added = _added(spoken_to, rest_who, rest_by, delay_reasons)
    if added:
        _add(uow, actor, breach_id, plugin, added, now)
    filing = filing_of(uow, breach_id, plugin, settings, now)
    _check_time(filing, submitted_at, now)
    _check_fileable(filing, plugin, submitted_at)
    report = _report(uow, filing, plugin, settings, submitted_at)
    _check_named(report, plugin)
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


def _added(
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
    """What is said with the submission becomes part of the facts, before any others if need be."""
    facts = facts_for(uow, breach_id, plugin.id) or ReportFacts(
        breach_id=breach_id, version=0, written_by=actor.id, written_at=now
    )
    update = added | {"jurisdiction": plugin.id}
    write_report(uow, actor, facts.model_copy(update=update), now)


def _report(
    uow: UnitOfWork,
    filing: Filing,
    plugin: Jurisdiction,
    settings: Settings,
    submitted_at: datetime | None = None,
) -> RegulatorReport:
    questions, _ = _redacted(uow, filing, plugin, settings)
    blank = _blank(filing, questions)
    if submitted_at is not None and not is_late(submitted_at, filing.due):
        blank.pop("delay_reasons", None)
    owed = _without_people(uow, filing, settings, tuple(_owed(filing, blank)))
    covered = {key for item in owed for key in item.questions} - set(NEVER_LATER)
    tensions = _reasons_without_people(uow, filing, settings, contradictions(filing))
    lacking = {key: why for key, why in blank.items() if key not in covered}
    report = RegulatorReport(
        breach_id=filing.breach.id,
        jurisdiction=plugin.id,
        version=filing.written.version,
        stage=filing.written.stage,
        last=filing.written.last,
        authority=plugin.authority_at(uow.law, filing.now).title,
        prepared_at=filing.now,
        drill=filing.breach.drill or settings.drill,
        questions=questions,
        missing=lacking
        | dict(_stands_against(filing, plugin))
        | {
            f"because_{c.key}": f"{c.words} Say why the answer stands."
            for c in tensions
            if not c.reason
        },
        owed=owed,
        contradictions=tensions,
    )
    return report.model_copy(update={"hash": document_hash(report)})


def _blank(filing: Filing, questions: Sequence[Question]) -> dict[str, str]:
    """Questions that must be answered and are not, or whose answer is not yet known."""
    blank = missing(questions)
    steps = filing.unasked_steps
    if steps:
        blank["actions"] = (
            f"{steps} containment step{'s' if steps > 1 else ''} of the case: nobody has said whose "
            "data they concern"
        )
    return blank


def _owed(filing: Filing, blank: dict[str, str]) -> Iterator[NotYetKnown]:
    """What the facts name; an item all of whose questions are answered is owed no more."""
    facts, left = filing.written, set(blank) - set(NEVER_LATER)
    for item in facts.not_yet_known:
        open_ones = tuple(key for key in item.questions if key in left)
        if open_ones or not item.questions:
            yield item.model_copy(update={"questions": open_ones})
            left -= set(open_ones)
    if facts.rest_by is not None and left:
        keys = tuple(key for key in blank if key in left)
        yield NotYetKnown(what=REST, who=facts.rest_who, by=facts.rest_by, questions=keys)


def _stands_against(filing: Filing, plugin: Jurisdiction) -> Iterator[tuple[str, str]]:
    if filing.facts is None:
        yield "facts", "Nobody has written the report's facts yet"
    why = not_this_form(filing, plugin)
    if why:
        yield "form", why
    untrue = untrue_of_telling(filing)
    if untrue:
        yield "people_told", f"Have you told the people: {untrue}"


def _redacted(
    uow: UnitOfWork, filing: Filing, plugin: Jurisdiction, settings: Settings
) -> tuple[tuple[Question, ...], RedactionAccount]:
    return without_personal_data(
        uow, plugin.questions(filing), settings.profile, filing.now, ours=OURS
    )


def _without_people(
    uow: UnitOfWork, filing: Filing, settings: Settings, owed: tuple[NotYetKnown, ...]
) -> tuple[NotYetKnown, ...]:
    texts = iter(_stripped(uow, filing, settings, [t for o in owed for t in (o.what, o.who)]))
    return tuple(item.model_copy(update={"what": next(texts), "who": next(texts)}) for item in owed)


def _reasons_without_people(
    uow: UnitOfWork, filing: Filing, settings: Settings, tensions: tuple[Contradiction, ...]
) -> tuple[Contradiction, ...]:
    reasons = iter(_stripped(uow, filing, settings, [c.reason for c in tensions]))
    return tuple(c.model_copy(update={"reason": next(reasons)}) for c in tensions)


def _stripped(
    uow: UnitOfWork, filing: Filing, settings: Settings, texts: list[str]
) -> Sequence[str]:
    profile = settings.profile
    return ReportRedaction(foreign_data(uow, profile), profile, year=filing.now.year).redact_all(
        texts
    )


def _check_time(filing: Filing, submitted_at: datetime, now: datetime) -> None:
    if in_utc(submitted_at) > in_utc(now):
        raise BadInput("it lies in the future", place="submitted at", remedy="Correct it.")
    if in_utc(submitted_at) < in_utc(filing.breach.aware_at):
        raise BadInput("it lies before awareness", place="submitted at", remedy="Correct it.")


def _check_fileable(filing: Filing, plugin: Jurisdiction, submitted_at: datetime) -> None:
    why = not_this_form(filing, plugin)
    if why:
        raise NotAllowed(why, place=plugin.title, remedy="File the other report.")
    facts = filing.facts
    if facts is None:
        raise Incomplete(
            {"report": "nobody has written its facts"},
            place=plugin.title,
            remedy="Write them, or say who owes every answer and by when.",
        )
    first, reasons = not filing.submissions, facts.delay_reasons or filing.delay_reasons
    if first and is_late(submitted_at, filing.due) and not reasons.strip():
        raise Incomplete(
            {"delay_reasons": "the report is later than the limit; the reasons go with it"},
            place=plugin.title,
            remedy="Write them, then record the submission.",
        )
    if not first and facts.stage is ReportStage.INITIAL:
        raise BadInput(
            "an initial report was submitted already",
            place="stage",
            remedy="Mark this one as a follow-up.",
        )


def _check_named(report: RegulatorReport, plugin: Jurisdiction) -> None:
    """What is not yet known may follow once it is named (Art. 33(4))."""
    if report.missing:
        raise Incomplete(
            dict(map(_by_question, report.missing.items())),
            place=plugin.title,
            remedy="Answer it, or say who owes every other answer and by when.",
        )


def _by_question(lacking: tuple[str, str]) -> tuple[str, str]:
    """`What happened`, `not answered` for `what_happened`, `What happened: not answered`."""
    key, why = lacking
    question, colon, state = why.partition(": ")
    return (question, state) if colon else (key.replace("_", " "), why)


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
            "owed": len(submission.report.owed),
        },
        case_id=filing.breach.case_id,
    )
