"""Read values of a JSON record by dotted names, and put them into ECS fields by tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import addresses, json_lines, web_access


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
    table: Iterable[tuple[str, tuple[str, ...]]],
) -> None:
    """Set each field of the table to the first of its names that the record has."""
    for field, names in table:
        text = get_text(record, *names)
        if text:
            fields[field] = text


def put_client(fields: dict[str, Value], texts: Iterable[str]) -> None:
    """Set the source to the first public address, else to the first that is no loopback."""
    ends = [addresses.parse_endpoint(text) for text in texts]
    known = [(end.ip, end.port) for end in ends if end.ip is not None]
    if known:
        ip, port = min(
            known, key=lambda end: (not addresses.is_public(end[0]), web_access.is_loopback(end[0]))
        )
        addresses.put_endpoint(fields, "source", ip, port)
