"""Make checked rows of a delivery: one row a customer, with the address of the contact whom the
vendor names first.

Nothing is chosen between two candidates: a customer with two primary contacts, with a primary
contact who left, or whose id comes twice is refused with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breachdesk.casework.imports.column_preset import ColumnPreset
from breachdesk.casework.imports.csv_sheet import SheetRow, normalise_heading
from breachdesk.casework.imports.deliveries import Delivery, Record, RecordList
from breachdesk.casework.imports.sheet_rows import CheckedRow
from breachdesk.casework.imports.vendor_profile import AddressRole, RecordKind, VendorProfile

TRUE, FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
MEANINGS = ("id", "name", "default_email", "phone", "holder", "first", "last", "start")


@dataclass(frozen=True, slots=True)
class DeliveredCustomer:
    """A checked row of one customer, and what the vendor says beside it."""

    row: CheckedRow
    preset: ColumnPreset
    is_former: bool = False
    """The vendor lists it as inactive, archived or deleted."""
    only_billing: bool = False
    """Its only address is where invoices go, and another was asked for."""


def list_delivered_customers(
    delivery: Delivery, address: AddressRole
) -> Sequence[DeliveredCustomer]:
    """List the customers of the delivery, in its order; `address` says at whose address."""
    if delivery.sheet is not None and delivery.preset is not None:
        return _list_sheet_rows(delivery)
    lists = {each.shape.kind: each for each in delivery.lists}
    assert delivery.vendor is not None
    builder = _CustomerBuilder(delivery.vendor, lists, address)
    return [
        builder.build(record)
        for record in lists[RecordKind.CUSTOMERS].records
        if not is_supplier(record)
    ]


def is_former(record: Record, words: Iterable[str]) -> bool:
    """Whether the vendor lists the record as no longer in use."""
    return (
        record.get("inactive").casefold() in TRUE
        or record.get("active").casefold() in FALSE
        or record.get("status").casefold() in words
    )


def is_supplier(record: Record) -> bool:
    """Whether the vendor lists the record as a supplier and not as a customer."""
    is_customer = record.get("is_customer").casefold()
    return record.get("is_supplier").casefold() in TRUE and is_customer in FALSE


def _list_sheet_rows(delivery: Delivery) -> Sequence[DeliveredCustomer]:
    sheet, preset = delivery.sheet, delivery.preset
    assert sheet is not None
    assert preset is not None
    words = (
        frozenset(w for s in delivery.vendor.shapes for w in s.inactive_words)
        if delivery.vendor
        else frozenset[str]()
    )
    rows = [CheckedRow(row, preset, len(sheet.header)) for row in sheet.rows]
    return [
        DeliveredCustomer(row, preset, is_former=row.get_text("status").casefold() in words)
        for row in rows
    ]


class _CustomerBuilder:
    """Joins customers with their contacts and sites."""

    def __init__(
        self,
        vendor: VendorProfile,
        lists: Mapping[RecordKind, RecordList],
        address: AddressRole,
    ) -> None:
        self._vendor = vendor
        self._customers = lists[RecordKind.CUSTOMERS]
        self._shape = self._customers.shape
        self._contacts = lists.get(RecordKind.CONTACTS)
        self._sites = lists.get(RecordKind.SITES)
        self._address = address
        self._contacts_of = _group_by_customer(self._contacts)
        self._sites_of = _group_by_customer(self._sites)
        self._preset = ColumnPreset(
            id=vendor.id,
            title=vendor.title,
            columns={meaning: (meaning,) for meaning in MEANINGS},
            signs=(),
            source=vendor.source,
            reviewed=vendor.reviewed,
            verified=True,
            name_is_id=self._shape.name_is_id,
        )

    def build(self, record: Record) -> DeliveredCustomer:
        cells = {name: record.get(name) for name in MEANINGS if name in self._customers.meanings}
        primary, faults = self._find_primary(record)
        address, only_billing = self._choose_address(record, primary, faults)
        if address is not None:
            cells["default_email"] = address
        if primary is not None and self._address is AddressRole.PRIMARY:
            cells["holder"] = primary.get("name") or (
                f"{primary.get('first')} {primary.get('last')}".strip()
            )
            if not cells.get("phone"):
                cells["phone"] = primary.get("phone")
        sheet_row = SheetRow(
            record.line,
            {normalise_heading(name): text for name, text in cells.items()},
            len(cells),
        )
        row = CheckedRow(sheet_row, self._preset, len(cells))
        for problem, remedy in faults:
            row.add_fault("default_email", problem, remedy)
        former = is_former(record, self._shape.inactive_words)
        return DeliveredCustomer(row, self._preset, former, only_billing)

    def _find_primary(self, record: Record) -> tuple[Record | None, list[tuple[str, str]]]:
        """Find the one primary contact, and what speaks against it."""
        contacts = self._contacts_of.get(record.get("id"), ())
        contact_ids = {record.get("primary_contact")} | {
            site.get("primary_contact")
            for site in self._sites_of.get(record.get("id"), ())
            if not is_former(site, ())
        }
        named = [
            contact
            for contact in contacts
            if contact.get("primary").casefold() in TRUE
            or contact.get("id") in contact_ids - {"", "0"}
        ]
        remedy = f"Correct the contacts in {self._vendor.title}."
        present = [contact for contact in named if not is_former(contact, ())]
        if named and not present:
            return None, [("is that of a primary contact who is marked inactive", remedy)]
        if len({contact.get("email").casefold() for contact in present}) > 1:
            return None, [("is not clear: there are two primary contacts", remedy)]
        return (present[0] if present else None), []

    def _choose_address(
        self, record: Record, primary: Record | None, faults: list[tuple[str, str]]
    ) -> tuple[str | None, bool]:
        """Choose the address, and whether only a billing address is there. None: the delivery does
        not say."""
        own, billing = record.get("email"), record.get("billing_email")
        account = own if self._shape.address_role is AddressRole.PRIMARY else ""
        billing = billing or (own if self._shape.address_role is AddressRole.BILLING else "")
        if self._address is AddressRole.BILLING:
            return self._take_billing(billing)
        contact = "" if primary is None else primary.get("email")
        if contact and account and contact.casefold() != account.casefold():
            remedy = f"Correct one of them in {self._vendor.title}."
            faults.append(("differs between the account and its primary contact", remedy))
        chosen = contact or account
        if chosen:
            return chosen, False
        if billing and not faults:
            return billing, True
        says = {"email", "billing_email"} & self._customers.meanings
        return ("" if says or self._contacts is not None else None), False

    def _take_billing(self, billing: str) -> tuple[str | None, bool]:
        says = {"email", "billing_email"} & self._customers.meanings
        return (billing if says else None), False


def _group_by_customer(records: RecordList | None) -> Mapping[str, Sequence[Record]]:
    by_customer: dict[str, list[Record]] = defaultdict(list)
    for record in records.records if records else ():
        by_customer[record.get("customer")].append(record)
    return by_customer
