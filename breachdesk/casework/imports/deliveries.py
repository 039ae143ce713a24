"""Read a delivery: everything that one folder or one address holds of a customer register at one
time, as sheets or as JSON of a vendor's API, on one page or on several.

A delivery that is damaged or incomplete raises BadInput before anything is read from it: a part of
the customers must never be taken for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from breachdesk.casework.imports.column_preset import ColumnPreset
from breachdesk.casework.imports.column_presets import CUSTOMER_PRESETS, VENDORS, choose_preset
from breachdesk.casework.imports.csv_sheet import (
    LARGEST,
    MOST_ROWS,
    SEPARATORS,
    CsvSheet,
    decode_sheet,
    normalise_heading,
    parse_sheet,
)
from breachdesk.casework.imports.json_records import find_list, read_value
from breachdesk.casework.imports.vendor_profile import RecordKind, RecordShape, VendorProfile
from schemas.errors import BadInput


@dataclass(frozen=True, slots=True)
class DeliveredPart:
    """One file, or one page of an answer."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, by meaning. A meaning that its list has no key for is absent."""

    place: str
    line: int
    values: Mapping[str, str] = field(repr=False)

    def get(self, meaning: str) -> str:
        return self.values.get(meaning, "")


@dataclass(frozen=True, slots=True)
class RecordList:
    """All records of one shape."""

    shape: RecordShape
    records: Sequence[Record] = field(repr=False)
    meanings: frozenset[str]
    """Meanings that some record has a key for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered. `sheet` and `lists` exclude each other."""

    vendor: VendorProfile | None
    preset: ColumnPreset | None = None
    sheet: CsvSheet | None = None
    lists: Sequence[RecordList] = ()
    used: tuple[str, ...] = ()
    """Columns or keys that were read."""
    ignored: tuple[str, ...] = ()
    """Top-level columns or keys that were not."""


def read_delivery(parts: Sequence[DeliveredPart], vendor_id: str = "auto") -> Delivery:
    """Read the parts of one delivery. Raises BadInput where there is none, where one is damaged,
    where they are not of one vendor, and where records are missing."""
    filled = [part for part in parts if part.content.strip()]
    if not filled or len(filled) < len(parts):
        name = next((part.name for part in parts if part not in filled), "the delivery")
        raise BadInput("it is empty", place=name, remedy="Export it again; nothing was changed.")
    if sum(len(part.content) for part in parts) > LARGEST:
        raise BadInput(f"the delivery is larger than {LARGEST >> 20} MiB", remedy="Split it.")
    documents = [_parse_json(part) for part in filled if _is_json(part)]
    if not documents:
        return _read_sheet(filled, vendor_id)
    if len(documents) < len(filled):
        raise BadInput(
            "sheets and JSON are mixed", place=filled[0].name, remedy="Deliver one kind of file."
        )
    return _read_documents(documents, [part.name for part in filled], vendor_id)


def is_known_vendor(vendor_id: str) -> bool:
    """Whether deliveries can be read as this vendor's."""
    return vendor_id in ("auto", "plain", *VENDORS)


def _is_json(part: DeliveredPart) -> bool:
    return part.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _parse_json(part: DeliveredPart) -> Any:
    try:
        return json.loads(part.content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadInput(
            "the JSON is damaged or cut off",
            place=part.name,
            remedy="Export it again; nothing was changed.",
        ) from None


def _read_sheet(parts: Sequence[DeliveredPart], vendor_id: str) -> Delivery:
    if len(parts) > 1:
        raise BadInput(
            "there are several sheets",
            place=", ".join(part.name for part in parts),
            remedy="Deliver one sheet with all customers.",
        )
    part = parts[0]
    text = decode_sheet(part.content, part.name)
    sheet = parse_sheet(text, part.name)
    _refuse_cut_row(text, sheet)
    preset = choose_preset(CUSTOMER_PRESETS, vendor_id, sheet.header, sheet.file)
    known = {normalise_heading(n): n for names in preset.columns.values() for n in names}
    return Delivery(
        VENDORS.get(preset.id),
        preset=preset,
        sheet=sheet,
        used=tuple(known[name] for name in sheet.header if name in known),
        ignored=tuple(name for name in sheet.header if name and name not in known),
    )


def _refuse_cut_row(text: str, sheet: CsvSheet) -> None:
    """Refuse a sheet whose last row breaks off: it has no line end and fewer cells than the
    header."""
    last = text.rpartition("\n")[2]
    if not last or len(sheet.header) < 2:
        return
    separators = max(last.count(sign) for sign in SEPARATORS)
    if separators < len(sheet.header) - 1:
        raise BadInput(
            "its last row is cut off",
            place=f"{sheet.file}, line {sheet.rows[-1].line if sheet.rows else 1}",
            remedy="Export it again; nothing was changed.",
        )


def _read_documents(documents: Sequence[Any], names: Sequence[str], vendor_id: str) -> Delivery:
    vendors = [v for v in VENDORS.values() if vendor_id in ("auto", v.id)]
    fitting = [v for v in vendors if all(_choose_shape(v, each) for each in documents)]
    if len(fitting) != 1:
        raise BadInput(
            "no vendor's records that are understood"
            if not fitting
            else f"records of several vendors: {', '.join(v.id for v in fitting)}",
            place=", ".join(names),
            remedy=f"Name the vendor: {', '.join(VENDORS)}.",
        )
    vendor = fitting[0]
    lists: dict[RecordKind, list[tuple[str, RecordShape, Sequence[Any], Any]]] = {}
    for name, document in zip(names, documents, strict=True):
        shape = _choose_shape(vendor, document)
        assert shape is not None
        records = find_list(document, shape.envelope) or ()
        lists.setdefault(shape.kind, []).append((name, shape, records, document))
    for pages in lists.values():
        _check_complete(vendor, pages)
    if RecordKind.CUSTOMERS not in lists:
        raise BadInput(
            f"there are no customers of {vendor.title} in it",
            place=", ".join(names),
            remedy="Deliver the list of customers too.",
        )
    used = {path for pages in lists.values() for _, shape, _, _ in pages for path in _paths(shape)}
    keys = {key for pages in lists.values() for _, _, records, _ in pages for key in _keys(records)}
    return Delivery(
        vendor,
        lists=[_build_list(pages) for pages in lists.values()],
        used=tuple(sorted(path for path in used if _first_key(path) in keys)),
        ignored=tuple(sorted(keys - {_first_key(path) for path in used})),
    )


def _choose_shape(vendor: VendorProfile, document: object) -> RecordShape | None:
    for shape in vendor.shapes:
        records = find_list(document, shape.envelope)
        if records is None or not all(isinstance(record, Mapping) for record in records):
            continue
        if not records and shape.envelope:
            return shape
        if records and shape.signs <= _keys(records):
            return shape
    return None


def _check_complete(
    vendor: VendorProfile, pages: Sequence[tuple[str, RecordShape, Sequence[Any], Any]]
) -> None:
    count = sum(len(records) for _, _, records, _ in pages)
    place = ", ".join(name for name, _, _, _ in pages)
    if not count:
        raise BadInput("the list is empty", place=place, remedy="Export it again.")
    if count > MOST_ROWS:
        raise BadInput(f"more than {MOST_ROWS:,} records", place=place, remedy="Split it.")
    totals = [read_value(document, vendor.pages.total) for _, _, _, document in pages]
    total = max((int(total) for total in totals if total.isdigit()), default=count)
    linked = [
        name
        for name, _, _, document in pages[-1:]
        if vendor.pages.next_link and read_value(document, vendor.pages.next_link)
    ]
    if count < total or linked:
        raise BadInput(
            f"only {count} of {total} records" if count < total else "a page is missing",
            place=place,
            remedy="Deliver all pages; nothing was changed.",
        )


def _build_list(pages: Sequence[tuple[str, RecordShape, Sequence[Any], Any]]) -> RecordList:
    shape = pages[0][1]
    keys = {key for _, _, records, _ in pages for key in _keys(records)}
    meanings = frozenset(
        meaning
        for meaning, paths in shape.columns.items()
        if any(_first_key(path) in keys for path in paths)
    )
    built = [
        Record(
            name,
            number,
            {meaning: _read_meaning(record, shape.columns[meaning]) for meaning in meanings},
        )
        for name, _, records, _ in pages
        for number, record in enumerate(records, 1)
    ]
    return RecordList(shape, built, meanings)


def _read_meaning(record: object, paths: Sequence[str]) -> str:
    return next((text for path in paths if (text := read_value(record, path))), "")


def _keys(records: Sequence[Mapping[str, object]]) -> set[str]:
    return {str(key) for record in records for key in record}


def _paths(shape: RecordShape) -> set[str]:
    return {path for paths in shape.columns.values() for path in paths}


def _first_key(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
