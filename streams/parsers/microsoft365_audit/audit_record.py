"""Read one record of the Microsoft 365 unified audit log, in the shapes it is shipped: the JSON of
the Management Activity API, or a row of the audit search's CSV export with that JSON in a
column."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import json_lines

_CELL = re.compile(r'(?:^|,)"(\{""[^"]*(?:""[^"]*)*)"(?=\s*(?:,|\Z))')
_OPENS = '"{""'

_ROW = re.compile(
    r'(?:"?[\w-]{0,64}"?,)?"?[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9][0-9T:.Z APM+-]{0,40}"?,', re.ASCII
)
_HEADER = re.compile(r'"?[A-Za-z]+"?(?:,"?[A-Za-z]+"?)*')
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
    """Whether it is a CSV row with an audit record in a cell; it begins with a date or an id and a
    date, which excludes other lines into which a stranger typed such a cell."""
    opens = text.find(_OPENS) >= 0 and _ROW.match(text) is not None
    return opens and '""Operation""' in text and '""CreationTime""' in text


def is_header(text: str) -> bool:
    """Whether it is `RecordId,CreationDate,…,AuditData,…`, or PowerShell's `#TYPE` line."""
    if text.startswith("#TYPE Selected."):
        return True
    if len(text) > 1000 or "AuditData" not in text or not _HEADER.fullmatch(text):
        return False
    return {name.strip('"') for name in text.split(",")} >= {"AuditData", "CreationDate"}


def read_record(text: str) -> dict[str, Value]:
    """Read the record. Raises UnparseableRecord."""
    if text.lstrip().startswith("{"):
        return json_lines.read_object(text)
    cell = _CELL.search(text)
    if cell is None:
        raise UnparseableRecord(
            "no audit record: neither JSON nor a CSV row with an AuditData column",
            remedy="Export with the AuditData column, one record a row.",
        )
    return json_lines.read_object(cell[1].replace('""', '"'))


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
