"""Split documents that hold several acts, as services deliver them: one record for each act.

A page of Microsoft Graph (`value`), Azure's and AWS's files (`records`, `Records`), Google's lists
(`items`) and plain arrays become their elements. A CloudWatch subscription (`logEvents`), a Google
activity and a call of Bitdefender's push service with several events become as many documents with
one event each, since the event alone does not say whose it is. All parts are bytes as received. What
stands before the document, such as a syslog header, stands before each part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson

from streams.intake.splitting.json_documents import DocumentSplitter
from streams.intake.splitting.record_buffer import FramedRecord

_ENDS = b"}]"
_KEYS = rb'"(?:Records|records|value|items|logEvents|events)"\s*+:\s*+\['
_ARRAY = re.compile(_KEYS)
_PAGE = re.compile(
    rb'\{\s*+(?:"(?:@odata\.[\w.]{1,64}|count|etag|has_more|kind|next|next_cursor|nextLink|nextPageToken)"'
    rb'\s*+:\s*+(?:"[^"\\]*+"|[a-z]++|[0-9]++)\s*+,\s*+)*+"(?:Records|records|value|items)"\s*+:\s*+\['
)
"""The beginning of a page, up to its elements."""
_EVENTS = re.compile(rb'"(?:logEvents|events)"\s*+:\s*+\[')
_LIST = re.compile(rb"\s*+\[\s*+\{")
_PLAIN = ("Records", "records", "value", "items")
"""Arrays whose elements say everything themselves."""
_PAGING = frozenset(
    ("count", "etag", "has_more", "kind", "next", "next_cursor", "nextLink", "nextPageToken")
)
"""What may stand beside them; Graph's names begin with `@odata.`."""
_LONGEST_HEADER = 1024
_MOST_LEVELS = 3
_MOST_TRIED = 16
"""Places that may be the array's."""
_MOST_GROWTH = 8
"""How much longer than the document its parts may be together, since each repeats what stands
around the array."""
_FREE_GROWTH = 64 * 1024


class _Array(NamedTuple):
    """Where a document holds its acts."""

    path: tuple[str, ...]
    elements: list[Any]
    is_plain: bool
    """Its elements need nothing of what stands around."""


def split_acts(records: Iterable[FramedRecord]) -> list[FramedRecord]:
    """Split each record that is a document of several acts; pieces of over-long ones stay."""
    parts: list[FramedRecord] = []
    for record in records:
        raw = record.raw
        # Most lines end otherwise, and cost no more than this.
        if raw[-1:] in _ENDS and not record.piece and _may_hold_several(raw):
            parts += map(FramedRecord, split_document(raw))
        else:
            parts.append(record)
    return parts


def split_document(raw: bytes) -> list[bytes]:
    """Return the parts of a document of several acts, or the record itself."""
    return _split(raw, _MOST_LEVELS)


def _may_hold_several(raw: bytes) -> bool:
    if raw.endswith(b"]"):
        return _LIST.match(raw) is not None
    begin = 0 if raw.startswith(b"{") else raw.find(b"{")
    if begin < 0:
        return False
    # One literal and the beginning cost less than a search for all names.
    return _PAGE.match(raw, begin) is not None or (
        b'vents"' in raw and _EVENTS.search(raw, begin) is not None
    )


def _split(raw: bytes, levels: int) -> list[bytes]:
    if levels == 0 or not _may_hold_several(raw):
        return [raw]
    parts = _split_list(raw) if raw.endswith(b"]") else _split_object(raw)
    if parts is None:
        return [raw]
    return [inner for part in parts for inner in _split(part, levels - 1)]


def _split_list(raw: bytes) -> list[bytes] | None:
    """Split a line that is an array of objects."""
    elements = _read(raw)
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        return None
    parts = _cut_elements(raw, len(elements))
    return None if parts is None else parts[0]


def _split_object(raw: bytes) -> list[bytes] | None:
    begin = raw.find(b"{")
    document = _read(raw[begin:]) if begin <= _LONGEST_HEADER else None
    if not isinstance(document, dict):
        return None
    array = _find_array(document)
    if array is None or len(array.elements) < (1 if array.is_plain else 2):
        return None
    for match in islice(_ARRAY.finditer(raw, begin), _MOST_TRIED):
        at = match.end() - 1
        cut = _cut_elements(raw[at:], len(array.elements))
        if cut is not None and _is_array_there(raw[begin:at], cut[1], document, array):
            return _build_parts(raw, begin, at, cut, is_plain=array.is_plain)
    return None


def _read(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


def _find_array(document: Mapping[str, Any]) -> _Array | None:
    """Find the array of acts of a document whose shape is known."""
    for name in _PLAIN:
        others = document.keys() - {name}
        if name in document and all(key in _PAGING or key.startswith("@odata.") for key in others):
            return _build_array((name,), document[name], is_plain=True)
    if "logEvents" in document and "logGroup" in document:
        return _build_array(("logEvents",), document["logEvents"], is_plain=False)
    if "events" in document and "actor" in document and "id" in document:
        return _build_array(("events",), document["events"], is_plain=False)
    params = document.get("params")
    if "jsonrpc" in document and isinstance(params, dict) and "events" in params:
        return _build_array(("params", "events"), params["events"], is_plain=False)
    return None


def _build_array(path: tuple[str, ...], elements: Any, *, is_plain: bool) -> _Array | None:
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        return None
    return _Array(path, elements, is_plain)


def _cut_elements(raw: bytes, count: int) -> tuple[list[bytes], bytes] | None:
    """Cut the array at the beginning of these bytes into so many elements; returns them and what
    follows it."""
    records, rest = DocumentSplitter(0, 0, elements=True).feed(raw)
    if rest is None or len(records) != count:
        return None
    return [record.raw for record in records], rest


def _is_array_there(head: bytes, rest: bytes, document: Mapping[str, Any], array: _Array) -> bool:
    """Whether the array between these bytes is the one that was read."""
    emptied = _read(head + b"[]" + rest)
    if not isinstance(emptied, dict) or emptied.keys() != document.keys():
        return False
    within: Any = emptied
    for name in array.path:
        within = within.get(name) if isinstance(within, dict) else None
    return isinstance(within, list) and not within


def _build_parts(
    raw: bytes, begin: int, at: int, cut: tuple[list[bytes], bytes], *, is_plain: bool
) -> list[bytes] | None:
    elements, rest = cut
    head, tail = (raw[:begin], b"") if is_plain else (raw[: at + 1], b"]" + rest)
    if (len(head) + len(tail)) * len(elements) > _MOST_GROWTH * len(raw) + _FREE_GROWTH:
        return None
    return [head + element + tail for element in elements]
