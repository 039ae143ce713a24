"""Read one record of the Microsoft 365 unified audit log, in the shapes it is shipped: the JSON of
the Management Activity API, or a row of the audit search's CSV export with that JSON in a
column."""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import csv_lines, json_lines

_CELL = re.compile(r'"\s*\{\s*""')
"""How a cell with an object begins: its quotes are doubled (RFC 4180)."""
_QUOTED = r'"[^"]*+(?:""[^"]*+)*+"'
_ROWS = {
    delimiter: re.compile(
        rf"(?:{_QUOTED}|[^\"{delimiter}]*+)(?:{delimiter}(?:{_QUOTED}|[^\"{delimiter}]*+))*+\s*+"
    )
    for delimiter in (",", ";", "\t")
}
"""Rows in which every quote begins, ends or is doubled inside a cell."""
_DATED_ROW = re.compile(
    r'(?:"?[\w-]{0,64}"?,)?"?[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{2,4}[T ][0-9T:.Z APM+-]{0,40}"?,'
    r'(?:[^",]{0,300},|"[^"]{0,300}",)*+"\{""',
    re.ASCII,
)
"""How a row of the portal's export begins, also where it was cut off."""
_LINE_BREAK = re.compile(r"[\r\n]+")
_HEADER = re.compile(r'"?[A-Za-z]++"?(?:[,;\t]"?[A-Za-z]++"?)*+')
_OPTION = re.compile(r"(?<!\S)-([A-Za-z]++) ")
_BARE = re.compile(r"[^\s-]\S*+")
_OPERATION = re.compile(r'"Operation"\s*:')
_CREATED = re.compile(r'"CreationTime"\s*:')


def is_json_record(text: str) -> bool:
    """Whether it is a record of the Office 365 Management Activity API, and not one wrapped in
    ECS."""
    return (
        json_lines.is_object_start(text)
        and _OPERATION.search(text) is not None
        and _CREATED.search(text) is not None
        and not json_lines.is_ecs(text)
    )


def is_row(text: str) -> bool:
    """Whether it is a CSV row with an audit record in a cell, in whatever column. Another cell must
    repeat a value of the record, which excludes lines into which a stranger typed such a cell."""
    if '""Operation""' not in text or '""CreationTime""' not in text:
        return False
    return _read_row(text) is not None or _DATED_ROW.match(text) is not None


def is_header(text: str) -> bool:
    """Whether it is `RecordId,CreationDate,…,AuditData,…` in any order, or PowerShell's `#TYPE`
    line."""
    if text.startswith("#TYPE "):
        return len(text) < 200 and text[6:].replace(".", "").replace(" ", "").isalnum()
    if len(text) > 1000 or "AuditData" not in text or not _HEADER.fullmatch(text):
        return False
    names = {name.strip('"') for name in re.split(r"[,;\t]", text)}
    return "AuditData" in names and not names.isdisjoint(_BESIDE)


_BESIDE = frozenset({"CreationDate", "Operation", "Operations", "UserIds", "UserId", "RecordType"})
_REPEATED = ("Operation", "UserId", "Id", "CreationTime", "RecordType", "Workload")


@lru_cache(maxsize=2)
def _read_row(text: str) -> dict[str, Value] | None:
    """Read the record in one of a row's cells; None: no cell holds one that the others confirm."""
    if _CELL.search(text) is None:
        return None
    for delimiter, row in _ROWS.items():
        if row.fullmatch(text) is None:
            continue
        cells = csv_lines.split_fields(text, delimiter)
        record = _find_record(cells)
        if record is not None and (len(cells) == 1 or _is_confirmed(record, cells)):
            return record
    return None


def _find_record(cells: list[str]) -> dict[str, Value] | None:
    for cell in cells:
        if cell.lstrip().startswith("{") and _OPERATION.search(cell) and _CREATED.search(cell):
            try:
                return json_lines.read_object(_LINE_BREAK.sub(" ", cell))
            except UnparseableRecord:
                return None
    return None


def _is_confirmed(record: dict[str, Value], cells: list[str]) -> bool:
    values = {json_lines.to_word(record.get(name)).casefold() for name in _REPEATED} - {""}
    stamp = json_lines.to_word(record.get("CreationTime"))
    return any(
        cell.casefold() in values or (len(stamp) >= 19 and cell.startswith(stamp[:19]))
        for cell in cells
        if len(cell) < 300
    )


def read_record(text: str) -> dict[str, Value]:
    """Read the record. Raises UnparseableRecord."""
    if text.lstrip().startswith("{"):
        return dict(json_lines.unwrap(json_lines.read_object(text), "office365"))
    record = _read_row(text)
    if record is None:
        raise UnparseableRecord(
            "no audit record: neither JSON nor a CSV row with an AuditData column",
            remedy="Export with the AuditData column, one record a row.",
        )
    return dict(record)


def _parse_options(command: str) -> dict[str, Value]:
    """Parse `-Name "x" -To ("a","b") -Force True` to the value of each name, without quotes and
    brackets."""
    options: dict[str, Value] = {}
    last_quote, last_bracket, at = command.rfind('"'), command.rfind(")"), 0
    while (option := _OPTION.search(command, at)) is not None:
        begin = at = option.end()
        bare = _BARE.match(command, begin)
        if bare is None:
            continue
        if bare[0][0] == '"' and begin < last_quote:
            at = command.index('"', begin + 1) + 1
            option_value = command[begin + 1 : at - 1]
        elif bare[0][0] == "(" and begin < last_bracket:
            at = command.index(")", begin) + 1
            option_value = command[begin + 1 : at - 1].replace('"', "")
        else:
            option_value, at = bare[0], bare.end()
        options.setdefault(option[1], option_value)
    return options


def parse_named_values(value: Value) -> dict[str, Value]:
    """Parse `[{"Name": …, "Value": …}]`, as Parameters and ExtendedProperties are written, or the
    words of a command (`-Name "x" -Force "True"`); the first of a name wins."""
    values: dict[str, Value] = {}
    if isinstance(value, str) and value.startswith("-"):
        values = _parse_options(value)
    for item in json_lines.to_mappings(value):
        name = json_lines.to_word(item.get("Name"))
        if name:
            values.setdefault(name, item.get("Value"))
    return values
