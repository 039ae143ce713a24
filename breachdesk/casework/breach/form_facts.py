"""Gather from a breach's documents what one regulator's form is answered from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.affected.notified_people import NotifiedPeople, ReachStatus, compute_told
from breachdesk.casework.release.reader_facts import select_facts
from breachdesk.gdpr import roles
from breachdesk.gdpr.filing import NotifiedCount, ReportFiling
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.regulators import answered_yes, list_applicable, list_scopes
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure
from schemas.casework.affected_group import AffectedGroup, NotificationMeans
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.list_outline import ListOutline
from schemas.casework.report import ReportFacts, Submission
from schemas.settings import Settings

_BY_MEANS = {
    NotificationMeans.EMAIL: "by_other_means",
    NotificationMeans.POST: "by_post",
    NotificationMeans.TELEPHONE: "by_telephone",
    NotificationMeans.IN_PERSON: "in_person",
    NotificationMeans.PUBLIC_NOTICE: "by_other_means",
    NotificationMeans.OTHER: "by_other_means",
}


def build_filing(
    uow: UnitOfWork, breach_id: str, plugin: Jurisdiction, settings: Settings, now: datetime
) -> ReportFiling:
    """Build the filing. Reads only. Raises NotFound."""
    book, breach = uow.breaches, uow.breaches.get(breach_id)
    manifest, decision = (
        book.find_latest(ListOutline, breach_id),
        book.find_latest(Decision, breach_id),
    )
    notice_facts = book.find_latest(NoticeFacts, breach_id)
    every = roles.select_reached(manifest.exposures) if manifest else ()
    own = select_own(decision, every, plugin, uow.law.reported_to)
    groups = list_groups(uow, breach, plugin)
    return ReportFiling(
        breach=breach,
        case=uow.cases.get(breach.case_id),
        profile=settings.profile,
        form=plugin.get_form(uow.law, now),
        facts=find_facts(uow, breach_id, plugin.id),
        decision=decision,
        exposures=own,
        due=plugin.compute_deadline(uow.law, breach.aware_at).due,
        limit=plugin.get_law(uow.law, breach.aware_at).period or "the limit",
        now=now,
        submissions=[
            s for s in book.list_versions(Submission, breach_id) if s.jurisdiction == plugin.id
        ],
        notified=add_groups(count_told(compute_told(uow, breach, manifest, own)), groups),
        groups=groups,
        notice_text=_join_notice_texts(notice_facts, own) if notice_facts else "",
        whole=manifest is not None and (len(own) == len(every) or not any(map(_is_dated, every))),
        delay_reasons=_find_delay_reasons(breach),
    )


def find_facts(uow: UnitOfWork, breach_id: str, jurisdiction: str) -> ReportFacts | None:
    """Find the newest answers to this form. Answers of an earlier release apply to whichever form
    was filed."""
    versions = uow.breaches.list_versions(ReportFacts, breach_id)
    return next((f for f in reversed(versions) if f.jurisdiction in (jurisdiction, None)), None)


def select_own(
    decision: Decision | None,
    exposures: Sequence[Exposure],
    plugin: Jurisdiction,
    reported_to: Iterable[str] = (),
) -> Sequence[Exposure]:
    """Select what this report counts, without what a report that replaces it counts."""
    scopes = list_scopes(decision, exposures, reported_to=(*reported_to, plugin.id))
    return next((s.exposures for s in scopes if s.jurisdiction.id == plugin.id), ())


def explain_other_form(filing: ReportFiling, plugin: Jurisdiction) -> str | None:
    """Explain why this report is not the one to file. None: it is."""
    if filing.exposures or filing.groups or filing.decision is None:
        return None
    yes = answered_yes(filing.decision)
    replacing = [j for j in list_applicable(decision=filing.decision) if plugin.id in j.replaces]
    rule = next((j.words.rule for j in replacing if j.id in yes), None)
    if rule is not None:
        return (
            f"everything that we are controller of falls under {rule}: its report replaces this one"
        )
    if plugin.whatever_the_risk and plugin.id not in yes:
        rule = plugin.words.rule
        return f"nothing on the list falls under {rule}, and it is not decided as a {rule} breach"
    return None


def count_told(people: NotifiedPeople) -> NotifiedCount:
    """Count notified people, without names."""
    return NotifiedCount(
        people=people.people,
        by_letter=people.count(ReachStatus.BY_LETTER),
        by_telephone=people.count(ReachStatus.BY_TELEPHONE),
        in_person=people.count(ReachStatus.IN_PERSON),
        by_post=people.count(ReachStatus.BY_POST),
        unknown=people.count(ReachStatus.UNKNOWN),
        waiting=people.count(ReachStatus.WAITING),
        returned=people.count(ReachStatus.RETURNED),
        not_reached=people.count(ReachStatus.NOT_REACHED),
        not_begun=people.count(ReachStatus.NOT_BEGUN),
    )


def list_groups(uow: UnitOfWork, breach: Breach, plugin: Jurisdiction) -> tuple[AffectedGroup, ...]:
    """List people who are not customers, where they count in this report."""
    return list_affected(uow, breach.case_id) if plugin.covers_groups else ()


def add_groups(count: NotifiedCount, groups: Iterable[AffectedGroup]) -> NotifiedCount:
    """Add the people of these groups, as far as their number is known. Where everybody of a group
    was notified, its number is how many were."""
    for group in groups:
        number = group.told if group.told_at else max(group.people.value or 0, group.told)
        count = replace(count, people=count.people + number)
        for telling in group.tellings:
            name = _BY_MEANS[telling.means]
            count = replace(count, **{name: getattr(count, name) + telling.people})
        remaining = 0 if group.told_at else max(number - group.told, 0)
        name = "decided_not" if group.not_told else "not_begun"
        count = replace(count, **{name: getattr(count, name) + remaining})
        if group.people.value is None and group.ended_at is None:
            count = replace(count, unnumbered=count.unnumbered + 1)
    return count


def _is_dated(exposure: Exposure) -> bool:
    """Whether the exposure's own evidence or an alert gives it times."""
    return exposure.first is not None or exposure.alerted_at is not None


def _find_delay_reasons(breach: Breach) -> str:
    """Find the newest reasons given when awareness was moved."""
    reasons = [a.delay_reasons for a in breach.awareness if a.delay_reasons]
    return reasons[-1] if reasons else ""


def _join_notice_texts(facts: NoticeFacts, exposures: Iterable[Exposure]) -> str:
    """Join what the readers of these exposures are told, each text once, without texts for
    others."""
    own = [select_facts(facts, exposure).own for exposure in exposures]
    parts = ((w.what_happened or "", *w.consequences, *w.measures, *w.steps) for w in own)
    texts = dict.fromkeys(text.strip() for part in parts for text in part)
    return "\n".join(filter(None, (facts.what_happened, *texts))) if own else ""
