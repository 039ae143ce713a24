"""Read ConnectWise PSA (Manage): sheets of companies, and companies, contacts and configurations of
the REST API.

A company names its default contact and, apart from it, a billing contact and an invoice address. A
contact's addresses are communication items, of which one of each kind is the default."""

from __future__ import annotations

from datetime import date

from breachdesk.casework.imports.column_preset import CONTRACT, ColumnPreset, build_signs
from breachdesk.casework.imports.vendor_profile import (
    MACHINE_SERVICES,
    RecordKind,
    RecordShape,
    VendorProfile,
)

_FORMER = frozenset({"inactive", "former", "cancelled", "canceled"})

_SHEET = ColumnPreset(
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
        **CONTRACT,
    },
    signs=build_signs(
        "company id|company name",
        "company identifier|company name",
        "company|company id",
    ),
    source="ConnectWise PSA company search and import templates",
    reviewed=date(2026, 11, 22),
    verified=False,
)

VENDOR = VendorProfile(
    id="connectwise",
    title="ConnectWise PSA",
    sheet=_SHEET,
    shapes=(
        RecordShape(
            RecordKind.CUSTOMERS,
            envelope="",
            signs=frozenset({"identifier", "name"}),
            columns={
                "id": ("identifier",),
                "name": ("name",),
                "phone": ("phoneNumber",),
                "primary_contact": ("defaultContact.id",),
                "billing_email": ("invoiceToEmailAddress",),
                "status": ("status.name",),
                "inactive": ("deletedFlag",),
            },
            inactive_words=_FORMER,
        ),
        RecordShape(
            RecordKind.CONTACTS,
            envelope="",
            signs=frozenset({"company", "firstName"}),
            columns={
                "id": ("id",),
                "customer": ("company.identifier",),
                "first": ("firstName",),
                "last": ("lastName",),
                "email": (
                    "communicationItems[communicationType=Email&defaultFlag=true].value",
                    "communicationItems[communicationType=Email].value",
                ),
                "phone": ("communicationItems[communicationType=Phone&defaultFlag=true].value",),
                "inactive": ("inactiveFlag",),
            },
        ),
        RecordShape(
            RecordKind.ASSETS,
            envelope="",
            signs=frozenset({"company", "deviceIdentifier"}),
            columns={
                "customer": ("company.identifier",),
                "value": ("name",),
                "type": ("type.name",),
                "status": ("status.name",),
                "active": ("activeFlag",),
            },
            inactive_words=_FORMER,
        ),
    ),
    source=(
        "ConnectWise PSA REST API (developer.connectwise.com): Company, Contact,"
        " ContactCommunicationItem, Configuration; read in published clients generated from it"
    ),
    reviewed=date(2026, 11, 30),
    services=MACHINE_SERVICES,
)
