"""Read Xero: the contacts sheet, and Contacts of the API.

A contact is a customer, a supplier or both; its address is where invoices go."""

from __future__ import annotations

from datetime import date

from breachdesk.casework.imports.column_preset import CONTRACT, ColumnPreset, build_signs
from breachdesk.casework.imports.vendor_profile import (
    AddressRole,
    PageRule,
    RecordKind,
    RecordShape,
    VendorProfile,
)

_SHEET = ColumnPreset(
    id="xero",
    title="Xero contacts",
    columns={
        "id": ("account number",),
        "name": ("contact name",),
        "default_email": ("email address",),
        "phone": ("phone number",),
        "first": ("first name",),
        "last": ("last name",),
        **CONTRACT,
    },
    signs=build_signs(
        "contact name|account number",
        "contact name|email address|first name|last name",
    ),
    source="help.xero.com: import and export contacts",
    reviewed=date(2026, 11, 22),
    verified=True,
    name_is_id=True,
    required=("name",),
)

VENDOR = VendorProfile(
    id="xero",
    title="Xero",
    sheet=_SHEET,
    shapes=(
        RecordShape(
            RecordKind.CUSTOMERS,
            envelope="Contacts",
            signs=frozenset({"ContactID", "Name"}),
            columns={
                "id": ("AccountNumber",),
                "name": ("Name",),
                "first": ("FirstName",),
                "last": ("LastName",),
                "email": ("EmailAddress",),
                "phone": ("Phones[PhoneType=DEFAULT].PhoneNumber",),
                "status": ("ContactStatus",),
                "is_customer": ("IsCustomer",),
                "is_supplier": ("IsSupplier",),
            },
            address_role=AddressRole.BILLING,
            inactive_words=frozenset({"archived", "gdprrequest"}),
            name_is_id=True,
        ),
    ),
    source="developer.xero.com: Contacts; read in Xero's published OpenAPI schema of Contact",
    reviewed=date(2026, 11, 30),
    pages=PageRule(total="pagination.itemCount", parameter="page"),
)
