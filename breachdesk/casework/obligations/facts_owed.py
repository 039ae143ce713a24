"""Obligations for facts that a submitted report names as not yet known (Art. 33(4)): each is owed
until a later submission no longer names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation, get_provision
from breachdesk.jurisdictions import get_jurisdiction
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.casework.report import NotYetKnown, Submission


@dataclass
class _OwedFact:
    """One fact, over the submissions to one regulator."""

    jurisdiction: str
    first: Submission
    named: NotYetKnown
    answered: Submission | None = None


def build_fact_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligations of every regulator's submissions, in their order."""
    facts: dict[str, _OwedFact] = {}
    for submission in dossier.submissions:
        named = {
            _build_id(submission.jurisdiction, n): n
            for n in _list_not_yet_known(dossier, submission)
        }
        for key, fact in facts.items():
            if fact.jurisdiction == submission.jurisdiction and key not in named:
                fact.answered = fact.answered or submission
        for key, item in named.items():
            known = facts.get(key)
            if known is None or known.answered is not None:
                facts[key] = _OwedFact(submission.jurisdiction, submission, item)
            else:
                known.named = item
    for key, fact in facts.items():
        yield _build_obligation(dossier, key, fact)


def _list_not_yet_known(dossier: BreachDossier, submission: Submission) -> tuple[NotYetKnown, ...]:
    """Return what the submitted report names as not yet known; reports of earlier releases left it
    to their facts."""
    report = submission.report
    filed = next((f for f in dossier.report_facts if f.version == report.version), None)
    if report.owed or filed is None or filed.jurisdiction is not None:
        return report.owed
    return filed.not_yet_known


def _build_id(jurisdiction: str, item: NotYetKnown) -> str:
    """Build an id that is the same whenever the same fact is named."""
    words = " ".join(item.what.casefold().split())
    return f"facts_owed:{jurisdiction}:{hashlib.sha256(words.encode()).hexdigest()[:10]}"


def _build_obligation(dossier: BreachDossier, key: str, fact: _OwedFact) -> Obligation:
    answered = fact.answered
    return build_obligation(
        dossier,
        ObligationKind.FACTS_OWED,
        id=key,
        title=f"Tell the regulator: {fact.named.what}",
        started_at=fact.first.submitted_at,
        due=fact.named.by,
        ended_at=answered.submitted_at if answered else None,
        ended_by=f"submission {answered.number}" if answered else None,
        law=get_provision(dossier, get_jurisdiction(fact.jurisdiction).phases),
        note=f"Submission {fact.first.number} says so. {_capitalise(fact.named.who)} finds it out.",
    )


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
