"""One record of the Microsoft 365 unified audit log, in the shapes it is shipped: the JSON of the
Management Activity API, or a row of the audit search's CSV export with that JSON in a column."""

from __future__ import annotations

import re

from schemas.errors import Unparseable
from schemas.event import Value
from streams.tokenizers import json_lines

_CELL = re.compile(r'(?:^|,)"(\{""[^"]*(?:""[^"]*)*)"(?=\s*(?:,|\Z))')
_OPENS = '"{""'


def is_row(text: str) -> bool:
    """A CSV row whose cell is an audit record."""
    at = text.find(_OPENS)
    return at >= 0 and '""Operation""' in text and '""CreationTime""' in text and text[0] != "{"


def is_header(text: str) -> bool:
    """`RecordId,CreationDate,…,AuditData,…`, or PowerShell's `#TYPE` line."""
    if len(text) > 1000:
        return False
    names = {name.strip().strip('"') for name in text.split(",")}
    return names >= {"AuditData", "CreationDate"} or text.startswith("#TYPE Selected.")


def read(text: str) -> dict[str, Value]:
    """The record. Raises Unparseable."""
    if text.lstrip().startswith("{"):
        return json_lines.read_object(text)
    cell = _CELL.search(text)
    if cell is None:
        raise Unparseable(
            "no audit record: neither JSON nor a CSV row with an AuditData column",
            remedy="Export with the AuditData column, one record a row.",
        )
    return json_lines.read_object(cell[1].replace('""', '"'))


def named_values(value: Value) -> dict[str, Value]:
    """`[{"Name": …, "Value": …}]`, as Parameters and ExtendedProperties are written; first wins."""
    found: dict[str, Value] = {}
    for item in json_lines.mappings(value):
        name = json_lines.word(item.get("Name"))
        if name:
            found.setdefault(name, item.get("Value"))
    return found
