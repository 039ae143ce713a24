"""Split one record of comma-separated values (RFC 4180): quotes, doubled quotes, and line breaks
and delimiters inside quotes."""

from __future__ import annotations

from collections.abc import Sequence


def split_fields(text: str, delimiter: str = ",") -> list[str]:
    """Split the record. A quote that is never closed ends with the record; text behind a closing
    quote belongs to the field."""
    if '"' not in text:
        return text.split(delimiter)
    fields: list[str] = []
    at, end = 0, len(text)
    while at <= end:
        field, at = _read_field(text, at, delimiter)
        fields.append(field)
    return fields


def _read_field(text: str, at: int, delimiter: str) -> tuple[str, int]:
    """Return the field, and where the next one begins (beyond the end: there is none)."""
    begin = at
    while begin < len(text) and text[begin] == " " and begin - at < 8:
        begin += 1
    if not text.startswith('"', begin):
        stop = text.find(delimiter, at)
        stop = len(text) if stop < 0 else stop
        return text[at:stop], stop + len(delimiter)
    parts: list[str] = []
    at = begin + 1
    while True:
        quote = text.find('"', at)
        if quote < 0:
            return "".join((*parts, text[at:])), len(text) + 1
        parts.append(text[at:quote])
        at = quote + 1
        if not text.startswith('"', at):
            break
        parts.append('"')
        at += 1
    stop = text.find(delimiter, at)
    stop = len(text) if stop < 0 else stop
    return "".join((*parts, text[at:stop].rstrip())), stop + len(delimiter)


def is_open(text: str) -> bool:
    """Whether a quote is not closed: the record continues in the next line."""
    return text.count('"') % 2 == 1


def join_columns(header: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """Join column names and fields; missing fields are left out."""
    return dict(zip(header, fields, strict=False))
