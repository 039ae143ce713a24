"""Decide by the register whether mail is forwarded outside: a parser sees only the domain of the
mailbox, and a customer has several."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from schemas.customer import Binding
from schemas.pipeline.event import Value

OUTSIDE = "breach.mail.forward_outside_to"
EXTERNAL = "breach.mail.forward_external"


def omit_own_addresses(
    fields: dict[str, Value],
    organization: str,
    find_mailbox: Callable[[str, datetime], Binding | None],
    at: datetime,
) -> None:
    """Omit the addresses that belong to the organization itself, as of event time, from those
    outside."""
    bindings = {address: find_mailbox(address, at) for address in fields[OUTSIDE]}
    outside = [
        address
        for address, binding in bindings.items()
        if binding is None or binding.customer_id != organization
    ]
    fields[EXTERNAL] = bool(outside)
    if outside:
        fields[OUTSIDE] = outside
    else:
        del fields[OUTSIDE]
