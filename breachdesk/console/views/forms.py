"""Parse form fields to typed values; business rules are in casework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from breachdesk.console.views.times import TimeFormatter
from schemas.errors import BadInput, EditConflict

Word = TypeVar("Word", bound=StrEnum)


class SubmittedForm(Mapping[str, str]):
    """The fields of one form; repeated ones keep every value. `repr` shows names only."""

    def __init__(self, pairs: list[tuple[str, str]], times: TimeFormatter) -> None:
        self._all: dict[str, list[str]] = {}
        self._exact = dict(pairs)
        for name, value in pairs:
            self._all.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
        self._times = times

    def __getitem__(self, name: str) -> str:
        return self._all[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"Form({', '.join(self._all)})"

    def add_missing(self, others: Mapping[str, str]) -> SubmittedForm:
        """With these fields where it has none of that name."""
        own = ((name, value) for name, values in self._all.items() for value in values)
        return SubmittedForm([*others.items(), *own], self._times)

    def get_text(self, name: str) -> str:
        """The text; empty when the field is absent."""
        return self.get(name, "")

    def get_exact(self, name: str) -> str:
        """As typed, blanks at its ends too: for passwords. Empty when the field is absent."""
        return self._exact.get(name, "")

    def list_values(self, name: str) -> tuple[str, ...]:
        """Every non-empty value of a repeated field."""
        return tuple(value for value in self._all.get(name, ()) if value)

    def list_lines(self, name: str) -> tuple[str, ...]:
        """A text area, one entry a line, empty lines left out."""
        return tuple(line.strip() for line in self.get_text(name).splitlines() if line.strip())

    def is_ticked(self, name: str) -> bool:
        """A checkbox."""
        return bool(self.get_text(name))

    def parse_time(self, name: str, label: str) -> datetime | None:
        """Aware UTC, None when empty. Raises BadInput."""
        return self._times.parse_time(self.get_text(name), label)

    def require_time(self, name: str, label: str) -> datetime:
        """Aware UTC. Raises BadInput when empty too."""
        time = self.parse_time(name, label)
        if time is None:
            raise BadInput("no time is given", place=label, remedy="Type day and hour.")
        return time

    def parse_number(self, name: str, label: str) -> int | None:
        """A whole number, None when empty. Raises BadInput."""
        text = self.get_text(name).replace(",", "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise BadInput("this is not a whole number", place=label, remedy="Type figures only.")
        return int(text)

    def check_seen(self, version: int, place: str) -> None:
        """Raises EditConflict when the form was opened on another version than this one. A form
        without the field `seen` is not checked."""
        seen = self.parse_number("seen", "version")
        if seen is not None and seen != version:
            raise EditConflict(
                "somebody else wrote a new version while this form was open",
                place=place,
                remedy="What you typed is still below. Read the newest version in another window, "
                "then send yours.",
            )

    def require_number(self, name: str, label: str) -> int:
        """A whole number. Raises BadInput when empty too."""
        count = self.parse_number(name, label)
        if count is None:
            raise BadInput("no number is given", place=label, remedy="Type it in figures.")
        return count

    def parse_choice(self, name: str, kind: type[Word], label: str) -> Word:
        """One of the kind's words. Raises BadInput."""
        try:
            return kind(self.get_text(name))
        except ValueError:
            raise BadInput("nothing is chosen", place=label, remedy="Choose one.") from None

    def parse_yes_no(self, name: str, label: str) -> bool:
        """A yes/no question that must be answered. Raises BadInput."""
        if self.get_text(name) not in ("yes", "no"):
            raise BadInput("neither yes nor no is chosen", place=label, remedy="Choose one.")
        return self.get_text(name) == "yes"
