"""Rendered letters, kept for minutes: somebody who leafs through thousands renders them once.

What is approved is never taken from here: the seal is computed anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from breachdesk.casework import notify
from breachdesk.casework.letters import Letters
from breachdesk.console.case_file import CaseFile
from breachdesk.console.house import House
from breachdesk.ports import UnitOfWork

KEEP = timedelta(minutes=10)
Key = tuple[object, ...]


class LetterShelf:
    """The newest letters of one breach at a time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: tuple[Key, datetime, Letters] | None = None

    def read(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> Letters:
        """The letters of the newest documents. Raises what casework's `letters` raises."""
        key, kept = _key(uow, file), self._kept
        if kept is not None and kept[0] == key and timedelta() <= now - kept[1] < KEEP:
            return kept[2]
        house, breach = self._house, file.known_breach()
        made = notify.letters(uow, breach.id, house.settings, house.renderer)
        self._kept = (key, now, made)
        return made


def _key(uow: UnitOfWork, file: CaseFile) -> Key:
    """Changes with everything a letter is made of but the templates."""
    version = file.facts.version if file.facts else 0
    return (
        file.case.breach_id,
        file.breach.version if file.breach else None,
        file.manifest.hash if file.manifest else None,
        file.decision.hash if file.decision else None,
        version,
        # What left before decides which number a letter bears and which one it replaces.
        tuple((row.id, row.status) for row in file.rows if row.version < version),
        sum(task.done_at is not None for task in file.case.tasks),
        len(file.submissions),
        uow.customers.version(),
    )
