"""Read the law: the shipped files, overridden by the operator's corrected copies.

A file of the operator's `law` folder replaces an entry with all its versions, by its id. A faulty
entry replaces nothing: the shipped one applies, and `problems` names the file and the fault."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from breachdesk.gdpr.deadlines import add_months
from schemas.errors import CorruptData
from schemas.law import (
    DatedEntry,
    LawAuthority,
    LawBook,
    LawForm,
    LawProblem,
    LawReference,
    Provision,
    ReviewedEntry,
    is_zone,
)

KINDS: Mapping[str, type[ReviewedEntry]] = {
    "provisions": Provision,
    "authorities": LawAuthority,
    "forms": LawForm,
    "references": LawReference,
}
LARGEST = 256 * 1024
"""Bytes of one file; the shipped ones have 13 KiB."""
R = TypeVar("R", bound=ReviewedEntry)


@cache
def load_shipped_law() -> LawBook:
    """Load the law as shipped. Raises CorruptData when a shipped file is broken."""
    return load_law(files("breachdesk") / "law")


def load_law(folder: Traversable) -> LawBook:
    """Load the law of a folder, which must be free of faults. Raises CorruptData, naming the first
    fault."""
    read = _LawReader(None)
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            read.add_file(file.name, file.read_text(encoding="utf-8"))
    book = read.build_book()
    if book.problems:
        first = book.problems[0]
        raise CorruptData(first.problem, place=first.place, remedy="Install BreachDesk again.")
    return book


def read_law(folder: Path) -> LawBook:
    """Read the shipped law, overridden by the operator's `*.toml` files of the folder, which need
    not exist."""
    read = _LawReader(folder.name)
    for file in sorted(folder.glob("*.toml")):
        try:
            read.add_file(file.name, _read_text(file))
        except (OSError, UnicodeDecodeError) as problem:
            read.add_problem(f"{folder.name}/{file.name}", f"cannot be read ({problem})")
    return _merge_books(load_shipped_law(), read.build_book())


def _read_text(file: Path) -> str:
    """Read the file. Raises OSError for what is no file, or too large for one."""
    if not file.is_file():
        raise OSError("it is no file")
    with file.open("rb") as opened:
        raw = opened.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise OSError(f"it is larger than {LARGEST >> 10} KiB")
    return raw.decode("utf-8")


class _LawReader:
    """The entries of one folder, checked; a wrong one is left out and named."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._entries: dict[tuple[str, str], list[ReviewedEntry]] = defaultdict(list)
        self._broken: set[tuple[str, str]] = set()
        self.problems: list[LawProblem] = []

    def add_file(self, name: str, text: str) -> None:
        """Add the entries of one file."""
        place = name if self._folder is None else f"{self._folder}/{name}"
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as problem:
            self.add_problem(place, f"not valid TOML ({problem})")
            return
        zone = tables.pop("zone", "Europe/London")
        if not is_zone(zone):
            self.add_problem(place, f"no time zone {zone!r}")
            return
        for kind, rows in tables.items():
            if kind not in KINDS or not isinstance(rows, list):
                known = ", ".join(f"[[{each}]]" for each in KINDS)
                self.add_problem(place, f"there is no {kind}; there are {known}")
                continue
            for number, row in enumerate(rows, 1):
                self._add_row(kind, row, zone, f"{place}, {kind} {number}")

    def add_problem(self, place: str, problem: str) -> None:
        """Add a problem and its place."""
        self.problems.append(LawProblem(place=place, problem=problem))

    def build_book(self) -> LawBook:
        """Build the book of all entries whose versions are consistent."""
        for (kind, entry_id), versions in self._entries.items():
            fault = _find_fault(versions) or (
                None if self._folder is None else _find_loss(kind, entry_id, versions)
            )
            if fault:
                self._broken.add((kind, entry_id))
                self.add_problem(f"{versions[0].file or kind}, {entry_id}", fault)
        return LawBook(
            **{kind: tuple(self._generate_valid_entries(kind)) for kind in KINDS},
            problems=tuple(self.problems),
        )

    def _add_row(self, kind: str, row: Any, zone: str, place: str) -> None:
        named = str(row.get("id", "")) if isinstance(row, dict) else ""
        place = f"{place} ({named})" if named else place
        file = place.partition(",")[0] if self._folder else None
        try:
            entry = KINDS[kind].model_validate({"zone": zone} | dict(row))
            if entry.file is not None:
                raise ValueError("file: it is no key of yours; it holds the file's own name")
            entry = entry.model_copy(update={"file": file})
        except (ValidationError, TypeError, ValueError) as problem:
            # Its other versions alone would leave a hole in time.
            self._broken.add((kind, named))
            self.add_problem(place, _describe_problem(problem))
            return
        self._entries[kind, entry.id].append(entry)

    def _generate_valid_entries(self, kind: str) -> Iterator[ReviewedEntry]:
        for (of_kind, entry_id), versions in self._entries.items():
            if of_kind == kind and (kind, entry_id) not in self._broken:
                yield from versions


def _merge_books(base: LawBook, above: LawBook) -> LawBook:
    """Merge the books: entries of `above` replace the base's by id, and new ones are added."""
    return LawBook(
        provisions=_merge_entries(base.provisions, above.provisions),
        authorities=_merge_entries(base.authorities, above.authorities),
        forms=_merge_entries(base.forms, above.forms),
        references=_merge_entries(base.references, above.references),
        problems=above.problems,
    )


def _merge_entries(base: Sequence[R], above: Sequence[R]) -> tuple[R, ...]:
    """Merge entries in the order of the base; new ones come last."""
    ids = dict.fromkeys(entry.id for entry in (*base, *above))
    replaced_ids = {entry.id for entry in above}
    return tuple(
        entry
        for each in ids
        for entry in (above if each in replaced_ids else base)
        if entry.id == each
    )


def _find_fault(versions: Sequence[ReviewedEntry]) -> str | None:
    """Find why several versions of one id are inconsistent."""
    dated = sorted((v for v in versions if isinstance(v, DatedEntry)), key=lambda v: v.valid_from)
    if not dated:
        return "the id is given twice" if len(versions) > 1 else None
    for earlier, later in pairwise(dated):
        if earlier.valid_to is None or earlier.valid_to > later.valid_from:
            return f"two versions hold on {later.valid_from:%Y-%m-%d}"
        if earlier.valid_to < later.valid_from:
            return f"no version holds on {earlier.valid_to:%Y-%m-%d}"
    return None


def _find_loss(kind: str, entry_id: str, versions: Sequence[ReviewedEntry]) -> str | None:
    """Find what a correction would remove from the shipped entry, such as a clock that would stop
    unnoticed."""
    every = (
        e for e in load_shipped_law().entries if isinstance(e, KINDS[kind]) and e.id == entry_id
    )
    base = sorted((e for e in every if isinstance(e, DatedEntry)), key=lambda v: v.valid_from)
    own = sorted((v for v in versions if isinstance(v, DatedEntry)), key=lambda v: v.valid_from)
    if not base or not own:
        return None
    if own[0].valid_from > base[0].valid_from:
        return (
            f"the shipped entry holds from {base[0].valid_from:%Y-%m-%d}, yours from "
            f"{own[0].valid_from:%Y-%m-%d}: give the earlier versions too"
        )
    last = own[-1]
    if base[-1].valid_to is None and last.valid_to and last.valid_to <= last.reviewed_on:
        return f"no version holds from {last.valid_to:%Y-%m-%d}, before its own review"
    if all(_get_period(v) for v in base) and not all(_get_period(v) for v in own):
        return "the shipped entry gives a period, and yours gives none: its clock would stop"
    return None


def _get_period(version: DatedEntry) -> str | None:
    return version.period if isinstance(version, Provision) else None


def _describe_problem(problem: Exception) -> str:
    if not isinstance(problem, ValidationError):
        return str(problem) if str(problem).startswith("file:") else "it is no table"
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
        for fault in problem.errors(include_input=False, include_url=False)
    )


def list_overdue(book: LawBook, day: date, months: int) -> tuple[ReviewedEntry, ...]:
    """List entries in force whose review is older than that many months. A review date in the
    future is a mistake and counts as none."""
    return tuple(
        e
        for e in book.list_in_force(day)
        if e.reviewed_on > day or add_months(e.reviewed_on, months) < day
    )


def list_unverified(book: LawBook, day: date) -> tuple[ReviewedEntry, ...]:
    """List entries in force that nobody has compared with a page of the legislator or the
    authority."""
    return tuple(e for e in book.list_in_force(day) if not e.verified)
