"""Find readers who were notified of an exposure that is excluded now: each is owed a correction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.casework.affected.recipients import UnsafeAddresses, build_recipient, list_people
from breachdesk.gdpr.roles import CORRECTED_BY, CORRECTION_OF, get_role
from schemas.casework.affected import ContactChannel, Recipient
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import IN_DOUBT
from schemas.customer import Customer, DataRole, Person

Reader = tuple[str, str, NoticeKind]
"""Customer, person, and the kind of letter that told them."""
GONE = "the register no longer holds this person"


def find_wrongly_told(
    tellings: Iterable[ReaderTelling],
    rows: Iterable[NoticeRow],
    excluded: Container[tuple[str, DataRole]],
) -> Mapping[Reader, datetime]:
    """Find when each reader was last notified, or may have been, of what a list excludes; readers
    who received a correction and nothing after it are omitted."""
    times: dict[Reader, datetime] = {}
    corrected: dict[Reader, datetime] = {}
    for (customer, person, kind), at in sorted(
        _iterate_reached(tellings, rows), key=lambda each: each[1]
    ):
        if kind in CORRECTION_OF:
            times[customer, person, kind] = at
        else:
            corrected[customer, person, CORRECTED_BY[kind]] = at
    return {
        reader: at
        for reader, at in times.items()
        if (reader[0], get_role(reader[2])) in excluded
        and (reader not in corrected or corrected[reader] < at)
    }


def list_correction_recipients(
    readers: Iterable[Reader],
    customers: Mapping[str, Customer],
    listed: Sequence[Recipient],
    unsafe: UnsafeAddresses,
) -> tuple[Recipient, ...]:
    """List each reader at the address in the register now, by the same rules as any letter; readers
    no longer registered are telephoned as in `listed`, the recipients of earlier lists, oldest
    first."""
    return tuple(
        _build_recipient(reader, customers, listed, unsafe) for reader in sorted(set(readers))
    )


def _iterate_reached(
    tellings: Iterable[ReaderTelling], rows: Iterable[NoticeRow]
) -> Iterator[tuple[Reader, datetime]]:
    for telling in tellings:
        if telling.kind in CORRECTION_OF or telling.kind in CORRECTED_BY:
            yield telling.reader, telling.at
    for row in rows:
        if row.status in IN_DOUBT and row.intent_at and row.kind in CORRECTION_OF:
            yield (row.customer_id, row.person_id, row.kind), row.intent_at


def _build_recipient(
    reader: Reader,
    customers: Mapping[str, Customer],
    listed: Sequence[Recipient],
    unsafe: UnsafeAddresses,
) -> Recipient:
    customer_id, person_id, kind = reader
    person = _find_registered(customers.get(customer_id), get_role(kind), person_id)
    if person is not None:
        return build_recipient(customers[customer_id], person, CORRECTION_OF[kind], None, unsafe)
    before = _get_listed(reader, listed)
    return before.model_copy(
        update={
            "kind": CORRECTION_OF[kind],
            "email": "",
            "channel": ContactChannel.TELEPHONE,
            "reason": GONE,
        }
    )


def _find_registered(customer: Customer | None, role: DataRole, person_id: str) -> Person | None:
    if customer is None:
        return None
    return next((p for p, _ in list_people(customer, role) if p.id == person_id), None)


def _get_listed(reader: Reader, listed: Sequence[Recipient]) -> Recipient:
    customer_id, person_id, kind = reader
    kinds = (kind, CORRECTION_OF[kind])
    return next(
        recipient
        for recipient in reversed(listed)
        if (recipient.customer_id, recipient.person_id) == (customer_id, person_id)
        and recipient.kind in kinds
    )
