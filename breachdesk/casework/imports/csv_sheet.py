"""Read a spreadsheet saved as CSV: detects its encoding and separator, and numbers its rows.

Faults of the whole file raise BadInput before anything is read from it, so that nothing changes."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from schemas.errors import BadInput

LARGEST = 50 * 1024 * 1024
MOST_ROWS = 100_000
MOST_CELLS = 2_000_000
"""In memory a row of empty cells is a hundred times as large as in the file."""
WORKBOOK = b"PK\x03\x04"
"""How .xlsx and .ods begin (ZIP, APPNOTE 4.3.7)."""
SEPARATORS = ",;\t"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """Cells by header name as `heading` spells it, stripped."""

    line: int
    """Where the row begins in the file, from 1."""
    cells: Mapping[str, str] = field(repr=False)
    width: int
    """Up to its last cell that is not empty."""


@dataclass(frozen=True, slots=True)
class CsvSheet:
    """The rows of a whole file."""

    file: str
    header: tuple[str, ...]
    rows: tuple[SheetRow, ...] = field(repr=False)


def read_sheet(path: Path) -> CsvSheet:
    """Read comma, semicolon or tab; UTF-8 (with or without a mark), UTF-16 or Windows-1252.

    Raises BadInput for an unreadable, empty, too large or undecodable file and a broken quote."""
    return parse_sheet(decode_sheet(_read(path), path.name), path.name)


def parse_sheet(text: str, file: str) -> CsvSheet:
    """Parse a sheet's text. Raises BadInput for an empty or too large one and a broken quote."""
    if max(map(text.count, SEPARATORS)) > 4 * MOST_CELLS:
        raise _build_limit_error(file)
    lines = _iterate_lines(text, file)
    first = next(lines, None)
    if first is None:
        raise BadInput("the file is empty", place=file, remedy="Export it again.")
    header = tuple(normalise_heading(name) for name in first[1])
    return CsvSheet(file, header, tuple(_build_rows(header, lines, file)))


def _build_rows(
    header: Sequence[str], lines: Iterator[tuple[int, Sequence[str]]], file: str
) -> list[SheetRow]:
    rows: list[SheetRow] = []
    cells_in_all = len(header)
    for line, cells in lines:
        cells_in_all += max(len(header), len(cells))
        if len(rows) >= MOST_ROWS or cells_in_all > MOST_CELLS:
            raise _build_limit_error(f"{file}, line {line}")
        rows.append(_build_row(header, line, cells))
    return rows


def _build_limit_error(place: str) -> BadInput:
    return BadInput(
        f"the file goes on after {MOST_ROWS:,} rows or {MOST_CELLS:,} cells",
        place=place,
        remedy="Split it, and leave out columns that are not needed.",
    )


@lru_cache(maxsize=1024)
def normalise_heading(name: str) -> str:
    """Normalise column names for comparison: `*Contact_Name [required]` → `contactname`."""
    plain = re.sub(r"\[[^\]]*\]", "", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


def _build_row(header: Sequence[str], line: int, cells: Sequence[str]) -> SheetRow:
    """Build a row; missing cells at its end are empty, and empty ones after the last column are
    ignored."""
    padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
    width = max((place for place, cell in enumerate(padded, 1) if cell), default=0)
    cells_by_name = {name: cell for name, cell in zip(header, padded, strict=False) if name}
    return SheetRow(line, cells_by_name, width)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise BadInput(
            f"the file cannot be read ({wrong.strerror})",
            place=path.name,
            remedy="Check the path and who may read it.",
        ) from wrong


def decode_sheet(raw: bytes, file: str) -> str:
    """Decode a sheet's bytes. Raises BadInput for a workbook, and what is too large or no text."""
    if len(raw) > LARGEST:
        raise BadInput(
            f"the file is larger than {LARGEST >> 20} MiB", place=file, remedy="Split it."
        )
    if raw.startswith(WORKBOOK):
        raise BadInput(
            "the file is a workbook, not CSV",
            place=file,
            remedy="Open it and save the sheet as CSV UTF-8.",
        )
    encoding = next((name for bom, name in _BOMS if raw.startswith(bom)), "")
    if not encoding and b"\x00" in raw[:200]:
        encoding = "utf-16-le" if raw[1:2] == b"\x00" else "utf-16-be"
    for candidate in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            text = raw.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise BadInput(
        "the file is no text in UTF-8, UTF-16 or Windows-1252",
        place=file,
        remedy="Save it as CSV UTF-8 and import it again.",
    )


def _iterate_lines(text: str, file: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Iterate over (line, cells) of every row that is not blank."""
    start, separator = 0, ""
    marked = re.match(r"sep=([,;\t])\r?\n", text)
    if marked is not None:
        start, separator, text = 1, marked[1], text[marked.end() :]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator or _detect_separator(text), strict=True
    )
    while True:
        line = start + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as wrong:
            raise BadInput(
                f"the row cannot be read as CSV ({wrong})",
                place=f"{file}, line {line}",
                remedy="Look for a quotation mark that is never closed.",
            ) from wrong
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _detect_separator(text: str) -> str:
    """Detect the most frequent separator in the first row, outside quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)
