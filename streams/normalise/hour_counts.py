"""Count records and events by source, customer and hour of arrival."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from schemas.pipeline.event import AssetTouch, Event
from streams.ports import HourCount, SubjectKind
from streams.ports.counts import LATENESS_SECONDS, NO_LATENESS

BOUNDS = tuple(timedelta(seconds=seconds) for seconds in LATENESS_SECONDS)
TIME_SUSPECT = "time_suspect"
"""Tag of an event whose stamp lay too far ahead of its arrival."""
TENANT = "cloud.account.id"
NEVER_LATE = timedelta(days=4_000_000)
"""More than lies between any two times."""
REMEMBERED = 32_768
"""Records among which a copy is looked for: this many at least, twice as many at most."""
SUMS = (
    "received", "parsed", "ignored", "dead_letters", "not_understood", "late", "copies",
    "unattributed", "suspect",
)  # fmt: skip
LEAST = ("least_late", "first_failure")
MOST = ("most_late", "last_failure", "last_event", "last_arrived")


class RecentRecords:
    """Digests of the newest records, to count copies. A record that is read again from its own
    position is no copy."""

    def __init__(self) -> None:
        self._newer: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def is_copy(self, digest: int, offset: int) -> bool:
        """Whether another of these records had the digest; remember this one."""
        newer = self._newer
        known = newer.get(digest)
        if known is None:
            known = self._older.get(digest)
            if len(newer) >= REMEMBERED:
                self._older, newer = newer, {}
                self._newer = newer
            newer[digest] = offset if known is None else known
        return known is not None and known != offset


class EventTotals:
    """What some events of one hour sum to."""

    __slots__ = (
        "copies", "events", "first_event", "last_event", "late", "lateness", "least_late",
        "minutes", "most_late", "suspect",
    )  # fmt: skip

    def __init__(self, time: datetime) -> None:
        """Begin with no event; `time` of the first that will be counted."""
        self.events = self.late = self.copies = self.suspect = self.minutes = 0
        self.lateness = [0] * len(NO_LATENESS)
        self.least_late = NEVER_LATE
        self.most_late = -NEVER_LATE
        self.first_event = self.last_event = time

    def add(self, other: EventTotals) -> None:
        """Add other events of the same hour."""
        self.events += other.events
        self.late += other.late
        self.copies += other.copies
        self.suspect += other.suspect
        self.minutes |= other.minutes
        self.lateness = list(map(operator.add, self.lateness, other.lateness))
        self.least_late = min(self.least_late, other.least_late)
        self.most_late = max(self.most_late, other.most_late)
        self.first_event = min(self.first_event, other.first_event)
        self.last_event = max(self.last_event, other.last_event)


def sum_totals(several: Sequence[EventTotals]) -> EventTotals:
    """Sum at least one; of one it is that itself."""
    if len(several) == 1:
        return several[0]
    total = EventTotals(several[0].first_event)
    for each in several:
        total.add(each)
    return total


class OwnerCounter(EventTotals):
    """Events of one owner and one set of touches, of a source in one hour."""

    __slots__ = ("organization", "tenant", "touches")

    def __init__(self, event: Event, tenant: str | None) -> None:
        super().__init__(event.time)
        self.organization = event.organization
        self.tenant = tenant
        self.touches: tuple[AssetTouch, ...] = event.touches

    def record_event(self, event: Event, minute: int, is_copy: bool) -> None:  # noqa: C901 - calls would cost more than what they do, on each line
        """Count an event that arrived in this minute."""
        time = event.time
        self.events += 1
        self.minutes |= minute
        if not event.in_time:
            self.late += 1
        if is_copy:
            self.copies += 1
        if time > self.last_event:
            self.last_event = time
        elif time < self.first_event:
            self.first_event = time
        tags = event.fields.get("tags")
        if tags is None:
            delay = event.arrived - time
            self.lateness[bisect_left(BOUNDS, delay)] += 1
            if delay < self.least_late:  # noqa: PLR1730 - min() and max() cost twice as much
                self.least_late = delay
            if delay > self.most_late:  # noqa: PLR1730
                self.most_late = delay
        elif TIME_SUSPECT in tags:
            self.suspect += 1

    def list_customers(self) -> set[str]:
        """List the owner and the customers whose data was reached."""
        customers = {touch.customer for touch in self.touches}
        if self.organization is not None:
            customers.add(self.organization)
        return customers

    def list_assets(self) -> set[tuple[str, str]]:
        """List (customer, asset) of what the events tell of."""
        assets = {(touch.customer, touch.asset) for touch in self.touches}
        if self.organization is not None:
            if self.tenant:
                assets.add((self.organization, f"tenant:{self.tenant.casefold()}"))
            if not assets:
                assets.add((self.organization, ""))
        return assets


class HourCounter:
    """Of one source in one hour of arrival."""

    __slots__ = (
        "copies", "dead_letters", "first_failure", "ignored", "last_arrived", "last_failure",
        "minutes", "not_understood", "owners", "received",
    )  # fmt: skip

    def __init__(self) -> None:
        self.received = self.ignored = self.dead_letters = self.not_understood = 0
        self.copies = self.minutes = 0
        self.first_failure: datetime | None = None
        self.last_failure: datetime | None = None
        self.last_arrived: datetime | None = None
        self.owners: dict[object, OwnerCounter] = {}

    def get_owner(self, event: Event) -> OwnerCounter:
        """Return the counter of the event's owner."""
        touches, tenant = event.touches, event.fields.get(TENANT)
        # The same few tuples recur, and to hash one costs more than everything else here.
        owner = self.owners.get(id(touches)) if touches and tenant is None else None
        if owner is None or owner.organization != event.organization:
            return self._get_owner_by_value(event, tenant)
        return owner

    def _get_owner_by_value(self, event: Event, tenant: str | None) -> OwnerCounter:
        """Get the owner by what it is; the first of a tuple of touches is found by the tuple's
        identity, which lasts as long as the owner refers to it."""
        touches = event.touches
        key = (event.organization, tenant, id(touches))
        owner = self.owners.get(key)
        if owner is None:
            owner = self.owners[key] = OwnerCounter(event, tenant)
            if touches and tenant is None:
                self.owners.setdefault(id(touches), owner)
        return owner

    def list_owners(self) -> Sequence[OwnerCounter]:
        """List each owner once, by what it is."""
        return [owner for key, owner in self.owners.items() if type(key) is tuple]

    def record_failure(self, arrived: datetime) -> None:
        """Note when a record became a dead letter."""
        if self.first_failure is None or arrived < self.first_failure:
            self.first_failure = arrived
        if self.last_failure is None or arrived > self.last_failure:
            self.last_failure = arrived

    def build_count(self, source: str, hour: int) -> HourCount:
        """Build the count of the source from its own and its owners' figures."""
        owners = self.list_owners()
        if not owners:
            return HourCount(SubjectKind.SOURCE, source, hour, **self._list_own_figures())
        total = sum_totals(owners)
        has_late = total.least_late < NEVER_LATE
        return HourCount(
            SubjectKind.SOURCE,
            source,
            hour,
            parsed=total.events,
            late=total.late,
            unattributed=sum([owner.events for owner in owners if owner.organization is None]),
            suspect=total.suspect,
            lateness=tuple(total.lateness),
            least_late=total.least_late.total_seconds() if has_late else None,
            most_late=total.most_late.total_seconds() if has_late else None,
            last_event=total.last_event.timestamp(),
            **self._list_own_figures(),
        )

    def _list_own_figures(self) -> dict[str, Any]:
        return {
            "received": self.received,
            "ignored": self.ignored,
            "dead_letters": self.dead_letters,
            "not_understood": self.not_understood,
            "copies": self.copies,
            "minutes": self.minutes,
            "first_failure": _to_seconds(self.first_failure),
            "last_failure": _to_seconds(self.last_failure),
            "last_arrived": _to_seconds(self.last_arrived),
        }


def build_customer_count(customer: str, hour: int, owners: Sequence[OwnerCounter]) -> HourCount:
    """Build the count of a customer from those of all its owners in this hour."""
    total = sum_totals(owners)
    return HourCount(
        SubjectKind.CUSTOMER,
        customer,
        hour,
        received=total.events,
        parsed=total.events,
        late=total.late,
        copies=total.copies,
        suspect=total.suspect,
        minutes=total.minutes,
        lateness=tuple(total.lateness),
        last_event=total.last_event.timestamp(),
        last_arrived=hour * 3600.0 + 60.0 * (total.minutes.bit_length() - 1),
    )


def sum_hours(counts: Iterable[HourCount]) -> Sequence[HourCount]:
    """Sum to one count for each subject and hour, sorted."""
    summed: dict[tuple[str, str, int], HourCount] = {}
    for count in counts:
        key = (count.kind.value, count.name, count.hour)
        known = summed.get(key)
        summed[key] = count if known is None else _sum(known, count)
    return [summed[key] for key in sorted(summed)]


def _sum(one: HourCount, other: HourCount) -> HourCount:
    values: dict[str, Any] = {name: getattr(one, name) + getattr(other, name) for name in SUMS}
    times: dict[str, Any] = {
        **{name: _choose(min, getattr(one, name), getattr(other, name)) for name in LEAST},
        **{name: _choose(max, getattr(one, name), getattr(other, name)) for name in MOST},
    }
    return HourCount(
        one.kind,
        one.name,
        one.hour,
        minutes=one.minutes | other.minutes,
        lateness=tuple(map(operator.add, one.lateness, other.lateness)),
        **values,
        **times,
    )


def _choose(
    choose: Callable[[Iterable[float]], float], one: float | None, other: float | None
) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def _to_seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()
