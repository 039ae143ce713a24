"""Which column of which product's export means what. Data: where it comes from and when it was
last compared is in each preset; correct a name here when a product renames a column.

Exports are made by people who choose columns, so each meaning lists the names it goes by. Names are
compared as `csv_sheet.heading` spells them. A product's preset ignores columns it does not know; the
plain sheet, which is ours, refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from schemas.errors import BadInput

Columns = Mapping[str, tuple[str, ...]]
"""Meaning → names of the column, the first present is read."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One product's export."""

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
    """Without an id, the name stands for it (as the product itself does)."""


def _signs(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split("|")) for names in sets)


_REVIEWED = date(2026, 11, 22)

CUSTOMER_PRESETS: tuple[Preset, ...] = (
    Preset(
        id="plain",
        title="Plain sheet",
        columns={
            "id": ("customer id",),
            "name": ("name",),
            "default_email": ("default email",),
            "phone": ("phone",),
            "holder": ("account holder",),
            "officer": ("data protection contact",),
            "officer_email": ("data protection email",),
            "locale": ("locale",),
            "start": ("contract start",),
            "end": ("contract end",),
        },
        signs=_signs("customer id|name"),
        source="docs/howto/import-customers.md",
        reviewed=_REVIEWED,
        verified=True,
        strict=True,
    ),
    Preset(
        id="autotask",
        title="Autotask PSA organizations",
        columns={
            "id": ("organization id", "account id", "organization: number", "number"),
            "name": ("organization name", "organization: name", "account name"),
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
        },
        signs=_signs(
            "organization name|organization id",
            "organization: name|organization: number",
            "account name|account id",
        ),
        source="autotask.net/help: Organization and Contact Import Template",
        reviewed=_REVIEWED,
        verified=True,
    ),
    Preset(
        id="xero",
        title="Xero contacts",
        columns={
            "id": ("accountnumber",),
            "name": ("contactname",),
            "default_email": ("emailaddress",),
            "phone": ("phonenumber",),
            "first": ("firstname",),
            "last": ("lastname",),
        },
        signs=_signs("contactname|emailaddress"),
        source="help.xero.com: import and export contacts",
        reviewed=_REVIEWED,
        verified=True,
        name_is_id=True,
    ),
    Preset(
        id="whmcs",
        title="WHMCS clients",
        columns={
            "id": ("client id", "id"),
            "name": ("company name", "companyname"),
            "default_email": ("email", "email address"),
            "phone": ("phone number", "phonenumber"),
            "first": ("first name", "firstname"),
            "last": ("last name", "lastname"),
            "start": ("creation date", "date created", "datecreated"),
        },
        signs=_signs(
            "id|first name|last name|company name|email",
            "client id|first name|last name|company name|email",
            "id|firstname|lastname|companyname|email",
        ),
        source="WHMCS clients report and GetClients (developers.whmcs.com)",
        reviewed=_REVIEWED,
        verified=False,
    ),
    Preset(
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
        },
        signs=_signs("client id|client name", "customer id|customer name", "halo id|client name"),
        source="usehalo.com guides: Client, Sites & Users Import",
        reviewed=_REVIEWED,
        verified=False,
    ),
    Preset(
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
        },
        signs=_signs(
            "company id|company name",
            "company identifier|company name",
            "company|company id",
        ),
        source="ConnectWise PSA company search and import templates",
        reviewed=_REVIEWED,
        verified=False,
    ),
)

ASSET_PRESETS: tuple[Preset, ...] = (
    Preset(
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
        signs=_signs("customer id|kind|value|service", "customer id|kind|value|service preset"),
        source="docs/howto/import-customers.md",
        reviewed=_REVIEWED,
        verified=True,
        strict=True,
    ),
)


def choose(presets: Iterable[Preset], wanted: str, header: Iterable[str], file: str) -> Preset:
    """The named preset, or with `auto` the first whose signs the header shows.

    Raises BadInput for an unknown preset, an unknown header, and columns a strict one lacks."""
    names = {name for name in header if name}
    all_of = tuple(presets)
    found = [p for p in all_of if p.id == wanted or (wanted == "auto" and _shows(p, names))]
    if not found:
        raise _unknown(all_of, wanted, file)
    preset = found[0]
    if not _shows(preset, names):
        wants = " or ".join(", ".join(sorted(sign)) for sign in preset.signs)
        raise BadInput(
            f"the header is not that of {preset.title}",
            place=f"{file}, line 1",
            remedy=f"It needs the columns {wants}.",
        )
    _refuse_strangers(preset, names, file)
    return preset


def _shows(preset: Preset, names: set[str]) -> bool:
    return any(sign <= names for sign in preset.signs)


def _unknown(presets: tuple[Preset, ...], wanted: str, file: str) -> BadInput:
    ids = ", ".join(preset.id for preset in presets)
    if wanted != "auto":
        return BadInput(f"no preset {wanted}", place="--preset", remedy=f"There are: {ids}.")
    plain = ", ".join(sorted(presets[0].signs[0]))
    return BadInput(
        "no header that is understood",
        place=f"{file}, line 1",
        remedy=f"The first line must name the columns, at least {plain}; or name one of: {ids}.",
    )


def _refuse_strangers(preset: Preset, names: set[str], file: str) -> None:
    known = {name for several in preset.columns.values() for name in several}
    strangers = sorted(names - known)
    if preset.strict and strangers:
        raise BadInput(
            f"unknown columns: {', '.join(strangers)}",
            place=f"{file}, line 1",
            remedy=f"Remove them, or rename them to: {', '.join(sorted(known))}.",
        )
