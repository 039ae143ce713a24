"""UK GDPR Art. 33 to the ICO: what we are controller for, in the order of the ICO's form.

The form itself asks not to include personal data of those involved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from breachdesk.gdpr.filing import (
    Answers,
    FormAnswer,
    ReportFiling,
    answer_choice,
    answer_choices,
    answer_form,
    answer_quantity,
    format_list,
)
from breachdesk.gdpr.jurisdiction import (
    DeadlineExample,
    Jurisdiction,
    RegulatorWords,
    ReportExample,
)
from breachdesk.gdpr.shared_answers import (
    answer_abroad,
    answer_moment,
    answer_window,
    generate_owed_lines,
    generate_prevention_lines,
)
from breachdesk.gdpr.told_words import describe_notified
from schemas.casework.affected import Exposure
from schemas.casework.report import ReportPhase, ReportQuestion
from schemas.customer import DataRole

EXAMPLES = (
    DeadlineExample(
        "over the March change", "2026-03-27T16:20:00+00:00", "2026-03-30T17:20:00+01:00"
    ),
    DeadlineExample(
        "over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"
    ),
    DeadlineExample("over Christmas", "2026-12-24T17:45:00+00:00", "2026-12-27T17:45:00+00:00"),
    DeadlineExample("over Easter", "2026-04-02T17:10:00+01:00", "2026-04-05T17:10:00+01:00"),
)
REPORT_EXAMPLE = ReportExample(
    answers={
        "reason": "meets_threshold",
        "cyber": "yes",
        "data_kinds": ("basic_identifiers",),
        "people_kinds": ("customers",),
        "likelihood": "likely",
        "high_risk": "yes",
        "harmed": ("confidentiality",),
        "impact": "low",
        "recovery": "complete",
        "trained": "yes",
        "people_told": "about_to",
        "reporter_name": "Rowan",
    },
    lacking=frozenset(
        {
            "consequences",
            "cyber",
            "data_kinds",
            "discovered",
            "high_risk",
            "how_found",
            "likelihood",
            "measures_after",
            "measures_before",
            "occurred",
            "people",
            "people_kinds",
            "people_told",
            "reason",
            "records",
            "reporter",
            "trained",
            "what_happened",
        }
    ),
)


def build_questions(filing: ReportFiling) -> tuple[ReportQuestion, ...]:
    """In the form's order; those on cyber incidents only where it is one."""
    answers = {
        **_answer_about_report(filing),
        **_answer_about_breach(filing),
        **_answer_about_data(filing),
        **_answer_consequences(filing),
        **(_answer_cyber(filing) if filing.written.cyber == "yes" else {}),
        **_answer_measures(filing),
        **_answer_about_you(filing),
    }
    return answer_form(filing, answers)


def _answer_about_report(filing: ReportFiling) -> Answers:
    facts = filing.written
    following = facts.stage is not ReportPhase.INITIAL
    phase = "Follow-up report" if following else "Initial report"
    last = "We expect to add nothing to it." if facts.last else ""
    spoken = {True: f"Yes: {facts.spoken_to or 'name not noted'}", False: "No", None: ""}
    return {
        "spoken": spoken[facts.spoken],
        "stage": f"{phase}. {last}" if last else phase,
        "case_reference": FormAnswer(facts.case_reference, must=following),
        "reason": answer_choice(filing.form, "reason", facts.reason),
    }


def _answer_about_breach(filing: ReportFiling) -> Answers:
    facts = filing.written
    return {
        "what_happened": facts.what_happened,
        "cyber": answer_choice(filing.form, "cyber", facts.cyber),
        "how_found": facts.how_found,
        "detected": filing.format_moment(filing.detected_at),
        "discovered": answer_moment(filing, facts.discovered_at),
        "occurred": answer_window(filing),
        "aware_at": filing.format_moment(filing.breach.aware_at),
        "delay_reasons": FormAnswer(facts.delay_reasons or filing.delay_reasons, must=filing.late),
    }


def _answer_about_data(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "data_kinds": answer_choices(form, "data_kinds", facts.data_kinds, facts.data_other),
        "records": answer_quantity(facts.records),
        "people": answer_quantity(facts.people),
        "people_kinds": answer_choices(
            form, "people_kinds", facts.people_kinds, facts.people_other
        ),
        "measures_before": facts.measures_before,
    }


def _answer_consequences(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "consequences": facts.consequences,
        "actual_harm": facts.actual_harm,
        "likelihood": answer_choice(form, "likelihood", facts.likelihood),
        "high_risk": answer_choice(form, "high_risk", facts.high_risk),
    }


def _answer_cyber(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "harmed": answer_choices(form, "harmed", facts.harmed),
        "affected_how": facts.affected_how,
        "impact": answer_choice(form, "impact", facts.impact),
        "recovery": answer_choice(form, "recovery", facts.recovery),
    }


def _answer_measures(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    notified = describe_notified(filing.notified)
    return {
        "trained": answer_choice(form, "trained", facts.trained),
        "training": facts.training,
        "actions": format_list(
            f"{step.text} ({filing.format_moment(step.done_at)})" for step in filing.steps
        ),
        "measures_after": facts.measures_after,
        "prevention": format_list(generate_prevention_lines(filing)),
        "people_told": answer_choice(
            form, "people_told", facts.people_told, notified, facts.people_told_words
        )
        if facts.people_told
        else FormAnswer(),
        "told_bodies": answer_choice(
            form, "told_bodies", facts.told_bodies, format_list(facts.other_bodies)
        ),
        "code_of_conduct": answer_choice(
            form, "code_of_conduct", facts.code_of_conduct, facts.code_of_conduct_words
        ),
        "not_yet_known": format_list(generate_owed_lines(filing)),
    }


def _answer_about_you(filing: ReportFiling) -> Answers:
    facts, us = filing.written, filing.profile
    reporter = (facts.reporter_name, facts.reporter_email, facts.reporter_phone)
    contact = (us.contact_name, us.contact_email, us.contact_phone)
    return {
        "organisation": us.legal_name,
        "organisation_address": us.registered_address,
        "registration": us.ico_registration,
        "sector": us.sector,
        "reporter": ", ".join(filter(None, reporter)) if facts.reporter_name else "",
        "contact": ", ".join(filter(None, contact)),
        "abroad": answer_abroad(filing),
    }


def _is_controller_data(exposure: Exposure) -> bool:
    return exposure.role is DataRole.CONTROLLER


def _check_reason(filing: ReportFiling) -> Iterator[tuple[str, str]]:
    """Compare the reason for the report with the decision."""
    reason, decision = filing.written.reason, filing.decision
    if reason is None or decision is None:
        return
    must_report = decision.report_answer(JURISDICTION.id).yes
    if must_report and reason != "meets_threshold":
        yield "reason", "The decision finds that the breach must be reported."
    if not must_report and reason != "for_awareness":
        yield "reason", "The decision finds that the breach need not be reported."


def _check_likelihood(filing: ReportFiling) -> Iterator[tuple[str, str]]:
    """Compare the likelihood of a high risk with the decision."""
    likelihood, decision = filing.written.likelihood, filing.decision
    if likelihood is None or decision is None:
        return
    if likelihood in ("unlikely", "very_unlikely") and decision.tell_people.yes:
        yield "likelihood", "The decision finds that a high risk to people is likely."
    must_report = decision.report_answer(JURISDICTION.id).yes
    if likelihood in ("likely", "very_likely") and not must_report:
        yield "likelihood", "The decision finds that a risk to people is unlikely."


def _propose_reason(filing: ReportFiling) -> Iterator[tuple[str, Any, str]]:
    """Take the reason for the report from the decision."""
    if filing.decision is not None:
        must_report = filing.decision.report_answer(JURISDICTION.id).yes
        yield "reason", "meets_threshold" if must_report else "for_awareness", "the decision"


JURISDICTION = Jurisdiction(
    id="uk_ico",
    title="UK GDPR, Article 33",
    clock="ico_art33",
    covers=_is_controller_data,
    provision="uk_gdpr_art33_1",
    phases="uk_gdpr_art33_4",
    authority="ico",
    form="uk_ico",
    questions=build_questions,
    words=RegulatorWords(
        regulator="the ICO",
        rule="Art. 33",
        report="the ICO report",
        step="ICO, initial",
        decided="ICO",
        body="The ICO, under UK GDPR Art. 33",
        title="Report to the ICO",
        question="Report to the ICO under Art. 33?",
        hint="Unless a risk to people is unlikely, within {period}. For what we hold as "
        "controller{except_for}.",
        record="Report to the ICO (Art. 33)",
        scope="",
        duty="which watches over data protection in the UK",
        form="The ICO’s form cannot be saved half-way: copy from here in one go.",
        public_names=(
            "Information Commissioner's Office",
            "Information Commission",
            "Information Commissioner",
            "Wycliffe House, Water Lane, Wilmslow, Cheshire",
            "Data Protection Act",
            "UK GDPR",
            "ICO",
        ),
    ),
    applies_always=True,
    covers_groups=True,
    presumed=True,
    checks={"likelihood": _check_likelihood, "reason": _check_reason},
    proposals=_propose_reason,
    section_hints={"harmed": "Part of the report only where it is a cyber incident."},
    profile_fields={"ico_registration": "ICO registration number"},
    examples=EXAMPLES,
    report_example=REPORT_EXAMPLE,
)
