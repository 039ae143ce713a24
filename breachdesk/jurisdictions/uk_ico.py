"""UK GDPR Art. 33 to the ICO: what we are controller for, in the order of the ICO's form.

The form itself asks not to include personal data of those involved.
"""

from __future__ import annotations

from breachdesk.gdpr.filing import Asker, Filing, list_of, quantity, yes_or_no
from breachdesk.gdpr.jurisdiction import Example, Jurisdiction
from breachdesk.gdpr.roles import Track
from schemas.obligation import ObligationKind
from schemas.report import Question, ReportStage

EXAMPLES = (
    Example("over the March change", "2026-03-27T16:20:00+00:00", "2026-03-30T17:20:00+01:00"),
    Example("over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"),
    Example("over Christmas", "2026-12-24T17:45:00+00:00", "2026-12-27T17:45:00+00:00"),
    Example("over Easter", "2026-04-02T17:10:00+01:00", "2026-04-05T17:10:00+01:00"),
)


def questions(filing: Filing) -> tuple[Question, ...]:
    """About your report, the breach, consequences, cyber, staff and measures, about you."""
    return (
        *_about_report(filing),
        *_about_breach(filing),
        *_about_data(filing),
        *_consequences(filing),
        *_cyber(filing),
        *_measures(filing),
        *_about_you(filing),
    )


def _about_report(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("About your report").ask, filing.written
    following = facts.stage is not ReportStage.INITIAL
    stage = {"initial": "initial report", "follow_up": "follow-up report"}.get(
        facts.stage.value, "final report"
    )
    why = filing.decision.report_to_ico.reasons if filing.decision else ""
    return (
        ask("stage", "Is this an initial or a follow-up report?", stage, must=True),
        ask("case_reference", "ICO case reference", facts.case_reference, must=following),
        ask("why_reporting", "Reason for the report", why),
    )


def _about_breach(filing: Filing) -> tuple[Question, ...]:
    ask, facts, breach = Asker("About the breach").ask, filing.written, filing.breach
    occurred = filing.when(breach.occurred_from)
    if breach.occurred_to:
        occurred = f"from {occurred or 'not yet known'} to {filing.when(breach.occurred_to)}"
    discovered = filing.when(breach.discovered_at or breach.detected_at)
    return (
        ask("what_happened", "What happened", facts.what_happened, must=True, article="33(3)(a)"),
        ask("cyber", "Was it caused by a cyber incident?", yes_or_no(facts.cyber), must=True),
        ask("how_found", "How did you find out?", facts.how_found, must=True),
        ask("detected_at", "When was it detected?", filing.when(breach.detected_at)),
        ask("discovered_at", "When did you discover it?", discovered),
        ask("occurred", "When did it happen?", occurred or "not yet known"),
        ask(
            "aware_at", "When did you become aware of it?", filing.when(breach.aware_at), must=True
        ),
        ask(
            "delay_reasons",
            f"If later than {filing.limit}: why the delay?",
            facts.delay_reasons,
            must=filing.late,
            article="33(1)",
        ),
    )


def _about_data(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("About the breach: data and people").ask, filing.written
    categories = facts.record_categories or _categories(filing)
    return (
        ask("record_categories", "Categories of personal data", list_of(categories), must=True,
            article="33(3)(a)"),
        ask("records", "Number of personal data records concerned", quantity(facts.records),
            must=True, article="33(3)(a)"),
        ask("people", "How many people could be affected?", quantity(facts.people), must=True,
            article="33(3)(a)"),
        ask("people_categories", "Categories of people", list_of(facts.people_categories),
            must=True, article="33(3)(a)"),
        ask("measures_before", "Measures in place before the breach", facts.measures_before,
            must=True),
    )  # fmt: skip


def _categories(filing: Filing) -> tuple[str, ...]:
    found = {c.value for exposure in filing.exposures for c in exposure.categories}
    return tuple(sorted(found))


def _consequences(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("Potential consequences").ask, filing.written
    return (
        ask("consequences", "Likely consequences for the people", facts.consequences, must=True,
            article="33(3)(c)"),
        ask("actual_harm", "Has there been any actual harm?", facts.actual_harm),
        ask("likelihood", "Likelihood of significant consequences", facts.likelihood, must=True),
        ask("high_risk", "Is a high risk to people likely?", facts.high_risk, must=True),
    )  # fmt: skip


def _cyber(filing: Filing) -> tuple[Question, ...]:
    if filing.written.cyber is not True:
        return ()
    ask, decision = Asker("Cyber incidents only").ask, filing.decision
    return (ask("risk_facts", "What was affected, and how", decision.risk if decision else ""),)


def _measures(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("Staff, measures and taking action").ask, filing.written
    done = [c.text for c in filing.case.containment if c.done_at]
    owed = [f"{o.what}: {o.who}, by {filing.when(o.by)}" for o in facts.not_yet_known]
    return (
        ask("training", "Data protection training in the last two years", facts.training),
        ask("actions", "What have you done to contain it?", list_of(done)),
        ask("measures_after", "Measures taken or proposed, with dates", facts.measures_after,
            must=True, article="33(3)(d)"),
        ask("people_told", "Have you told the people affected?",
            "\n".join(filter(None, (facts.people_told, filing.notices))), must=True),
        ask("other_bodies", "Have you told other organisations?", facts.other_bodies),
        ask("not_yet_known", "What is not yet known, who owes it, by when", list_of(owed),
            article="33(4)"),
    )  # fmt: skip


def _about_you(filing: Filing) -> tuple[Question, ...]:
    ask, us = Asker("About you").ask, filing.profile
    contact = ", ".join(filter(None, (us.contact_name, us.contact_email, us.contact_phone)))
    return (
        ask("organisation", "Organisation", us.legal_name, must=True),
        ask("organisation_address", "Address", us.registered_address, must=True),
        ask("registration", "ICO registration number", us.ico_registration, must=True),
        ask("contact", "Data protection officer or contact point", contact, must=True,
            article="33(3)(b)"),
    )  # fmt: skip


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
