"""Compute which regulators are told of an exposure, for each exposure and never merged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from breachdesk.gdpr.jurisdiction import Jurisdiction, load_jurisdictions
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.decision import Decision, NotificationBasis


@dataclass(frozen=True, slots=True)
class ReportScope:
    """One report to a regulator: what counts in it, and whether it is owed."""

    jurisdiction: Jurisdiction
    exposures: tuple[Exposure, ...]
    owed: bool | None
    """None: nobody has decided it yet."""


def list_applicable(
    reported_to: Iterable[str] = (), decision: Decision | None = None
) -> tuple[Jurisdiction, ...]:
    """List jurisdictions that apply to an installation, by id: those that always apply, those that
    its settings name, and those that the decision considered."""
    named = {*reported_to, *(decision.report if decision else ())}
    return tuple(j for j in load_jurisdictions().values() if j.applies_always or j.id in named)


def list_presumed(reported_to: Iterable[str] = ()) -> tuple[Jurisdiction, ...]:
    """List jurisdictions whose report is owed until a frozen list shows that nothing falls under
    it."""
    return tuple(j for j in list_applicable(reported_to) if j.presumed)


def list_scopes(
    decision: Decision | None,
    exposures: Iterable[Exposure],
    *,
    groups: bool = False,
    reported_to: Iterable[str] = (),
) -> tuple[ReportScope, ...]:
    """List the reports that these exposures bring, none of them empty. `groups`: people who are not
    customers are affected too."""
    applicable = list_applicable(reported_to, decision)
    yes = answered_yes(decision)
    counted: dict[str, list[Exposure]] = {j.id: [] for j in applicable}
    for exposure in exposures:
        for jurisdiction in select_covering(exposure, applicable, yes):
            counted[jurisdiction.id].append(exposure)
    return tuple(
        ReportScope(j, tuple(counted[j.id]), _is_owed(j, decision))
        for j in applicable
        if counted[j.id] or (groups and j.covers_groups)
    )


def select_covering(
    exposure: Exposure, jurisdictions: Sequence[Jurisdiction], yes: Collection[str]
) -> tuple[Jurisdiction, ...]:
    """Select the jurisdictions whose report counts an exposure. `yes`: ids of those whose question
    is answered with yes; it settles what the register leaves open."""
    if exposure.certainty is Certainty.EXCLUDED:
        return ()
    covering = [j for j in jurisdictions if is_covered(exposure, j, yes)]
    replaced = {id_ for j in covering for id_ in j.replaces}
    return tuple(j for j in covering if j.id not in replaced)


def is_covered(exposure: Exposure, jurisdiction: Jurisdiction, yes: Collection[str]) -> bool:
    """Whether an exposure falls under the rule, whatever replaces the rule's report."""
    covered = jurisdiction.covers(exposure)
    return jurisdiction.id in yes if covered is None else covered


def answered_yes(decision: Decision | None) -> frozenset[str]:
    """Return the ids of the jurisdictions whose question the decision answers with yes."""
    if decision is None:
        return frozenset()
    return frozenset(id_ for id_, answer in decision.report.items() if answer.yes)


def find_communication(
    exposure: Exposure, jurisdictions: Sequence[Jurisdiction], yes: Collection[str]
) -> NotificationBasis | None:
    """Find the rule on notifying people that replaces Art. 34 for an exposure. None: Art. 34
    applies."""
    if exposure.certainty is Certainty.EXCLUDED:
        return None
    rules = (j.communication for j in jurisdictions if is_covered(exposure, j, yes))
    return next((rule for rule in rules if rule is not None), None)


def _is_owed(jurisdiction: Jurisdiction, decision: Decision | None) -> bool | None:
    if jurisdiction.whatever_the_risk:
        return True
    answer = decision.report_answer(jurisdiction.id) if decision else None
    return answer.yes if answer is not None and answer.asked else None
