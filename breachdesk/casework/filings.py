"""What one regulator's form is answered from, gathered from the documents of a breach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from breachdesk.casework.groups import affected_groups
from breachdesk.casework.own_facts import own_facts
from breachdesk.casework.people_told import PeopleTold, Reached, told_of
from breachdesk.gdpr import roles
from breachdesk.gdpr.filing import Filing, ToldCount
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure
from schemas.affected_group import AffectedGroup, TellingMeans
from schemas.breach import Breach
from schemas.decision import Decision
from schemas.letter_facts import NoticeFacts
from schemas.list_outline import ListOutline
from schemas.obligation import ObligationKind
from schemas.report import ReportFacts, Submission
from schemas.settings import Settings

_BY_MEANS = {
    TellingMeans.EMAIL: "by_other_means",
    TellingMeans.POST: "by_post",
    TellingMeans.TELEPHONE: "by_telephone",
    TellingMeans.IN_PERSON: "in_person",
    TellingMeans.PUBLIC_NOTICE: "by_other_means",
    TellingMeans.OTHER: "by_other_means",
}


def filing_of(
    uow: UnitOfWork, breach_id: str, plugin: Jurisdiction, settings: Settings, now: datetime
) -> Filing:
    """Reads only. Raises NotFound."""
    book, breach = uow.breaches, uow.breaches.get(breach_id)
    manifest, decision = book.latest(ListOutline, breach_id), book.latest(Decision, breach_id)
    said = book.latest(NoticeFacts, breach_id)
    every = roles.reached(manifest.exposures) if manifest else ()
    own = is_own(decision, every, plugin)
    groups = groups_of(uow, breach, plugin)
    return Filing(
        breach=breach,
        case=uow.cases.get(breach.case_id),
        profile=settings.profile,
        form=plugin.form_at(uow.law, now),
        facts=facts_for(uow, breach_id, plugin.id),
        decision=decision,
        exposures=own,
        due=plugin.deadline(uow.law, breach.aware_at).due,
        limit=plugin.law_at(uow.law, breach.aware_at).period or "the limit",
        now=now,
        submissions=[s for s in book.all(Submission, breach_id) if s.jurisdiction == plugin.id],
        told=with_groups(counted(told_of(uow, breach, manifest, own)), groups),
        groups=groups,
        notice_text=_notice_text(said, own) if said else "",
        whole=manifest is not None and (len(own) == len(every) or not any(map(_is_dated, every))),
        delay_reasons=_delay_reasons(breach),
    )


def facts_for(uow: UnitOfWork, breach_id: str, jurisdiction: str) -> ReportFacts | None:
    """The newest answers to this form. Those of an earlier release answer whichever was filed."""
    written = uow.breaches.all(ReportFacts, breach_id)
    return next((f for f in reversed(written) if f.jurisdiction in (jurisdiction, None)), None)


def is_own(
    decision: Decision | None, exposures: Sequence[Exposure], plugin: Jurisdiction
) -> Sequence[Exposure]:
    """What this report counts; an exposure stands in one report, never in two."""
    tracks = roles.regulator_tracks(decision, exposures)
    return next((t.exposures for t in tracks if t.track is plugin.track), ())


def not_this_form(filing: Filing, plugin: Jurisdiction) -> str | None:
    """Why this report is not the one to file; None: it is."""
    if filing.exposures or filing.groups or filing.decision is None:
        return None
    by_pecr = filing.decision.pecr.yes
    if by_pecr and plugin.duty is ObligationKind.ICO_ART33:
        return "everything that we are controller of falls under PECR: its report replaces this one"
    if not by_pecr and plugin.duty is ObligationKind.ICO_PECR:
        return "nothing on the list falls under PECR, and it is not decided as a PECR breach"
    return None


def counted(told: PeopleTold) -> ToldCount:
    """Numbers only."""
    return ToldCount(
        people=told.people,
        by_letter=told.count(Reached.BY_LETTER),
        by_telephone=told.count(Reached.BY_TELEPHONE),
        in_person=told.count(Reached.IN_PERSON),
        by_post=told.count(Reached.BY_POST),
        unknown=told.count(Reached.UNKNOWN),
        waiting=told.count(Reached.WAITING),
        returned=told.count(Reached.RETURNED),
        not_reached=told.count(Reached.NOT_REACHED),
        not_begun=told.count(Reached.NOT_BEGUN),
    )


def groups_of(uow: UnitOfWork, breach: Breach, plugin: Jurisdiction) -> tuple[AffectedGroup, ...]:
    """People who are no customers: they count in the report under Art. 33."""
    if plugin.duty is not ObligationKind.ICO_ART33:
        return ()
    return affected_groups(uow, breach.case_id)


def with_groups(told: ToldCount, groups: Iterable[AffectedGroup]) -> ToldCount:
    """With the people of these groups, as far as their number is known. Where everybody of a group
    is told, as many as were told are its number."""
    for group in groups:
        number = group.told if group.told_at else max(group.people.value or 0, group.told)
        told = replace(told, people=told.people + number)
        for telling in group.tellings:
            name = _BY_MEANS[telling.means]
            told = replace(told, **{name: getattr(told, name) + telling.people})
        left = 0 if group.told_at else max(number - group.told, 0)
        name = "decided_not" if group.not_told else "not_begun"
        told = replace(told, **{name: getattr(told, name) + left})
        if group.people.value is None and group.ended_at is None:
            told = replace(told, unnumbered=told.unnumbered + 1)
    return told


def _is_dated(exposure: Exposure) -> bool:
    """Does evidence of its own give it times, or an alert name it?"""
    return exposure.first is not None or exposure.alerted_at is not None


def _delay_reasons(breach: Breach) -> str:
    """The newest that somebody gave when awareness was moved."""
    given = [a.delay_reasons for a in breach.awareness if a.delay_reasons]
    return given[-1] if given else ""


def _notice_text(facts: NoticeFacts, exposures: Iterable[Exposure]) -> str:
    """What the readers of these exposures are told, each text once, and nobody else's words."""
    own = [own_facts(facts, exposure).own for exposure in exposures]
    parts = ((w.what_happened or "", *w.consequences, *w.measures, *w.steps) for w in own)
    texts = dict.fromkeys(text.strip() for part in parts for text in part)
    return "\n".join(filter(None, (facts.what_happened, *texts))) if own else ""
