"""Customers and their people from a CSV file: good rows are imported, broken ones named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from breachdesk.casework.authority import require
from breachdesk.casework.csv_sheet import read_sheet
from breachdesk.casework.presets import CUSTOMER_PRESETS, Preset, choose
from breachdesk.casework.register_changes import CUSTOMERS, record_customer
from breachdesk.casework.sheet_rows import Checked, slug
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER, Customer, ImportReport, Person, PersonKind, RowProblem
from schemas.signs import hidden_in
from schemas.user import Actor, Duty

_ID = re.compile(r"[^\s:?\x00-\x1f]{1,64}")
RESERVED = (PROVIDER, "import")
"""Ours, and the page of imports."""
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_PHONE = re.compile(r"\+?[0-9 ()./\-]{5,30}( ?(x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)


def import_customers(
    uow: UnitOfWork, actor: Actor, path: Path, *, preset: str = "auto", now: datetime
) -> ImportReport:
    """Add or change customers by id. What the file has no column for stays as it is; customers
    that are not in the file stay too: a former customer may still have to be told.

    Each customer added or changed has its own audit entry, with the old and new values sealed.
    Raises BadInput for a fault of the whole file; then nothing changes.
    """
    require(actor, Duty.REGISTRAR, act="change the customer register")
    sheet = read_sheet(path)
    chosen = choose(CUSTOMER_PRESETS, preset, sheet.header, sheet.file)
    known = {customer.id: customer for customer in uow.customers.list()}
    counts: Counter[str] = Counter()
    problems: list[RowProblem] = []
    seen: dict[str, int] = {}
    changed: list[tuple[Customer | None, Customer]] = []
    for row in sheet.rows:
        checked = Checked(row, chosen, len(sheet.header))
        customer = _customer(checked, chosen, known, seen)
        problems += checked.problems
        if checked.problems:
            counts["refused"] += 1
        else:
            before = known.get(customer.id)
            if before != customer:
                changed.append((before, customer))
            counts[_change(before, customer)] += 1
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
    """Counts only: what stands in the rows is personal."""
    uow.audit.record(
        at=now,
        actor=by,
        act=f"register:{what}:imported",
        subject=what,
        facts={**report.model_dump(exclude={"file", "problems"}), "each_named": True},
    )


def _change(before: Customer | None, after: Customer) -> str:
    if before == after:
        return "unchanged"
    return "added" if before is None else "changed"


def _customer(
    row: Checked, preset: Preset, known: Mapping[str, Customer], seen: dict[str, int]
) -> Customer:
    name = _name(row)
    customer_id = _id(row, preset, name, seen)
    before = known.get(customer_id, Customer(id=customer_id, name=name))
    told: dict[str, Any] = {"name": name, "people": _people(row, before)}
    if row.has("default_email"):
        told["default_email"] = row.address("default_email")
    if row.has("phone"):
        told["phone"] = _phone(row)
    if row.has("locale"):
        told["locale"] = _locale(row)
    start, end = row.span()
    told |= {"contract_start": start} if row.has("start") else {}
    told |= {"contract_end": end} if row.has("end") else {}
    told |= _contract(row)
    after = before.model_copy(update=told)
    if not after.default_email and not after.phone:
        row.fault("default_email", "and the telephone are both empty", "Give one of them.")
    return after


def _contract(row: Checked) -> dict[str, Any]:
    """What the contract says of breaches, where the file has a column for it."""
    told: dict[str, Any] = {}
    if row.has("notice_hours"):
        told["notice_hours"] = row.hours("notice_hours")
    if row.has("notice_clause"):
        told["notice_clause"] = row.name("notice_clause") or None
    if row.has("for_others"):
        told["processes_for_others"] = row.yes("for_others")
    return told


def _name(row: Checked) -> str:
    name = row.name("name") or _first_and_last(row)
    return name or row.needed("name", "Give the name that the customer trades under.")


def _first_and_last(row: Checked) -> str:
    return f"{row.name('first')} {row.name('last')}".strip()


def _id(row: Checked, preset: Preset, name: str, seen: dict[str, int]) -> str:
    found = row.text("id") or (slug(name) if preset.name_is_id else "")
    if not found:
        return row.needed("id", "Give the id that your billing or ticket system uses.")
    if found in RESERVED or not _ID.fullmatch(found) or hidden_in(found) or _leads_away(found):
        row.fault(
            "id", "cannot be an id", "Use up to 64 characters, no blanks, colons or `?`, no `..`."
        )
    if found in seen:
        row.fault("id", f"stands in line {seen[found]} already", "Keep one row a customer.")
    seen.setdefault(found, row.line)
    return found


def _leads_away(customer_id: str) -> bool:
    """Browsers take such a part of an address for another folder."""
    return any(part in (".", "..") for part in customer_id.split("/"))


def _phone(row: Checked) -> str:
    text = row.text("phone")
    if text and not _PHONE.fullmatch(text):
        row.fault("phone", "is not a telephone number", "Use digits, blanks and a leading +.")
    return text


def _locale(row: Checked) -> str:
    text = row.text("locale") or "en-GB"
    if not _LOCALE.fullmatch(text):
        row.fault("locale", "is not a locale", "Write it as en-GB or cy-GB.")
    return text


def _people(row: Checked, before: Customer) -> tuple[Person, ...]:
    """Those that the file tells of, and before them nobody it has no column for is lost."""
    told: list[Person] = []
    holder = _holder(row, before)
    if holder or row.has("default_email"):
        told.append(
            _person(
                before,
                PersonKind.ACCOUNT_HOLDER,
                holder,
                row.address("default_email") if row.has("default_email") else before.default_email,
                row.text("phone") or before.phone,
            )
        )
    kinds = {PersonKind.ACCOUNT_HOLDER} if told else set()
    if row.has("officer") or row.has("officer_email"):
        kinds.add(PersonKind.DATA_PROTECTION)
        told += _officer(row, before)
    kept = [person for person in before.people if person.kind not in kinds]
    return tuple(sorted([*told, *kept], key=_order))


def _order(person: Person) -> tuple[int, str]:
    return list(PersonKind).index(person.kind), person.id


def _officer(row: Checked, before: Customer) -> Sequence[Person]:
    """Their name or address stays as it was if the file has no column for it."""
    known = before.contact(PersonKind.DATA_PROTECTION)
    name, email = row.name("officer"), row.address("officer_email")
    if known is not None:
        name = name if row.has("officer") else known.name
        email = email if row.has("officer_email") else known.email
    if not name and not email:
        return ()
    phone = known.phone if known else ""
    return [_person(before, PersonKind.DATA_PROTECTION, name, email, phone)]


def _holder(row: Checked, before: Customer) -> str:
    """An empty cell empties; without a column the known name stays."""
    if any(row.has(meaning) for meaning in ("holder", "first", "last")):
        return row.name("holder") or _first_and_last(row)
    known = before.contact(PersonKind.ACCOUNT_HOLDER)
    return known.name if known else ""


def _person(before: Customer, kind: PersonKind, name: str, email: str, phone: str) -> Person:
    known = before.contact(kind)
    suffix = "holder" if kind is PersonKind.ACCOUNT_HOLDER else "dp"
    return Person(
        id=known.id if known else f"{before.id}-{suffix}",
        customer_id=before.id,
        kind=kind,
        name=name,
        email=email,
        phone=phone,
    )
