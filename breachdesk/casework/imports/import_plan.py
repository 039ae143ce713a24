"""Compare a delivery with the register: what is added, what changes, who is gone.

A change that could send a notice to the wrong person waits for somebody to look at it; every other
change may be applied. Nobody is ever removed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from breachdesk.casework.imports.customers import build_customer
from breachdesk.casework.imports.delivered_customers import (
    DeliveredCustomer,
    list_delivered_customers,
)
from breachdesk.casework.imports.deliveries import Delivery
from breachdesk.casework.imports.vendor_profile import AddressRole
from schemas.customer import Customer, RowProblem
from schemas.register_import import ChangeKind, HoldReason

FEWEST = 5
"""Of customers with a change: so few are never many."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a delivery says of one customer that the register does not say."""

    kind: ChangeKind
    customer_id: str
    before: Customer | None
    after: Customer | None
    """None: gone."""
    reasons: tuple[HoldReason, ...] = ()
    """Why a person must look at it; none: it may be applied."""

    @property
    def digest(self) -> str:
        """Identifies the change, whenever it is proposed."""
        parts = [self.kind, self.customer_id, _dump(self.before), _dump(self.after)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Everything a delivery would change."""

    changes: tuple[PlannedChange, ...]
    members: frozenset[str]
    """Customers that the delivery names and the register may hold afterwards."""
    rows: int
    unchanged: int
    former: int
    """Inactive customers that the register never had."""
    problems: tuple[RowProblem, ...]
    refused: int
    used: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def safe(self) -> Sequence[PlannedChange]:
        """Changes that need nobody."""
        return [change for change in self.changes if not change.reasons]

    @property
    def held(self) -> Sequence[PlannedChange]:
        """Changes that wait for a person."""
        return [change for change in self.changes if change.reasons]


def plan_import(
    delivery: Delivery,
    known: Mapping[str, Customer],
    members: Collection[str],
    *,
    address: AddressRole,
    most_percent: float,
) -> ImportPlan:
    """Plan what the delivery changes. `members`: customers of this source's last delivery;
    `most_percent`: of them, how many may change before all changes wait."""
    delivered = list_delivered_customers(delivery, address)
    customers, problems, refused, seen_ids = _check_rows(delivered, known)
    changes: list[PlannedChange] = []
    counts: Counter[str] = Counter()
    for each, customer in customers:
        change = _plan_customer(each, customer, known.get(customer.id))
        if change is None:
            counts["former" if each.is_former and customer.id not in known else "unchanged"] += 1
        else:
            changes.append(change)
    gone = sorted(set(members) & known.keys() - seen_ids)
    changes += [_plan_gone(known[customer_id]) for customer_id in gone]
    changes = _hold_addresses(changes, known, customers)
    return ImportPlan(
        changes=tuple(_hold_many(changes, members, most_percent)),
        members=frozenset(c.id for e, c in customers if not e.is_former)
        | (seen_ids & set(members)),
        rows=len(delivered),
        unchanged=counts["unchanged"],
        former=counts["former"],
        problems=tuple(problems),
        refused=refused,
        used=delivery.used,
        ignored=delivery.ignored,
    )


def _check_rows(
    delivered: Sequence[DeliveredCustomer], known: Mapping[str, Customer]
) -> tuple[list[tuple[DeliveredCustomer, Customer]], list[RowProblem], int, frozenset[str]]:
    """Build the customers; a row with a fault, and every row of an id that comes twice, is
    refused."""
    seen: dict[str, int] = {}
    built = [(d, build_customer(d.row, d.preset, known, seen)) for d in delivered]
    times = Counter(customer.id for _, customer in built)
    for each, customer in built:
        if customer.id and times[customer.id] > 1:
            each.row.add_fault("id", "comes more than once", "Keep one row a customer.")
    # Of a former customer nothing is taken but that it is one.
    refused = [each for each, _ in built if each.row.problems and not each.is_former]
    good = [(e, c) for e, c in built if not e.row.problems or (e.is_former and times[c.id] == 1)]
    problems = [problem for each in refused for problem in each.row.problems]
    return good, problems, len(refused), frozenset(times)


def _plan_customer(
    each: DeliveredCustomer, customer: Customer, before: Customer | None
) -> PlannedChange | None:
    if each.is_former:
        if before is None or before.contract_end is not None:
            return None
        return PlannedChange(ChangeKind.GONE, customer.id, before, None, (HoldReason.INACTIVE,))
    if before == customer:
        return None
    reasons: list[HoldReason] = []
    if each.only_billing and (before is None or before.default_email != customer.default_email):
        reasons.append(HoldReason.BILLING_ONLY)
    if before is None:
        return PlannedChange(ChangeKind.ADDED, customer.id, None, customer, tuple(reasons))
    if _list_addresses(before) != _list_addresses(customer):
        reasons.append(HoldReason.ADDRESS_CHANGED)
    return PlannedChange(ChangeKind.CHANGED, customer.id, before, customer, tuple(reasons))


def _plan_gone(before: Customer) -> PlannedChange:
    return PlannedChange(ChangeKind.GONE, before.id, before, None, (HoldReason.MISSING,))


def _hold_addresses(
    changes: Sequence[PlannedChange],
    known: Mapping[str, Customer],
    customers: Sequence[tuple[DeliveredCustomer, Customer]],
) -> list[PlannedChange]:
    """Hold every change that gives a customer an address that another customer has or had."""
    owners: dict[str, set[str]] = defaultdict(set)
    for customer in (*known.values(), *(customer for _, customer in customers)):
        for address in _list_addresses(customer):
            owners[address].add(customer.id)

    def is_shared(change: PlannedChange) -> bool:
        fresh = _list_addresses(change.after) - _list_addresses(change.before)
        return any(owners[address] - {change.customer_id} for address in fresh)

    return [
        replace(change, reasons=(*change.reasons, HoldReason.ADDRESS_OF_ANOTHER))
        if is_shared(change)
        else change
        for change in changes
    ]


def _hold_many(
    changes: Sequence[PlannedChange], members: Collection[str], most_percent: float
) -> Sequence[PlannedChange]:
    """Hold everything where more customers change than a day's work explains."""
    count = sum(change.kind is not ChangeKind.ADDED for change in changes)
    if count <= FEWEST or count * 100 <= most_percent * max(len(members), 1):
        return changes
    return [replace(c, reasons=(*c.reasons, HoldReason.MANY_CHANGES)) for c in changes]


def _list_addresses(customer: Customer | None) -> frozenset[str]:
    if customer is None:
        return frozenset()
    several = (customer.default_email, *(person.email for person in customer.people))
    return frozenset(address.casefold() for address in several if address)


def _dump(customer: Customer | None) -> str:
    return "" if customer is None else customer.model_dump_json()
