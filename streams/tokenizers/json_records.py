"""Read values of a JSON record by dotted names, and put them into ECS fields by tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, SourceLine
from streams.tokenizers import addresses, device_stamps, directory_names, json_lines, web_access

TextTable = Iterable[tuple[str, tuple[str, ...]]]
"""Fields, and the dotted names whose first text they get."""


class RecordNames(NamedTuple):
    """Dotted names under which a format gives what each of its acts has, the likeliest first."""

    texts: TextTable
    person: tuple[str, ...]
    clients: tuple[str, ...]
    stamps: tuple[str, ...]
    acts: tuple[str, ...]
    """Where the vendor's id of the act is."""


def read_record(text: str) -> Mapping[str, Value] | None:
    """Return the object, which other parsers share: do not change it; None: it is none."""
    if not json_lines.is_object_start(text):
        return None
    try:
        return json_lines.read_shared_object(text)
    except UnparseableRecord:
        return None


def get_text(record: Mapping[str, Value], *names: str) -> str:
    """Return the first of these values that is a text or a number; empty: none is."""
    for name in names:
        text = json_lines.to_word(json_lines.get_nested(record, name))
        if text:
            return text
    return ""


def put_texts(
    fields: dict[str, Value],
    record: Mapping[str, Value],
    table: TextTable,
) -> None:
    """Set each field of the table to the first of its names that the record has."""
    for field, names in table:
        text = get_text(record, *names)
        if text:
            fields[field] = text


def build_event(
    fields: dict[str, Value], record: Mapping[str, Value], line: SourceLine, names: RecordNames
) -> ParsedEvent:
    """Complete the fields of an act by what each act of the format has."""
    put_texts(fields, record, names.texts)
    directory_names.put_person(fields, get_text(record, *names.person))
    put_client(fields, [get_text(record, name) for name in names.clients])
    stamp = get_text(record, *names.stamps)
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, fields, id=get_text(record, *names.acts) or None)


def put_client(fields: dict[str, Value], texts: Iterable[str]) -> None:
    """Set the source to the first public address, else to the first that is no loopback."""
    ends = [addresses.parse_endpoint(text) for text in texts]
    known = [(end.ip, end.port) for end in ends if end.ip is not None]
    if known:
        ip, port = min(
            known, key=lambda end: (not addresses.is_public(end[0]), web_access.is_loopback(end[0]))
        )
        addresses.put_endpoint(fields, "source", ip, port)
