"""Check one row: every fault is recorded with its line and column, and none stops the others."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from breachdesk.casework.imports.column_preset import ColumnPreset
from breachdesk.casework.imports.csv_sheet import SheetRow, normalise_heading
from schemas.addresses import REMEDY, find_address_problem
from schemas.customer import MOST_HOURS, RowProblem
from schemas.text_signs import find_name_problem

_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %b %Y", "%Y-%m-%d %H:%M:%S")

NAME_REMEDY = "Type the name again, in one line, without `=?`."


class CheckedRow:
    """Cells by meaning, and what is wrong with them."""

    def __init__(self, row: SheetRow, preset: ColumnPreset, width: int) -> None:
        self.line = row.line
        self.problems: list[RowProblem] = []
        self._row = row
        self._columns = {
            meaning: next((name for name in names if normalise_heading(name) in row.cells), "")
            for meaning, names in preset.columns.items()
        }
        if row.width > width:
            self.add_fault("", f"{row.width} cells under {width} columns", "Quote what has commas.")

    def has(self, meaning: str) -> bool:
        """Whether the file has such a column."""
        return bool(self._columns.get(meaning))

    def get_text(self, meaning: str) -> str:
        """Return the cell's text; empty where there is no such column."""
        return self._row.cells.get(normalise_heading(self._columns.get(meaning, "")), "")

    def get_name(self, meaning: str) -> str:
        """Return the text; an invalid name (`schemas.text_signs.find_name_problem`) is a fault and
        returns no text."""
        text = self.get_text(meaning)
        why = find_name_problem(text)
        if why:
            self.add_fault(meaning, why, NAME_REMEDY)
        return "" if why else text

    def get_address(self, meaning: str) -> str:
        """Return the text; anything but one mail address, or nothing, is a fault."""
        text = self.get_text(meaning)
        why = find_address_problem(text) if text else None
        if why:
            self.add_fault(meaning, f"is not one mail address: it {why}", REMEDY)
        return text

    def require_text(self, meaning: str, remedy: str) -> str:
        """Return the text; its absence is a fault."""
        text = self.get_text(meaning)
        if not text:
            self.add_fault(meaning, "is empty", remedy)
        return text

    def parse_date(self, meaning: str) -> datetime | None:
        """Parse midnight UTC of the day, as ISO or day first; a time of day is taken as UTC."""
        text = self.get_text(meaning)
        if not text:
            return None
        for form in _DATES:
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        self.add_fault(
            meaning, "is not a date", "Write it as 2026-11-22, or day first: 22/11/2026."
        )
        return None

    def parse_hours(self, meaning: str) -> int | None:
        """Parse a whole number of hours. None: the cell is empty."""
        text = self.get_text(meaning)
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_HOURS:
            self.add_fault(
                meaning, "is no number of hours", f"Write 1 to {MOST_HOURS:,}, or nothing."
            )
            return None
        return int(text)

    def parse_bool(self, meaning: str) -> bool:
        """Parse `yes` or `no`; empty is no."""
        text = self.get_text(meaning).casefold()
        if text not in ("yes", "no", ""):
            self.add_fault(meaning, "is neither yes nor no", "Write yes or no.")
        return text == "yes"

    def parse_span(self) -> tuple[datetime | None, datetime | None]:
        """Parse `start` and `end`; an end that is not after its start is a fault."""
        start, end = self.parse_date("start"), self.parse_date("end")
        if start and end and end <= start:
            self.add_fault("end", "is not after the start", "Correct one of the two dates.")
        return start, end

    def add_fault(self, meaning: str, problem: str, remedy: str) -> None:
        """Add the fault once; the row will be refused."""
        column = self._columns.get(meaning) or meaning or "the whole row"
        fault = RowProblem(line=self.line, column=column, problem=problem, remedy=remedy)
        if fault not in self.problems:
            self.problems.append(fault)


def to_slug(name: str) -> str:
    """Convert a name like `Pike & Sons Ltd` to `pike-sons-ltd`."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
