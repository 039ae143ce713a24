"""PECR regulation 5A to the ICO: Annex I of assimilated Regulation 611/2013, in its order.

Every breach of a public electronic communications service is reported, whatever the risk. This
report replaces the UK GDPR one for the exposures under PECR; a mixed breach files both, each for
its own exposures.
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
from breachdesk.gdpr.jurisdiction import (
    DeadlineExample,
    Jurisdiction,
    RegulatorWords,
    ReportExample,
)
from breachdesk.gdpr.shared_answers import (
    answer_abroad,
    answer_window,
    generate_owed_lines,
    generate_prevention_lines,
)
from breachdesk.gdpr.told_words import describe_notified
from schemas.casework.affected import Exposure
from schemas.casework.decision import NotificationBasis
from schemas.casework.report import ReportPhase, ReportQuestion
from schemas.customer import PecrStatus

EXAMPLES = (
    DeadlineExample(
        "the last second before 20 August 2025",
        "2025-08-19T23:59:59+01:00",
        "2025-08-20T23:59:59+01:00",
    ),
    DeadlineExample(
        "the first second of 20 August 2025",
        "2025-08-20T00:00:00+01:00",
        "2025-08-23T00:00:00+01:00",
    ),
    DeadlineExample(
        "the first hour of 20 August 2025, the day before in UTC",
        "2025-08-20T00:59:00+01:00",
        "2025-08-23T00:59:00+01:00",
    ),
    DeadlineExample("before August 2025", "2025-08-19T12:00:00+01:00", "2025-08-20T12:00:00+01:00"),
    DeadlineExample("since August 2025", "2025-08-20T12:00:00+01:00", "2025-08-23T12:00:00+01:00"),
    DeadlineExample(
        "over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"
    ),
)
REPORT_EXAMPLE = ReportExample(
    answers={
        "harmed": ("confidentiality",),
        "data_kinds": ("traffic",),
        "other_providers": "no",
        "means": ("email",),
        "people_told": "about_to",
        "abroad": "no",
    },
    lacking=frozenset(
        {
            "abroad",
            "consequences",
            "data_kinds",
            "harmed",
            "means",
            "measures_after",
            "measures_before",
            "occurred",
            "other_providers",
            "people",
            "people_told",
            "what_happened",
        }
    ),
)


def build_questions(filing: ReportFiling) -> tuple[ReportQuestion, ...]:
    """Annex I: section 1, then section 2, then the reasons for a delay (reg. 5A(3A))."""
    answers = {
        **_answer_provider(filing),
        **_answer_incident(filing),
        **_answer_effects(filing),
        **_answer_notification(filing),
        **_answer_phases(filing),
    }
    return answer_form(filing, answers)


def _answer_provider(filing: ReportFiling) -> Answers:
    facts, us = filing.written, filing.profile
    contact = (us.contact_name, us.contact_email, us.contact_phone)
    following = facts.stage is not ReportPhase.INITIAL
    return {
        "provider": us.legal_name,
        "contact": ", ".join(filter(None, contact)),
        "stage": _describe_phase(filing, following),
        "case_reference": FormAnswer(facts.case_reference, must=following),
    }


def _describe_phase(filing: ReportFiling, following: bool) -> str:
    """Since 20 August 2025 what is missing follows in phases, not in a second notification."""
    more = any(generate_owed_lines(filing))
    if not following:
        return (
            "First notification; further information follows in phases"
            if more
            else ("First notification")
        )
    number = 1 + len(filing.submissions)
    last = "; it is the last one" if filing.written.last else "; more follows" if more else ""
    return f"Further information, phase {number}{last}"


def _answer_incident(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    happened = answer_window(filing)
    detected = filing.format_moment(filing.detected_at or filing.discovered_at)
    detected_text = detected or f"{filing.format_moment(filing.breach.aware_at)} at the latest"
    return {
        "occurred": FormAnswer(
            f"{happened.text}\nDetected: {detected_text}", unknown=happened.unknown
        ),
        "harmed": _join_answer(answer_choices(form, "harmed", facts.harmed), facts.how_found),
        "data_kinds": answer_choices(form, "data_kinds", facts.data_kinds, facts.data_other),
        "measures_before": facts.measures_before,
        "other_providers": answer_choice(
            form, "other_providers", facts.other_providers, facts.other_providers_words
        ),
    }


def _join_answer(answer: FormAnswer, words: str) -> FormAnswer:
    text = "\n".join(filter(None, (answer.text, words.strip() and f"How it was found: {words}")))
    return FormAnswer(text if answer.text else "", unknown=answer.unknown)


def _answer_effects(filing: ReportFiling) -> Answers:
    facts = filing.written
    harm = facts.actual_harm.strip() and f"Harm so far: {facts.actual_harm}"
    return {
        "what_happened": facts.what_happened,
        "people": answer_quantity(facts.people),
        "consequences": "\n".join(filter(None, (facts.consequences, harm))),
        "measures_after": "\n".join(
            filter(None, (facts.measures_after, format_list(_list_measures(filing))))
        ),
    }


def _list_measures(filing: ReportFiling) -> list[str]:
    steps = [f"{step.text} ({filing.format_moment(step.done_at)})" for step in filing.steps]
    return [*steps, *generate_prevention_lines(filing)]


def _answer_notification(filing: ReportFiling) -> Answers:
    facts, form = filing.written, filing.form
    notified = describe_notified(filing.notified, "subscribers or individuals")
    return {
        "notice": filing.notice_text,
        "means": answer_choices(form, "means", facts.means, facts.means_other),
        "people_told": answer_choice(
            form, "people_told", facts.people_told, notified, facts.people_told_words
        )
        if facts.people_told
        else FormAnswer(),
        "abroad": answer_abroad(filing),
        "told_bodies": answer_choice(
            form, "told_bodies", facts.told_bodies, format_list(facts.other_bodies)
        ),
    }


def _answer_phases(filing: ReportFiling) -> Answers:
    reasons = filing.written.delay_reasons or filing.delay_reasons
    return {
        "delay_reasons": FormAnswer(reasons, must=filing.late),
        "not_yet_known": format_list(generate_owed_lines(filing)),
    }


def _is_telecoms_data(exposure: Exposure) -> bool | None:
    """Whether a public electronic communications service was reached, whatever our role."""
    return None if exposure.pecr is PecrStatus.ASK else exposure.pecr is PecrStatus.YES


JURISDICTION = Jurisdiction(
    id="uk_pecr",
    title="PECR, regulation 5A",
    clock="ico_pecr",
    covers=_is_telecoms_data,
    provision="pecr_5a_2",
    phases="reg_611_2013_art2_3",
    authority="ico",
    form="uk_pecr",
    questions=build_questions,
    words=RegulatorWords(
        regulator="the ICO",
        rule="PECR",
        report="the report under PECR",
        step="ICO, under PECR",
        decided="ICO under PECR",
        body="The ICO, under PECR",
        title="PECR",
        question="Is it a PECR breach?",
        hint="The register says that a reached service is, or may be, a public electronic "
        "communications service. What falls under it is reported to the ICO under PECR, whatever "
        "the risk, within {period}. Everything else keeps its own report.",
        record="A breach under PECR",
        scope="use a public electronic communications service of ours",
        duty="which watches over data protection in the UK",
        form="The ICO’s form cannot be saved half-way: copy from here in one go.",
        public_names=("PECR",),
    ),
    replaces=frozenset({"uk_ico"}),
    applies_always=True,
    whatever_the_risk=True,
    communication=NotificationBasis.PECR_5A3,
    related=("pecr_replaces_uk_gdpr",),
    examples=EXAMPLES,
    report_example=REPORT_EXAMPLE,
)
