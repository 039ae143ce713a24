"""Build the whole file of one case, or one section of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.case_file.affected_part import build_affected_section
from breachdesk.casework.case_file.around import (
    build_measures_section,
    build_other_parties_section,
    build_reports_section,
)
from breachdesk.casework.case_file.decided import (
    build_decisions_section,
    build_memo_section,
    build_releases_section,
)
from breachdesk.casework.case_file.happened import build_summary_section, build_timeline_section
from breachdesk.casework.case_file.proof import (
    build_acts_section,
    build_chain_end_section,
    build_integrity_section,
)
from breachdesk.casework.case_file.reading import CaseSnapshot
from breachdesk.casework.case_file.told_part import build_sent_words_section, build_told_section
from breachdesk.casework.digests import compute_digest
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case
from schemas.casework.case_file import FileSection, PrintedCase
from schemas.errors import NotFound
from schemas.settings import Settings
from schemas.user import Actor, Permission

SECTIONS: Mapping[str, tuple[str, Callable[[CaseSnapshot], FileSection | None]]] = {
    "brief": ("In brief", build_summary_section),
    "timeline": ("In the order of time", build_timeline_section),
    "decided": ("Decisions", build_decisions_section),
    "memo": ("Decision memo", build_memo_section),
    "affected": ("Who was affected", build_affected_section),
    "measures": ("What was done", build_measures_section),
    "told": ("What was sent", build_told_section),
    "releases": ("Releases and waivers", build_releases_section),
    "reports": ("Reports", build_reports_section),
    "others": ("Others", build_other_parties_section),
    "letters": ("Letters", build_sent_words_section),
    "acts": ("Recorded acts", build_acts_section),
    "trust": ("Can it be trusted?", build_integrity_section),
}
"""By the name that an address holds: how a list of sections calls it, and how it is made."""
ON_SCREEN: Mapping[str, Callable[[CaseSnapshot], FileSection | None]] = {
    "trust": build_chain_end_section
}
"""Made otherwise where one section is read alone: to verify the chain reads the whole of it."""
LETTERS_ON_SCREEN = 10


@dataclass(frozen=True)
class DisplayedSection:
    """One section of a file, to be read on a screen."""

    case: Case
    title: str
    """Of the case."""
    prepared: str
    section: FileSection | None
    """None: this case has nothing of the kind."""


def build_case_file(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    settings: Settings,
    now: datetime,
    *,
    named: bool = True,
) -> PrintedCase:
    """Build the file: what happened, who decided what when and why, what was sent to whom. `named`
    False omits the names of customers and of people affected, as far as the register and the lists
    hold them."""
    require_permission(actor, *Permission, act="print a case file")
    reading = CaseSnapshot(uow, uow.cases.get(case_id), settings, now, named)
    sections = [make(reading) for _, make in SECTIONS.values()]
    case = reading.case
    printed = PrintedCase(
        case_id=case.id,
        breach_id=case.breach_id,
        title=reading.redact_text(case.title),
        drill=case.drill,
        prepared_at=now,
        prepared=reading.format_time(now),
        prepared_by=actor.id,
        organisation=settings.profile.legal_name,
        zone=settings.profile.zone,
        named=named,
        sections=tuple(section for section in sections if section is not None),
    )
    return printed.model_copy(update={"hash": compute_fingerprint(printed)})


def read_section(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    name: str,
    settings: Settings,
    now: datetime,
    *,
    named: bool = True,
) -> DisplayedSection:
    """Build one of SECTIONS, as the file shows it. Raises NotFound for another name."""
    require_permission(actor, *Permission, act="print a case file")
    if name not in SECTIONS:
        raise NotFound(
            f"the case file has no section {name}", remedy="Choose one from its list of sections."
        )
    make = ON_SCREEN.get(name, SECTIONS[name][1])
    case = uow.cases.get(case_id)
    reading = CaseSnapshot(uow, case, settings, now, named, most_letters=LETTERS_ON_SCREEN)
    return DisplayedSection(
        case, reading.redact_text(case.title), reading.format_time(now), make(reading)
    )


def compute_fingerprint(printed: PrintedCase) -> str:
    """Compute SHA-256 of the canonical JSON of every field but `hash`."""
    return compute_digest(printed.model_dump(mode="json", exclude={"hash"}))
