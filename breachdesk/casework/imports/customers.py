"""Import customers and their people from a CSV file: good rows are imported, faulty ones
reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.column_preset import ColumnPreset
from breachdesk.casework.imports.column_presets import CUSTOMER_PRESETS, choose_preset
from breachdesk.casework.imports.csv_sheet import read_sheet
from breachdesk.casework.imports.register_changes import ASSETS, CUSTOMERS, record_customer
from breachdesk.casework.imports.sheet_rows import CheckedRow, to_slug
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.customer import PROVIDER, Customer, ImportReport, Person, PersonKind, RowProblem
from schemas.text_signs import list_hidden
from schemas.user import Actor, Permission

_ID = re.compile(r"[^\s:?\x00-\x1f]{1,64}")
RESERVED = (PROVIDER, "import")
"""Ours, and the page of imports."""
IMPORTED = {
    CUSTOMERS: AuditAction.REGISTER_CUSTOMERS_IMPORTED,
    ASSETS: AuditAction.REGISTER_ASSETS_IMPORTED,
}
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_PHONE = re.compile(r"\+?[0-9 ()./\-]{5,30}( ?(x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)


def import_customers(
    uow: UnitOfWork, actor: Actor, path: Path, *, preset: str = "auto", now: datetime
) -> ImportReport:
    """Add or change customers by id. Fields without a column in the file are unchanged; customers
    that are not in the file are kept: a former customer may still have to be notified.

    Each customer added or changed has its own audit entry, with the old and new values sealed.
    Raises BadInput for a fault of the whole file; then nothing changes."""
    require_permission(actor, Permission.REGISTRAR, act="change the customer register")
    sheet = read_sheet(path)
    chosen = choose_preset(CUSTOMER_PRESETS, preset, sheet.header, sheet.file)
    known = {customer.id: customer for customer in uow.customers.list()}
    counts: Counter[str] = Counter()
    problems: list[RowProblem] = []
    seen: dict[str, int] = {}
    changed: list[tuple[Customer | None, Customer]] = []
    for row in sheet.rows:
        checked = CheckedRow(row, chosen, len(sheet.header))
        customer = build_customer(checked, chosen, known, seen)
        problems += checked.problems
        if checked.problems:
            counts["refused"] += 1
        else:
            before = known.get(customer.id)
            if before != customer:
                changed.append((before, customer))
            counts[_classify_change(before, customer)] += 1
    uow.customers.save_all([after for _, after in changed])
    for before, after in changed:
        record_customer(uow, actor, before, after, now)
    report = ImportReport(
        file=sheet.file,
        preset=chosen.id,
        rows=len(sheet.rows),
        added=counts["added"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        refused=counts["refused"],
        problems=tuple(problems),
    )
    record_import(uow, actor.id, CUSTOMERS, report, now)
    return report


def record_import(uow: UnitOfWork, by: str, what: str, report: ImportReport, now: datetime) -> None:
    """Record counts only: the rows' content is personal."""
    uow.audit.record(
        at=now,
        actor=by,
        action=IMPORTED[what],
        subject=what,
        facts={**report.model_dump(exclude={"file", "problems"}), "each_named": True},
    )


def _classify_change(before: Customer | None, after: Customer) -> str:
    if before == after:
        return "unchanged"
    return "added" if before is None else "changed"


def build_customer(
    row: CheckedRow, preset: ColumnPreset, known: Mapping[str, Customer], seen: dict[str, int]
) -> Customer:
    name = _parse_name(row)
    customer_id = _determine_id(row, preset, name, seen)
    before = known.get(customer_id, Customer(id=customer_id, name=name))
    fields: dict[str, Any] = {"name": name, "people": _build_people(row, before)}
    if row.has("default_email"):
        fields["default_email"] = row.get_address("default_email")
    if row.has("phone"):
        fields["phone"] = _parse_phone(row)
    if row.has("locale"):
        fields["locale"] = _parse_locale(row)
    start, end = row.parse_span()
    fields |= {"contract_start": start} if row.has("start") else {}
    fields |= {"contract_end": end} if row.has("end") else {}
    fields |= _parse_contract(row)
    after = before.model_copy(update=fields)
    if row.get_text("billing_email") and not row.get_text("default_email"):
        row.add_fault(
            "billing_email",
            "is a billing address, and the row has no other",
            "Export the main contact's address too.",
        )
    if not after.default_email and not after.phone:
        row.add_fault("default_email", "and the telephone are both empty", "Give one of them.")
    return after


def _parse_contract(row: CheckedRow) -> dict[str, Any]:
    """Parse what the contract says of breaches, where the file has a column for it."""
    fields: dict[str, Any] = {}
    if row.has("notice_hours"):
        fields["notice_hours"] = row.parse_hours("notice_hours")
    if row.has("notice_clause"):
        fields["notice_clause"] = row.get_name("notice_clause") or None
    if row.has("for_others"):
        fields["processes_for_others"] = row.parse_bool("for_others")
    return fields


def _parse_name(row: CheckedRow) -> str:
    name = row.get_name("name") or _join_first_and_last(row)
    return name or row.require_text("name", "Give the name that the customer trades under.")


def _join_first_and_last(row: CheckedRow) -> str:
    return f"{row.get_name('first')} {row.get_name('last')}".strip()


def _determine_id(row: CheckedRow, preset: ColumnPreset, name: str, seen: dict[str, int]) -> str:
    identifier = row.get_text("id") or (to_slug(name) if preset.name_is_id else "")
    if not identifier:
        return row.require_text("id", "Give the id that your billing or ticket system uses.")
    if (
        identifier in RESERVED
        or not _ID.fullmatch(identifier)
        or list_hidden(identifier)
        or _is_dot_segment(identifier)
    ):
        row.add_fault(
            "id", "cannot be an id", "Use up to 64 characters, no blanks, colons or `?`, no `..`."
        )
    if identifier in seen:
        row.add_fault("id", f"is in line {seen[identifier]} already", "Keep one row a customer.")
    seen.setdefault(identifier, row.line)
    return identifier


def _is_dot_segment(customer_id: str) -> bool:
    """Whether browsers would resolve the id as a relative folder."""
    return any(part in (".", "..") for part in customer_id.split("/"))


def _parse_phone(row: CheckedRow) -> str:
    text = row.get_text("phone")
    if text and not _PHONE.fullmatch(text):
        row.add_fault("phone", "is not a telephone number", "Use digits, blanks and a leading +.")
    return text


def _parse_locale(row: CheckedRow) -> str:
    text = row.get_text("locale") or "en-GB"
    if not _LOCALE.fullmatch(text):
        row.add_fault("locale", "is not a locale", "Write it as en-GB or cy-GB.")
    return text


def _build_people(row: CheckedRow, before: Customer) -> tuple[Person, ...]:
    """Build the people named in the file; existing people of kinds the file has no column for are
    kept."""
    stated: list[Person] = []
    holder = _get_holder_name(row, before)
    if holder or row.has("default_email"):
        stated.append(
            _build_person(
                before,
                PersonKind.ACCOUNT_HOLDER,
                holder,
                row.get_address("default_email")
                if row.has("default_email")
                else before.default_email,
                row.get_text("phone") or before.phone,
            )
        )
    kinds = {PersonKind.ACCOUNT_HOLDER} if stated else set()
    if row.has("officer") or row.has("officer_email"):
        kinds.add(PersonKind.DATA_PROTECTION)
        stated += _build_officer(row, before)
    retained = [person for person in before.people if person.kind not in kinds]
    return tuple(sorted([*stated, *retained], key=_get_sort_key))


def _get_sort_key(person: Person) -> tuple[int, str]:
    return list(PersonKind).index(person.kind), person.id


def _build_officer(row: CheckedRow, before: Customer) -> Sequence[Person]:
    """Build the officer; name or address is unchanged without a column for it."""
    known = before.find_contact(PersonKind.DATA_PROTECTION)
    name, email = row.get_name("officer"), row.get_address("officer_email")
    if known is not None:
        name = name if row.has("officer") else known.name
        email = email if row.has("officer_email") else known.email
    if not name and not email:
        return ()
    phone = known.phone if known else ""
    return [_build_person(before, PersonKind.DATA_PROTECTION, name, email, phone)]


def _get_holder_name(row: CheckedRow, before: Customer) -> str:
    """Return the name; an empty cell clears it, and without a column the known name is kept."""
    if any(row.has(meaning) for meaning in ("holder", "first", "last")):
        return row.get_name("holder") or _join_first_and_last(row)
    known = before.find_contact(PersonKind.ACCOUNT_HOLDER)
    return known.name if known else ""


def _build_person(before: Customer, kind: PersonKind, name: str, email: str, phone: str) -> Person:
    known = before.find_contact(kind)
    suffix = "holder" if kind is PersonKind.ACCOUNT_HOLDER else "dp"
    return Person(
        id=known.id if known else f"{before.id}-{suffix}",
        customer_id=before.id,
        kind=kind,
        name=name,
        email=email,
        phone=phone,
    )
