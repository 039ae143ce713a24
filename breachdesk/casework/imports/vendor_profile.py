"""Define what a vendor's plug-in exports: the sheet that its product writes and the records that its
API returns.

A vendor is ONE file in `breachdesk/casework/imports/vendors`. The file name is its id; it exports one
constant, `VENDOR`. Keys of an API are compared as they are, as dotted paths: `company.id` is the key
`id` of the object `company`. `items[kind=Email].value` is the value of each item of a list whose
`kind` is `Email`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from breachdesk.casework.imports.column_preset import ColumnPreset, Columns


class RecordKind(StrEnum):
    """What the records of a list are."""

    CUSTOMERS = "customers"
    CONTACTS = "contacts"
    SITES = "sites"
    """Offices of customers, each with its main contact."""
    ASSETS = "assets"


class AddressRole(StrEnum):
    """Whose address a customer's own address is, as the vendor describes it."""

    PRIMARY = "primary"
    """Of the person or office that the vendor writes to first."""
    BILLING = "billing"
    """Of whoever receives invoices."""


@dataclass(frozen=True, slots=True)
class RecordShape:
    """One list of an API, and what its keys mean.

    Meanings of customers: `id`, `name`, `first`, `last`, `phone`, `email`, `billing_email`,
    `primary_contact` (a contact's id), `status`, `active`, `inactive`, `is_customer`, `is_supplier`,
    `start`. Of contacts: `id`, `customer`, `first`, `last`, `name`, `email`, `phone`, `primary`,
    `billing`, `status`, `active`, `inactive`. Of sites: `customer`, `primary_contact`, `inactive`.
    Of assets: `customer`, `value`, `type`, `status`, `active`, `inactive`."""

    kind: RecordKind
    envelope: str
    """Path of the list in the document; empty: the document is the list."""
    signs: frozenset[str]
    """Top-level keys of which every record has at least one, each of them in some record: they say
    which list this is where several have the same envelope."""
    columns: Columns
    address_role: AddressRole = AddressRole.PRIMARY
    """Of the meaning `email` of customers."""
    inactive_words: frozenset[str] = frozenset()
    """Values of `status` that say that the customer or contact is a former one, case-folded."""
    name_is_id: bool = False


@dataclass(frozen=True, slots=True)
class PageRule:
    """How a document says that there is more. At most one of `next_link` and `parameter` is set."""

    total: str = ""
    """Path of the number of all records; empty: the API does not say it."""
    next_link: str = ""
    """Path of the next page's address."""
    parameter: str = ""
    """Query parameter with the page's number, from 1, or with the number of records before it."""
    counts_records: bool = False
    """Whether the parameter is a number of records, from 0."""


@dataclass(frozen=True, slots=True)
class VendorProfile:
    """Everything that is known of one vendor's exports."""

    id: str
    title: str
    sheet: ColumnPreset
    shapes: tuple[RecordShape, ...]
    source: str
    """Where the keys are documented."""
    reviewed: date
    pages: PageRule = PageRule()
    services: Mapping[str, str] = field(default_factory=dict)
    """Service preset by the vendor's own word for a type of asset, case-folded."""


MACHINE_SERVICES: Mapping[str, str] = {
    "server": "managed server",
    "managed server": "managed server",
    "virtual server": "managed server",
    "managed workstation": "workstation",
    "workstation": "workstation",
    "desktop": "workstation",
    "laptop": "workstation",
    "notebook": "workstation",
    "firewall": "managed firewall",
    "router": "managed firewall",
    "switch": "managed network",
    "access point": "managed network",
}
"""Names of types that say by themselves what the machine is. Every other type is named in the
settings."""
