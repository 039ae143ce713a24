"""What a person typed, as text, and read as what it should be. Rules of the house are not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from breachdesk.console.times import Times
from schemas.errors import BadInput, Conflict

Word = TypeVar("Word", bound=StrEnum)


class Form(Mapping[str, str]):
    """The fields of one form; repeated ones keep every value. `repr` shows names only."""

    def __init__(self, pairs: list[tuple[str, str]], times: Times) -> None:
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

    def over(self, others: Mapping[str, str]) -> Form:
        """With these fields where it has none of that name."""
        own = ((name, value) for name, values in self._all.items() for value in values)
        return Form([*others.items(), *own], self._times)

    def text(self, name: str) -> str:
        """The text; empty when the field is absent."""
        return self.get(name, "")

    def exact(self, name: str) -> str:
        """As typed, blanks at its ends too: for passwords. Empty when the field is absent."""
        return self._exact.get(name, "")

    def every(self, name: str) -> tuple[str, ...]:
        """Every non-empty value of a repeated field."""
        return tuple(value for value in self._all.get(name, ()) if value)

    def lines(self, name: str) -> tuple[str, ...]:
        """A text area, one entry a line, empty lines left out."""
        return tuple(line.strip() for line in self.text(name).splitlines() if line.strip())

    def ticked(self, name: str) -> bool:
        """A checkbox."""
        return bool(self.text(name))

    def when(self, name: str, label: str) -> datetime | None:
        """Aware UTC, None when empty. Raises BadInput."""
        return self._times.read(self.text(name), label)

    def must_when(self, name: str, label: str) -> datetime:
        """Aware UTC. Raises BadInput when empty too."""
        time = self.when(name, label)
        if time is None:
            raise BadInput("no time is given", place=label, remedy="Type day and hour.")
        return time

    def whole(self, name: str, label: str) -> int | None:
        """A whole number, None when empty. Raises BadInput."""
        text = self.text(name).replace(",", "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise BadInput("this is no whole number", place=label, remedy="Type figures only.")
        return int(text)

    def check_seen(self, version: int, place: str) -> None:
        """Raises Conflict when the form was opened on another version than this one. A form without
        the field `seen` is not checked."""
        seen = self.whole("seen", "version")
        if seen is not None and seen != version:
            raise Conflict(
                "somebody else wrote a new version while this form was open",
                place=place,
                remedy="What you typed is still below. Read the newest version in another window, "
                "then send yours.",
            )

    def must_whole(self, name: str, label: str) -> int:
        """A whole number. Raises BadInput when empty too."""
        count = self.whole(name, label)
        if count is None:
            raise BadInput("no number is given", place=label, remedy="Type it in figures.")
        return count

    def word(self, name: str, kind: type[Word], label: str) -> Word:
        """One of the kind's words. Raises BadInput."""
        try:
            return kind(self.text(name))
        except ValueError:
            raise BadInput("nothing is chosen", place=label, remedy="Choose one.") from None

    def yes(self, name: str, label: str) -> bool:
        """A yes/no question that must be answered. Raises BadInput."""
        if self.text(name) not in ("yes", "no"):
            raise BadInput("neither yes nor no is chosen", place=label, remedy="Choose one.")
        return self.text(name) == "yes"
