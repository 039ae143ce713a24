"""Model what waits for a person after an import of the customer register."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import Customer, FrozenModel


class ChangeKind(StrEnum):
    """What an import says of a customer."""

    ADDED = "added"
    CHANGED = "changed"
    GONE = "gone"


class HoldReason(StrEnum):
    """Why a change waits for a person."""

    ADDRESS_CHANGED = "address_changed"
    ADDRESS_OF_ANOTHER = "address_of_another"
    """Another customer has the address, or had it."""
    BILLING_ONLY = "billing_only"
    """The only address is where invoices go."""
    MISSING = "missing"
    """The source no longer lists the customer."""
    INACTIVE = "inactive"
    """The source lists the customer as a former one."""
    MANY_CHANGES = "many_changes"


class HeldState(StrEnum):
    """waiting → accepted | declined."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class HeldChange(FrozenModel):
    """A change of the register that an import found and that waits for a person."""

    id: int = 0
    source: str
    kind: ChangeKind
    customer_id: str
    reasons: tuple[HoldReason, ...]
    before: Customer | None = Field(default=None, repr=False)
    after: Customer | None = Field(default=None, repr=False)
    digest: str
    """Identifies the change: one that was declined does not come back."""
    state: HeldState = HeldState.WAITING
    found_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None


class ImportSourceState(FrozenModel):
    """What is known of a source of customers since its last import."""

    name: str
    members: tuple[str, ...] = ()
    """Customers of the last delivery that was read."""
    digest: str = ""
    """Of that delivery's bytes."""
    etag: str = ""
    last_modified: str = ""
    checked_at: datetime | None = None
    imported_at: datetime | None = None
    trouble: str = ""
    """Why the last attempt read nothing; empty: it did."""
