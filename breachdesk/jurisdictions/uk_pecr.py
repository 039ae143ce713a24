"""PECR regulation 5A to the ICO: Annex I of assimilated Regulation 611/2013, in its order.

Every breach of a public electronic communications service is reported, whatever the risk. This
report replaces the UK GDPR one for the breach; both are never filed.
"""

from __future__ import annotations

from breachdesk.gdpr.filing import Asker, Filing, list_of, quantity
from breachdesk.gdpr.jurisdiction import Example, Jurisdiction
from breachdesk.gdpr.roles import Track
from schemas.obligation import ObligationKind
from schemas.report import Question, ReportStage

EXAMPLES = (
    Example("before August 2025", "2025-08-19T12:00:00+01:00", "2025-08-20T12:00:00+01:00"),
    Example("since August 2025", "2025-08-20T12:00:00+01:00", "2025-08-23T12:00:00+01:00"),
    Example("over the October change", "2026-10-23T09:05:00+01:00", "2026-10-26T08:05:00+00:00"),
)


def questions(filing: Filing) -> tuple[Question, ...]:
    """Annex I: section 1, then section 2, then the reasons for a delay (reg. 5A(3A))."""
    return (*_provider(filing), *_incident(filing), *_effects(filing), *_telling(filing))


def _provider(filing: Filing) -> tuple[Question, ...]:
    ask, us = Asker("Section 1: identification of the provider").ask, filing.profile
    facts = filing.written
    contact = ", ".join(filter(None, (us.contact_name, us.contact_email, us.contact_phone)))
    first = facts.stage is ReportStage.INITIAL
    return (
        ask("provider", "1. Name of the provider", us.legal_name, must=True),
        ask("contact", "2. Data protection officer or other contact point", contact, must=True),
        ask("stage", "3. First or second notification", "first" if first else "second", must=True),
    )


def _incident(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("Section 1: initial information on the breach").ask, filing.written
    breach = filing.breach
    when = f"{filing.when(breach.occurred_from) or 'estimate not yet possible'}; detected "
    when += filing.when(breach.detected_at or breach.aware_at)
    data = list_of(facts.record_categories or _categories(filing))
    before = facts.measures_before
    return (
        ask("occurred", "4. Date and time of the incident and of its detection", when, must=True),
        ask(
            "circumstances", "5. Circumstances (loss, theft, copying …)", facts.how_found, must=True
        ),
        ask("data", "6. Nature and content of the personal data", data, must=True),
        ask(
            "measures_before", "7. Technical and organisational measures applied", before, must=True
        ),
        ask(
            "others", "8. Relevant use of other providers", filing.case.third_party or "none known"
        ),
    )


def _categories(filing: Filing) -> tuple[str, ...]:
    return tuple(sorted({c.value for e in filing.exposures for c in e.categories}))


def _effects(filing: Filing) -> tuple[Question, ...]:
    ask, facts = Asker("Section 2: further information on the breach").ask, filing.written
    harm = "\n".join(filter(None, (facts.consequences, facts.actual_harm)))
    return (
        ask("summary", "9. Summary of the incident, with place and storage media",
            facts.what_happened, must=True),
        ask("people", "10. Number of subscribers or individuals", quantity(facts.people), must=True),
        ask("consequences", "11. Potential consequences and adverse effects", harm, must=True),
        ask("measures_after", "12. Measures taken to mitigate them", facts.measures_after,
            must=True),
    )  # fmt: skip


def _telling(filing: Filing) -> tuple[Question, ...]:
    ask, facts = (
        Asker("Section 2: telling subscribers, and cross-border issues").ask,
        filing.written,
    )
    owed = [f"{o.what}: {o.who}, by {filing.when(o.by)}" for o in facts.not_yet_known]
    return (
        ask("notice", "13. Content of the notification to subscribers", filing.notice_text),
        ask("means", "14. Means of communication", "e-mail; telephone where mail is not safe"),
        ask("told", "15. Number of subscribers or individuals notified",
            "\n".join(filter(None, (facts.people_told, filing.notices)))),
        ask("member_states", "16. Subscribers or individuals in other states", "not yet known"),
        ask("other_bodies", "17. Notification of other authorities", facts.other_bodies),
        ask("delay_reasons", "Reasons for a delay beyond the limit", facts.delay_reasons,
            must=filing.late, article="5A(3A)"),
        ask("not_yet_known", "What follows in phases, who owes it, by when", list_of(owed)),
    )  # fmt: skip


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
