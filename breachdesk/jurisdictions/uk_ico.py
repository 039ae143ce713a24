"""UK GDPR Art. 33 to the ICO: what we are controller for, in the order of the ICO's form.

The form itself asks not to include personal data of those involved.
"""

from __future__ import annotations

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
from breachdesk.gdpr.jurisdiction import DeadlineExample, Jurisdiction
from breachdesk.gdpr.roles import NotificationTrack
from breachdesk.gdpr.shared_answers import (
    answer_abroad,
    answer_moment,
    answer_window,
    generate_owed_lines,
    generate_prevention_lines,
)
from breachdesk.gdpr.told_words import describe_notified
from schemas.casework.obligation import ObligationKind
from schemas.casework.report import ReportPhase, ReportQuestion

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


JURISDICTION = Jurisdiction(
    id="uk_ico",
    title="UK GDPR, Article 33",
    duty=ObligationKind.ICO_ART33,
    track=NotificationTrack.ICO,
    provision="uk_gdpr_art33_1",
    phases="uk_gdpr_art33_4",
    authority="ico",
    form="uk_ico",
    questions=build_questions,
    examples=EXAMPLES,
)
