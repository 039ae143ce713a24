"""Readers who were told of an exposure that is excluded now: each is owed a correction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from breachdesk.casework.recipients import UnsafeAddresses, people_of, recipient_for
from breachdesk.casework.told import Telling
from breachdesk.gdpr.roles import CORRECTED_BY, CORRECTION_OF, role_of
from schemas.affected import Channel, NoticeKind, Recipient
from schemas.customer import Customer, Person, Role
from schemas.notice import NoticeRow
from schemas.notice_states import IN_DOUBT

Reader = tuple[str, str, NoticeKind]
"""Customer, person, and the kind of letter that told them."""
GONE = "the register no longer holds this person"


def wrongly_told(
    tellings: Iterable[Telling], rows: Iterable[NoticeRow], excluded: Container[tuple[str, Role]]
) -> Mapping[Reader, datetime]:
    """When each reader was last told, or may have been, of what a list excludes; whoever
    was told that it was wrong, and nothing after that, is left out."""
    told: dict[Reader, datetime] = {}
    corrected: dict[Reader, datetime] = {}
    for (customer, person, kind), at in sorted(_reached(tellings, rows), key=lambda each: each[1]):
        if kind in CORRECTION_OF:
            told[customer, person, kind] = at
        else:
            corrected[customer, person, CORRECTED_BY[kind]] = at
    return {
        reader: at
        for reader, at in told.items()
        if (reader[0], role_of(reader[2])) in excluded
        and (reader not in corrected or corrected[reader] < at)
    }


def correction_recipients(
    readers: Iterable[Reader],
    customers: Mapping[str, Customer],
    listed: Sequence[Recipient],
    unsafe: UnsafeAddresses,
) -> tuple[Recipient, ...]:
    """Each reader at the address that the register holds now, by the same rules as any letter;
    whoever it no longer holds is telephoned, as `listed` says: the recipients of earlier lists,
    oldest first."""
    return tuple(_recipient(reader, customers, listed, unsafe) for reader in sorted(set(readers)))


def _reached(
    tellings: Iterable[Telling], rows: Iterable[NoticeRow]
) -> Iterator[tuple[Reader, datetime]]:
    for telling in tellings:
        if telling.kind in CORRECTION_OF or telling.kind in CORRECTED_BY:
            yield telling.reader, telling.at
    for row in rows:
        if row.status in IN_DOUBT and row.intent_at and row.kind in CORRECTION_OF:
            yield (row.customer_id, row.person_id, row.kind), row.intent_at


def _recipient(
    reader: Reader,
    customers: Mapping[str, Customer],
    listed: Sequence[Recipient],
    unsafe: UnsafeAddresses,
) -> Recipient:
    customer_id, person_id, kind = reader
    person = _registered(customers.get(customer_id), role_of(kind), person_id)
    if person is not None:
        return recipient_for(customers[customer_id], person, CORRECTION_OF[kind], None, unsafe)
    before = _listed(reader, listed)
    return before.model_copy(
        update={
            "kind": CORRECTION_OF[kind],
            "email": "",
            "channel": Channel.TELEPHONE,
            "reason": GONE,
        }
    )


def _registered(customer: Customer | None, role: Role, person_id: str) -> Person | None:
    if customer is None:
        return None
    return next((p for p, _ in people_of(customer, role) if p.id == person_id), None)


def _listed(reader: Reader, listed: Sequence[Recipient]) -> Recipient:
    customer_id, person_id, kind = reader
    kinds = (kind, CORRECTION_OF[kind])
    return next(
        recipient
        for recipient in reversed(listed)
        if (recipient.customer_id, recipient.person_id) == (customer_id, person_id)
        and recipient.kind in kinds
    )
