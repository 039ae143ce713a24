"""Read Autotask PSA: sheets of organizations, and Companies, Contacts and ConfigurationItems of the
REST API.

A company has no address of its own; `primaryContact` says which contact is asked first. A
configuration item's type is a number that each Autotask installation chooses."""

from __future__ import annotations

from datetime import date

from breachdesk.casework.imports.column_preset import CONTRACT, ColumnPreset, build_signs
from breachdesk.casework.imports.vendor_profile import (
    PageRule,
    RecordKind,
    RecordShape,
    VendorProfile,
)

_SHEET = ColumnPreset(
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
        **CONTRACT,
    },
    signs=build_signs(
        "organization id|name|phone",
        "number|name|phone|alternate phone 1",
        "organization name|organization id",
        "organization: name|organization: number",
        "account name|account id",
    ),
    source="autotask.net/help: Organization, and Organization and Contact Import Templates",
    reviewed=date(2026, 11, 22),
    verified=True,
)

VENDOR = VendorProfile(
    id="autotask",
    title="Autotask PSA",
    sheet=_SHEET,
    shapes=(
        RecordShape(
            RecordKind.CUSTOMERS,
            envelope="items",
            signs=frozenset({"companyName"}),
            columns={
                "id": ("id",),
                "name": ("companyName",),
                "phone": ("phone",),
                "active": ("isActive",),
            },
        ),
        RecordShape(
            RecordKind.CONTACTS,
            envelope="items",
            signs=frozenset({"companyID", "emailAddress"}),
            columns={
                "id": ("id",),
                "customer": ("companyID",),
                "first": ("firstName",),
                "last": ("lastName",),
                "email": ("emailAddress",),
                "phone": ("phone",),
                "primary": ("primaryContact",),
                "active": ("isActive",),
            },
        ),
        RecordShape(
            RecordKind.ASSETS,
            envelope="items",
            signs=frozenset({"companyID", "referenceTitle"}),
            columns={
                "customer": ("companyID",),
                "value": ("rmmDeviceAuditHostname", "referenceTitle"),
                "type": ("configurationItemType",),
                "active": ("isActive",),
            },
        ),
    ),
    source=(
        "autotask.net/help/developerhelp: Companies, Contacts, ConfigurationItems, Advanced query"
        " features of the REST API"
    ),
    reviewed=date(2026, 11, 30),
    pages=PageRule(next_link="pageDetails.nextPageUrl"),
)
