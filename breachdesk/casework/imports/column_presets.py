"""Choose the preset of a sheet by its header. Each preset states its source and when it was last
compared; correct a name in the vendor's file when a product renames a column.

People choose the columns of an export, so each meaning lists the names it goes by. Names are
compared as `csv_sheet.normalise_heading` spells them: letters and digits only, in any case. A
product's preset ignores columns it does not know; the plain sheet, which is ours, refuses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from breachdesk.casework.imports.column_preset import CONTRACT, ColumnPreset, build_signs
from breachdesk.casework.imports.csv_sheet import normalise_heading
from breachdesk.casework.imports.vendor_profile import VendorProfile
from schemas.errors import BadInput
from schemas.pipeline.plugin import load_plugins

_REVIEWED = date(2026, 11, 22)

VENDORS: Mapping[str, VendorProfile] = load_plugins("breachdesk.casework.imports.vendors", "VENDOR")
"""By id."""

CUSTOMER_PRESETS: tuple[ColumnPreset, ...] = (
    ColumnPreset(
        id="plain",
        title="Plain sheet",
        columns={
            "id": ("customer id",),
            "name": ("name",),
            "default_email": ("default email",),
            "phone": ("phone",),
            "holder": ("account holder",),
            "officer": ("data protection name", "data protection contact"),
            "officer_email": ("data protection email",),
            "locale": ("locale",),
            "start": ("contract start",),
            "end": ("contract end",),
            **CONTRACT,
        },
        signs=build_signs("customer id|name"),
        source="docs/howto/import-customers.md",
        reviewed=_REVIEWED,
        verified=True,
        strict=True,
    ),
    *(vendor.sheet for vendor in VENDORS.values()),
)

ASSET_PRESETS: tuple[ColumnPreset, ...] = (
    ColumnPreset(
        id="plain",
        title="Plain sheet",
        columns={
            "customer": ("customer id",),
            "kind": ("kind",),
            "value": ("value",),
            "service": ("service", "service preset"),
            "role": ("role",),
            "categories": ("categories",),
            "pecr": ("pecr",),
            "start": ("valid from",),
            "end": ("valid to",),
        },
        signs=build_signs(
            "customer id|kind|value|service", "customer id|kind|value|service preset"
        ),
        source="docs/howto/import-customers.md",
        reviewed=_REVIEWED,
        verified=True,
        strict=True,
        required=("customer", "kind", "value", "service"),
    ),
)


def choose_preset(
    presets: Iterable[ColumnPreset], preset_id: str, header: Iterable[str], file: str
) -> ColumnPreset:
    """Choose the named preset, or with `auto` the first whose signs the header shows.

    Raises BadInput for an unknown preset, an unknown header, and one that lacks a required column,
    repeats a column that is read, or holds columns that a strict preset does not know."""
    named = [name for name in header if name]
    all_of = tuple(presets)
    matches = [
        p for p in all_of if p.id == preset_id or (preset_id == "auto" and _is_match(p, set(named)))
    ]
    if not matches:
        raise _build_unknown_error(all_of, preset_id, file)
    preset = matches[0]
    known = {
        normalise_heading(name): name for several in preset.columns.values() for name in several
    }
    _refuse_gaps(preset, set(named), file)
    _refuse_twins(named, known, file)
    if preset.strict:
        _refuse_strangers(named, known, file)
    return preset


def _is_match(preset: ColumnPreset, names: set[str]) -> bool:
    return any({normalise_heading(name) for name in sign} <= names for sign in preset.signs)


def _build_unknown_error(presets: tuple[ColumnPreset, ...], preset_id: str, file: str) -> BadInput:
    ids = ", ".join(preset.id for preset in presets)
    if preset_id != "auto":
        return BadInput(f"no preset {preset_id}", place="--preset", remedy=f"There are: {ids}.")
    plain = ", ".join(presets[0].columns[meaning][0] for meaning in presets[0].required)
    return BadInput(
        "no header that is understood",
        place=f"{file}, line 1",
        remedy=f"The first line must name the columns, at least {plain}; or name one of: {ids}.",
    )


def _refuse_gaps(preset: ColumnPreset, names: set[str], file: str) -> None:
    wanting = [
        " or ".join(preset.columns[meaning])
        for meaning in preset.required
        if not any(normalise_heading(name) in names for name in preset.columns[meaning])
    ]
    if wanting:
        raise BadInput(
            f"the header of {preset.title} lacks: {'; '.join(wanting)}",
            place=f"{file}, line 1",
            remedy="Export it with these columns, or choose another preset.",
        )


def _refuse_twins(named: list[str], known: Mapping[str, str], file: str) -> None:
    twice = sorted({known[name] for name in named if name in known and named.count(name) > 1})
    if twice:
        raise BadInput(
            f"the header names a column twice: {', '.join(twice)}",
            place=f"{file}, line 1",
            remedy="Remove one of them.",
        )


def _refuse_strangers(named: list[str], known: Mapping[str, str], file: str) -> None:
    strangers = sorted(set(named) - set(known))
    if strangers:
        raise BadInput(
            f"unknown columns: {', '.join(strangers)}",
            place=f"{file}, line 1",
            remedy=f"Remove them, or rename them to: {', '.join(sorted(known.values()))}.",
        )
