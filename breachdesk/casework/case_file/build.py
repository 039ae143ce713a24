"""The whole file of one case, or one section of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.authority import require
from breachdesk.casework.case_file.affected_part import affected
from breachdesk.casework.case_file.around import measures, others, reports
from breachdesk.casework.case_file.decided import decisions, memo, releases
from breachdesk.casework.case_file.happened import summary, timeline
from breachdesk.casework.case_file.proof import acts, chain_end, integrity
from breachdesk.casework.case_file.reading import Reading
from breachdesk.casework.case_file.told_part import told, words_sent
from breachdesk.casework.sealing import digest
from breachdesk.ports import UnitOfWork
from schemas.case import Case
from schemas.case_file import FileSection, PrintedCase
from schemas.errors import NotFound
from schemas.settings import Settings
from schemas.user import Actor, Duty

SECTIONS: Mapping[str, tuple[str, Callable[[Reading], FileSection | None]]] = {
    "brief": ("In brief", summary),
    "timeline": ("In the order of time", timeline),
    "decided": ("Decisions", decisions),
    "memo": ("Decision memo", memo),
    "affected": ("Who was affected", affected),
    "measures": ("What was done", measures),
    "told": ("What was sent", told),
    "releases": ("Releases and waivers", releases),
    "reports": ("Reports", reports),
    "others": ("Others", others),
    "letters": ("Letters", words_sent),
    "acts": ("Recorded acts", acts),
    "trust": ("Can it be trusted?", integrity),
}
"""By the name that an address holds: how a list of sections calls it, and how it is made."""
ON_SCREEN: Mapping[str, Callable[[Reading], FileSection | None]] = {"trust": chain_end}
"""Made otherwise where one section is read alone: to verify the chain reads the whole of it."""
LETTERS_ON_SCREEN = 10


@dataclass(frozen=True)
class ReadSection:
    """One section of a file, to be read on a screen."""

    case: Case
    title: str
    """Of the case."""
    prepared: str
    section: FileSection | None
    """None: this case has nothing of the kind."""


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
    sections = [make(reading) for _, make in SECTIONS.values()]
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


def read_section(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    name: str,
    settings: Settings,
    now: datetime,
    *,
    named: bool = True,
) -> ReadSection:
    """One of SECTIONS, as it stands in the file. Raises NotFound for another name."""
    require(actor, *Duty, act="print a case file")
    if name not in SECTIONS:
        raise NotFound(
            f"the case file has no section {name}", remedy="Choose one from its list of sections."
        )
    make = ON_SCREEN.get(name, SECTIONS[name][1])
    case = uow.cases.get(case_id)
    reading = Reading(uow, case, settings, now, named, most_letters=LETTERS_ON_SCREEN)
    return ReadSection(case, reading.shown(case.title), reading.when(now), make(reading))


def fingerprint(printed: PrintedCase) -> str:
    """SHA-256 of the canonical JSON of every field but `hash`."""
    return digest(printed.model_dump(mode="json", exclude={"hash"}))
