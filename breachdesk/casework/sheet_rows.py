"""One row while it is checked: every fault is noted with its line and column, none stops the rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from breachdesk.casework.csv_sheet import Row, heading
from breachdesk.casework.presets import Preset
from schemas.addresses import REMEDY, address_problem
from schemas.customer import MOST_HOURS, RowProblem
from schemas.signs import name_problem

_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %b %Y", "%Y-%m-%d %H:%M:%S")

NAME_REMEDY = "Type the name again, in one line, without `=?`."


class Checked:
    """Cells by meaning, and what is wrong with them."""

    def __init__(self, row: Row, preset: Preset, width: int) -> None:
        self.line = row.line
        self.problems: list[RowProblem] = []
        self._row = row
        self._columns = {
            meaning: next((name for name in names if heading(name) in row.cells), "")
            for meaning, names in preset.columns.items()
        }
        if row.width > width:
            self.fault("", f"{row.width} cells under {width} columns", "Quote what has commas.")

    def has(self, meaning: str) -> bool:
        """Does the file have such a column?"""
        return bool(self._columns.get(meaning))

    def text(self, meaning: str) -> str:
        """Empty where there is no such column."""
        return self._row.cells.get(heading(self._columns.get(meaning, "")), "")

    def name(self, meaning: str) -> str:
        """The text; where it cannot be a name (`schemas.signs.name_problem`), a fault and no text."""
        found = self.text(meaning)
        why = name_problem(found)
        if why:
            self.fault(meaning, why, NAME_REMEDY)
        return "" if why else found

    def address(self, meaning: str) -> str:
        """The text; a fault where it is something, but not one mail address."""
        found = self.text(meaning)
        why = address_problem(found) if found else None
        if why:
            self.fault(meaning, f"is not one mail address: it {why}", REMEDY)
        return found

    def needed(self, meaning: str, remedy: str) -> str:
        """The text; its absence is a fault."""
        found = self.text(meaning)
        if not found:
            self.fault(meaning, "is empty", remedy)
        return found

    def date(self, meaning: str) -> datetime | None:
        """Midnight UTC of the day, as ISO or day first; a time of day is taken as UTC."""
        found = self.text(meaning)
        if not found:
            return None
        for form in _DATES:
            try:
                return datetime.strptime(found, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        self.fault(meaning, "is not a date", "Write it as 2026-11-22, or day first: 22/11/2026.")
        return None

    def hours(self, meaning: str) -> int | None:
        """A whole number of hours; empty: none is known."""
        found = self.text(meaning)
        if not found:
            return None
        if not found.isascii() or not found.isdigit() or not 1 <= int(found[:9]) <= MOST_HOURS:
            self.fault(meaning, "is no number of hours", f"Write 1 to {MOST_HOURS:,}, or nothing.")
            return None
        return int(found)

    def yes(self, meaning: str) -> bool:
        """`yes` or `no`; empty is no."""
        found = self.text(meaning).casefold()
        if found not in ("yes", "no", ""):
            self.fault(meaning, "is neither yes nor no", "Write yes or no.")
        return found == "yes"

    def span(self) -> tuple[datetime | None, datetime | None]:
        """`start` and `end`; an end that is not after its start is a fault."""
        start, end = self.date("start"), self.date("end")
        if start and end and end <= start:
            self.fault("end", "is not after the start", "Correct one of the two dates.")
        return start, end

    def fault(self, meaning: str, problem: str, remedy: str) -> None:
        """Note it, once; the row will be refused."""
        column = self._columns.get(meaning) or meaning or "the whole row"
        fault = RowProblem(line=self.line, column=column, problem=problem, remedy=remedy)
        if fault not in self.problems:
            self.problems.append(fault)


def slug(name: str) -> str:
    """`Pike & Sons Ltd` → `pike-sons-ltd`."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
