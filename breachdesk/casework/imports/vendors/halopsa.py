"""Read HaloPSA: sheets of customers, and /Client, /Users, /Site and /Asset of the API.

A client has an address of its accounts department and none of its own. Its site names the main
contact. `isimportantcontact` marks people of rank, not whom to write to, so that it is not read."""

from __future__ import annotations

from datetime import date

from breachdesk.casework.imports.column_preset import CONTRACT, ColumnPreset, build_signs
from breachdesk.casework.imports.vendor_profile import (
    MACHINE_SERVICES,
    PageRule,
    RecordKind,
    RecordShape,
    VendorProfile,
)

_SHEET = ColumnPreset(
    id="halopsa",
    title="HaloPSA customers",
    columns={
        "id": ("client id", "customer id", "halo id"),
        "name": ("client name", "customer name", "client", "customer"),
        "default_email": ("main contact email", "email address", "email"),
        "billing_email": ("accounts email address",),
        "phone": ("phone number", "site phone number", "phone"),
        "holder": ("main contact", "user name", "contact name"),
        **CONTRACT,
    },
    signs=build_signs("client id|client name", "customer id|customer name", "halo id|client name"),
    source="usehalo.com guides: Client, Sites & Users Import",
    reviewed=date(2026, 11, 22),
    verified=False,
)

VENDOR = VendorProfile(
    id="halopsa",
    title="HaloPSA",
    sheet=_SHEET,
    shapes=(
        RecordShape(
            RecordKind.CUSTOMERS,
            envelope="clients",
            signs=frozenset({"id", "name"}),
            columns={
                "id": ("id",),
                "name": ("name",),
                "billing_email": ("accountsemailaddress",),
                "inactive": ("inactive",),
            },
        ),
        RecordShape(
            RecordKind.CONTACTS,
            envelope="users",
            signs=frozenset({"id", "client_id"}),
            columns={
                "id": ("id",),
                "customer": ("client_id",),
                "name": ("name",),
                "first": ("firstname",),
                "last": ("surname",),
                "email": ("emailaddress",),
                "phone": ("phonenumber_preferred", "phonenumber"),
                "inactive": ("inactive",),
            },
        ),
        RecordShape(
            RecordKind.SITES,
            envelope="sites",
            signs=frozenset({"client_id"}),
            columns={
                "customer": ("client_id",),
                "primary_contact": ("maincontact_id",),
                "inactive": ("inactive",),
            },
        ),
        RecordShape(
            RecordKind.ASSETS,
            envelope="assets",
            signs=frozenset({"client_id"}),
            columns={
                "customer": ("client_id",),
                "value": ("key_field", "inventory_number"),
                "type": ("assettype_name",),
                "inactive": ("inactive",),
            },
        ),
    ),
    source=(
        "HaloPSA API (/apidoc/resources: clients, users, sites, assets); read in the templates of the"
        " published module HaloAPI 1.9 and in published clients"
    ),
    reviewed=date(2026, 11, 30),
    pages=PageRule(total="record_count", parameter="page_no"),
    services=MACHINE_SERVICES,
)
