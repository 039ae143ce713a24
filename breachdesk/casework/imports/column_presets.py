"""Column presets of products' exports. Each preset states its source and when it was last compared;
correct a name here when a product renames a column.

People choose the columns of an export, so each meaning lists the names it goes by. Names are
compared as `csv_sheet.normalise_heading` spells them: letters and digits only, in any case. A
product's preset ignores columns it does not know; the plain sheet, which is ours, refuses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from breachdesk.casework.imports.csv_sheet import normalise_heading
from schemas.errors import BadInput

Columns = Mapping[str, tuple[str, ...]]
"""Meaning → names of the column, the first present is read."""


@dataclass(frozen=True, slots=True)
class ColumnPreset:
    """The columns of one product's export."""

    id: str
    title: str
    columns: Columns
    signs: tuple[frozenset[str], ...]
    """Any of these sets of names in a header says it is this product's."""
    source: str
    reviewed: date
    verified: bool
    """Were the names read in the product's own documentation?"""
    strict: bool = False
    """Refuse a file with columns that are not listed."""
    name_is_id: bool = False
    """Without an id, use the name instead (as the product itself does)."""
    required: tuple[str, ...] = ("id", "name")
    """Meanings that the header must have."""


def _build_signs(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split("|")) for names in sets)


_REVIEWED = date(2026, 11, 22)
_CONTRACT: Columns = {
    "notice_hours": ("notice hours", "breach notice hours"),
    "notice_clause": ("notice clause", "breach notice clause"),
    "for_others": ("processes for others",),
}
"""No product has these columns by itself: they are custom fields, named as in our plain sheet."""

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
            **_CONTRACT,
        },
        signs=_build_signs("customer id|name"),
        source="docs/howto/import-customers.md",
        reviewed=_REVIEWED,
        verified=True,
        strict=True,
    ),
    ColumnPreset(
        id="autotask",
        title="Autotask PSA organizations",
        columns={
            "id": ("organization id", "account id", "organization: number", "number"),
            "name": ("organization name", "organization: name", "account name", "name"),
            "default_email": (
                "contact: email address",
                "primary contact email",
                "email address",
                "email",
            ),
            "phone": ("organization: phone", "phone", "contact: phone"),
            "holder": ("primary contact", "contact name"),
            "first": ("contact: first name", "first name"),
            "last": ("contact: last name", "last name"),
            **_CONTRACT,
        },
        signs=_build_signs(
            "organization id|name|phone",
            "number|name|phone|alternate phone 1",
            "organization name|organization id",
            "organization: name|organization: number",
            "account name|account id",
        ),
        source="autotask.net/help: Organization, and Organization and Contact Import Templates",
        reviewed=_REVIEWED,
        verified=True,
    ),
    ColumnPreset(
        id="whmcs",
        title="WHMCS clients",
        columns={
            "id": ("client id", "id"),
            "name": ("company name",),
            "default_email": ("email", "email address"),
            "phone": ("phone number",),
            "first": ("first name",),
            "last": ("last name",),
            "start": ("creation date", "date created"),
            **_CONTRACT,
        },
        signs=_build_signs(
            "id|first name|last name|company name|email",
            "client id|first name|last name|company name|email",
        ),
        source="WHMCS clients report and GetClients (developers.whmcs.com)",
        reviewed=_REVIEWED,
        verified=False,
    ),
    ColumnPreset(
        id="halopsa",
        title="HaloPSA customers",
        columns={
            "id": ("client id", "customer id", "halo id"),
            "name": ("client name", "customer name", "client", "customer"),
            "default_email": (
                "email address",
                "main contact email",
                "accounts email address",
                "email",
            ),
            "phone": ("phone number", "site phone number", "phone"),
            "holder": ("main contact", "user name", "contact name"),
            **_CONTRACT,
        },
        signs=_build_signs(
            "client id|client name", "customer id|customer name", "halo id|client name"
        ),
        source="usehalo.com guides: Client, Sites & Users Import",
        reviewed=_REVIEWED,
        verified=False,
    ),
    ColumnPreset(
        id="connectwise",
        title="ConnectWise PSA companies",
        columns={
            "id": ("company id", "company identifier", "identifier"),
            "name": ("company name", "company"),
            "default_email": ("default email", "contact email", "email address", "email"),
            "phone": ("phone number", "phone", "main phone"),
            "holder": ("default contact", "primary contact", "contact"),
            "first": ("first name",),
            "last": ("last name",),
            **_CONTRACT,
        },
        signs=_build_signs(
            "company id|company name",
            "company identifier|company name",
            "company|company id",
        ),
        source="ConnectWise PSA company search and import templates",
        reviewed=_REVIEWED,
        verified=False,
    ),
    ColumnPreset(
        id="xero",
        title="Xero contacts",
        columns={
            "id": ("account number",),
            "name": ("contact name",),
            "default_email": ("email address",),
            "phone": ("phone number",),
            "first": ("first name",),
            "last": ("last name",),
            **_CONTRACT,
        },
        signs=_build_signs(
            "contact name|account number",
            "contact name|email address|first name|last name",
        ),
        source="help.xero.com: import and export contacts",
        reviewed=_REVIEWED,
        verified=True,
        name_is_id=True,
        required=("name",),
    ),
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
        signs=_build_signs(
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
