"""Read WHMCS: the clients report, and GetClients and GetClientsProducts of the API.

A client's address is that of the account's owner."""

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
        "status": ("status",),
        **CONTRACT,
    },
    signs=build_signs(
        "id|first name|last name|company name|email",
        "client id|first name|last name|company name|email",
    ),
    source="WHMCS clients report and GetClients (developers.whmcs.com)",
    reviewed=date(2026, 11, 22),
    verified=False,
)

VENDOR = VendorProfile(
    id="whmcs",
    title="WHMCS",
    sheet=_SHEET,
    shapes=(
        RecordShape(
            RecordKind.CUSTOMERS,
            envelope="clients.client",
            signs=frozenset({"id", "email"}),
            columns={
                "id": ("id",),
                "name": ("companyname",),
                "first": ("firstname",),
                "last": ("lastname",),
                "email": ("email",),
                "status": ("status",),
            },
            inactive_words=frozenset({"inactive", "closed"}),
        ),
        RecordShape(
            RecordKind.ASSETS,
            envelope="products.product",
            signs=frozenset({"clientid"}),
            columns={
                "customer": ("clientid",),
                "value": ("domain",),
                "type": ("name",),
                "status": ("status",),
            },
            inactive_words=frozenset({"cancelled", "terminated", "fraud", "pending", "completed"}),
        ),
    ),
    source="developers.whmcs.com/api-reference: GetClients, GetClientsProducts",
    reviewed=date(2026, 11, 30),
    pages=PageRule(total="totalresults", parameter="limitstart", counts_records=True),
)
