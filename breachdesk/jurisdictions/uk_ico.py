"""UK GDPR Art. 33 to the ICO: what we are controller for, in the order of the ICO's form.

The form itself asks not to include personal data of those involved.
"""

from __future__ import annotations

from breachdesk.gdpr.filing import (
    Answer,
    Answers,
    Filing,
    answered,
    chosen,
    list_of,
    quantity,
    ticked,
)
from breachdesk.gdpr.jurisdiction import Example, Jurisdiction
from breachdesk.gdpr.roles import Track
from breachdesk.gdpr.shared_answers import abroad, moment, owed, prevention, window
from breachdesk.gdpr.told_words import told_words
from schemas.obligation import ObligationKind
from schemas.report import Question, ReportStage

EXAMPLES = (
    Example("over the March change", "2026-03-27T16:20:00+00:00", "2026-03-30T17:20:00+01:00"),
    Example("over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"),
    Example("over Christmas", "2026-12-24T17:45:00+00:00", "2026-12-27T17:45:00+00:00"),
    Example("over Easter", "2026-04-02T17:10:00+01:00", "2026-04-05T17:10:00+01:00"),
)


def questions(filing: Filing) -> tuple[Question, ...]:
    """In the form's order; those on cyber incidents only where it is one."""
    answers = {
        **_about_report(filing),
        **_about_breach(filing),
        **_about_data(filing),
        **_consequences(filing),
        **(_cyber(filing) if filing.written.cyber == "yes" else {}),
        **_measures(filing),
        **_about_you(filing),
    }
    return answered(filing, answers)


def _about_report(filing: Filing) -> Answers:
    facts = filing.written
    following = facts.stage is not ReportStage.INITIAL
    stage = "Follow-up report" if following else "Initial report"
    last = "We expect to add nothing to it." if facts.last else ""
    spoken = {True: f"Yes: {facts.spoken_to or 'name not noted'}", False: "No", None: ""}
    return {
        "spoken": spoken[facts.spoken],
        "stage": f"{stage}. {last}" if last else stage,
        "case_reference": Answer(facts.case_reference, must=following),
        "reason": chosen(filing.form, "reason", facts.reason),
    }


def _about_breach(filing: Filing) -> Answers:
    facts = filing.written
    return {
        "what_happened": facts.what_happened,
        "cyber": chosen(filing.form, "cyber", facts.cyber),
        "how_found": facts.how_found,
        "detected": filing.when(filing.detected_at),
        "discovered": moment(filing, facts.discovered_at),
        "occurred": window(filing),
        "aware_at": filing.when(filing.breach.aware_at),
        "delay_reasons": Answer(facts.delay_reasons or filing.delay_reasons, must=filing.late),
    }


def _about_data(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "data_kinds": ticked(form, "data_kinds", facts.data_kinds, facts.data_other),
        "records": quantity(facts.records),
        "people": quantity(facts.people),
        "people_kinds": ticked(form, "people_kinds", facts.people_kinds, facts.people_other),
        "measures_before": facts.measures_before,
    }


def _consequences(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "consequences": facts.consequences,
        "actual_harm": facts.actual_harm,
        "likelihood": chosen(form, "likelihood", facts.likelihood),
        "high_risk": chosen(form, "high_risk", facts.high_risk),
    }


def _cyber(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    return {
        "harmed": ticked(form, "harmed", facts.harmed),
        "affected_how": facts.affected_how,
        "impact": chosen(form, "impact", facts.impact),
        "recovery": chosen(form, "recovery", facts.recovery),
    }


def _measures(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    told = told_words(filing.told)
    return {
        "trained": chosen(form, "trained", facts.trained),
        "training": facts.training,
        "actions": list_of(f"{step.text} ({filing.when(step.done_at)})" for step in filing.steps),
        "measures_after": facts.measures_after,
        "prevention": list_of(prevention(filing)),
        "people_told": chosen(form, "people_told", facts.people_told, told, facts.people_told_words)
        if facts.people_told
        else Answer(),
        "told_bodies": chosen(form, "told_bodies", facts.told_bodies, list_of(facts.other_bodies)),
        "code_of_conduct": chosen(
            form, "code_of_conduct", facts.code_of_conduct, facts.code_of_conduct_words
        ),
        "not_yet_known": list_of(owed(filing)),
    }


def _about_you(filing: Filing) -> Answers:
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
        "abroad": abroad(filing),
    }


JURISDICTION = Jurisdiction(
    id="uk_ico",
    title="UK GDPR, Article 33",
    duty=ObligationKind.ICO_ART33,
    track=Track.ICO,
    provision="uk_gdpr_art33_1",
    phases="uk_gdpr_art33_4",
    authority="ico",
    form="uk_ico",
    questions=questions,
    examples=EXAMPLES,
)
