"""PECR regulation 5A to the ICO: Annex I of assimilated Regulation 611/2013, in its order.

Every breach of a public electronic communications service is reported, whatever the risk. This
report replaces the UK GDPR one for the exposures under PECR; a mixed breach files both, each for
its own exposures.
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
from breachdesk.gdpr.shared_answers import abroad, owed, prevention, window
from breachdesk.gdpr.told_words import told_words
from schemas.obligation import ObligationKind
from schemas.report import Question, ReportStage

EXAMPLES = (
    Example("before August 2025", "2025-08-19T12:00:00+01:00", "2025-08-20T12:00:00+01:00"),
    Example("since August 2025", "2025-08-20T12:00:00+01:00", "2025-08-23T12:00:00+01:00"),
    Example("over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"),
)


def questions(filing: Filing) -> tuple[Question, ...]:
    """Annex I: section 1, then section 2, then the reasons for a delay (reg. 5A(3A))."""
    answers = {
        **_provider(filing),
        **_incident(filing),
        **_effects(filing),
        **_telling(filing),
        **_phases(filing),
    }
    return answered(filing, answers)


def _provider(filing: Filing) -> Answers:
    facts, us = filing.written, filing.profile
    contact = (us.contact_name, us.contact_email, us.contact_phone)
    following = facts.stage is not ReportStage.INITIAL
    return {
        "provider": us.legal_name,
        "contact": ", ".join(filter(None, contact)),
        "stage": _phase(filing, following),
        "case_reference": Answer(facts.case_reference, must=following),
    }


def _phase(filing: Filing, following: bool) -> str:
    """Since 20 August 2025 what is missing follows in phases, not in a second notification."""
    more = any(owed(filing))
    if not following:
        return (
            "First notification; further information follows in phases"
            if more
            else ("First notification")
        )
    number = 1 + len(filing.submissions)
    last = "; it is the last one" if filing.written.last else "; more follows" if more else ""
    return f"Further information, phase {number}{last}"


def _incident(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    happened = window(filing)
    detected = filing.when(filing.detected_at or filing.discovered_at)
    said = detected or f"{filing.when(filing.breach.aware_at)} at the latest"
    return {
        "occurred": Answer(f"{happened.text}\nDetected: {said}", unknown=happened.unknown),
        "harmed": _joined(ticked(form, "harmed", facts.harmed), facts.how_found),
        "data_kinds": ticked(form, "data_kinds", facts.data_kinds, facts.data_other),
        "measures_before": facts.measures_before,
        "other_providers": chosen(
            form, "other_providers", facts.other_providers, facts.other_providers_words
        ),
    }


def _joined(answer: Answer, words: str) -> Answer:
    text = "\n".join(filter(None, (answer.text, words.strip() and f"How it was found: {words}")))
    return Answer(text if answer.text else "", unknown=answer.unknown)


def _effects(filing: Filing) -> Answers:
    facts = filing.written
    harm = facts.actual_harm.strip() and f"Harm so far: {facts.actual_harm}"
    return {
        "what_happened": facts.what_happened,
        "people": quantity(facts.people),
        "consequences": "\n".join(filter(None, (facts.consequences, harm))),
        "measures_after": "\n".join(filter(None, (facts.measures_after, list_of(_done(filing))))),
    }


def _done(filing: Filing) -> list[str]:
    steps = [f"{step.text} ({filing.when(step.done_at)})" for step in filing.steps]
    return [*steps, *prevention(filing)]


def _telling(filing: Filing) -> Answers:
    facts, form = filing.written, filing.form
    told = told_words(filing.told, "subscribers or individuals")
    return {
        "notice": filing.notice_text,
        "means": ticked(form, "means", facts.means, facts.means_other),
        "people_told": chosen(form, "people_told", facts.people_told, told, facts.people_told_words)
        if facts.people_told
        else Answer(),
        "abroad": abroad(filing),
        "told_bodies": chosen(form, "told_bodies", facts.told_bodies, list_of(facts.other_bodies)),
    }


def _phases(filing: Filing) -> Answers:
    reasons = filing.written.delay_reasons or filing.delay_reasons
    return {
        "delay_reasons": Answer(reasons, must=filing.late),
        "not_yet_known": list_of(owed(filing)),
    }


JURISDICTION = Jurisdiction(
    id="uk_pecr",
    title="PECR, regulation 5A",
    duty=ObligationKind.ICO_PECR,
    track=Track.PECR,
    provision="pecr_5a_2",
    phases="reg_611_2013_art2_3",
    authority="ico",
    form="uk_pecr",
    questions=questions,
    examples=EXAMPLES,
)
