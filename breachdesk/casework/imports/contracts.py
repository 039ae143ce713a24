"""Record what the contract with one customer says of breaches; a registrar maintains it."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require_name, require_permission
from breachdesk.casework.imports.register_changes import record_customer
from breachdesk.ports import UnitOfWork
from schemas.customer import MOST_HOURS, Customer
from schemas.errors import BadInput
from schemas.user import Actor, Permission


def set_contract(
    uow: UnitOfWork,
    actor: Actor,
    customer_id: str,
    *,
    notice_hours: int | None,
    notice_clause: str | None,
    processes_for_others: bool,
    now: datetime,
) -> Customer:
    """Write over what is known; the change is in the customer's history as an import's is. Raises
    BadInput for hours that no contract names, and for hours without their clause."""
    require_permission(actor, Permission.REGISTRAR, act="change the customer register")
    before = uow.customers.get(customer_id)
    if notice_hours is not None and not 1 <= notice_hours <= MOST_HOURS:
        raise BadInput(
            "this is no number of hours", place="hours", remedy=f"Type 1 to {MOST_HOURS:,}."
        )
    clause = notice_clause
    if notice_hours is not None or clause is not None:
        clause = require_name(
            clause or "", place="clause", remedy="Say where the contract gives these hours."
        )
    terms = {
        "notice_hours": notice_hours,
        "notice_clause": clause,
        "processes_for_others": processes_for_others,
    }
    after = before.model_copy(update=terms)
    if after != before:
        uow.customers.save(after)
        record_customer(uow, actor, before, after, now)
    return after
