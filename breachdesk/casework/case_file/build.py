"""The whole file of one case."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require
from breachdesk.casework.case_file.affected_part import affected
from breachdesk.casework.case_file.around import measures, others, reports
from breachdesk.casework.case_file.decided import decisions, memo, releases
from breachdesk.casework.case_file.happened import summary, timeline
from breachdesk.casework.case_file.proof import acts, integrity
from breachdesk.casework.case_file.reading import Reading
from breachdesk.casework.case_file.told_part import told, words_sent
from breachdesk.casework.sealing import digest
from breachdesk.ports import UnitOfWork
from schemas.case_file import PrintedCase
from schemas.settings import Settings
from schemas.user import Actor, Duty


def print_case(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    settings: Settings,
    now: datetime,
    *,
    named: bool = True,
) -> PrintedCase:
    """What happened, who decided what when and why, what was sent to whom. `named` False leaves out
    the names of customers and of people affected, as far as the register and the lists hold them.
    """
    require(actor, *Duty, act="print a case file")
    reading = Reading(uow, uow.cases.get(case_id), settings, now, named)
    sections = (
        summary(reading),
        timeline(reading),
        decisions(reading),
        memo(reading),
        affected(reading),
        measures(reading),
        told(reading),
        releases(reading),
        reports(reading),
        others(reading),
        words_sent(reading),
        acts(reading),
        integrity(reading),
    )
    case = reading.case
    printed = PrintedCase(
        case_id=case.id,
        breach_id=case.breach_id,
        title=reading.shown(case.title),
        drill=case.drill,
        prepared_at=now,
        prepared=reading.when(now),
        prepared_by=actor.id,
        organisation=settings.profile.legal_name,
        zone=settings.profile.zone,
        named=named,
        sections=tuple(section for section in sections if section is not None),
    )
    return printed.model_copy(update={"hash": fingerprint(printed)})


def fingerprint(printed: PrintedCase) -> str:
    """SHA-256 of the canonical JSON of every field but `hash`."""
    return digest(printed.model_dump(mode="json", exclude={"hash"}))
