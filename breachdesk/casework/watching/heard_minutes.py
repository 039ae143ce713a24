"""Compute how long a source is usually quiet, from the minutes in which it was heard.

Minutes and hours are counted from the epoch, in UTC."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

DAY = 24 * 60
HISTORY_DAYS = 28
ENOUGH_DAYS = 5
FEW_DAYS = 2
FACTOR, FACTOR_OF_FEW = 3, 6
"""How many times longer than usual is unusual; of few days, more."""
STRANGE_DAY = 3 * DAY
"""Quiet that is allowed on a weekend, or a weekday, of which no example is known."""

Span = tuple[int, int]
"""Minutes from and to, inclusive."""


class HeardMinutes:
    """The minutes in which records of a source arrived, as bits by hour."""

    def __init__(self, bits_by_hour: Mapping[int, int]) -> None:
        self._bits = {hour: bits for hour, bits in bits_by_hour.items() if bits}
        self._hours = sorted(self._bits)

    @property
    def hours(self) -> int:
        """Number of hours in which it was heard."""
        return len(self._hours)

    @property
    def first(self) -> int | None:
        """The first minute. None: it was never heard."""
        return self.find_after(0)

    def find_before(self, minute: int) -> int | None:
        """Find the last minute up to this one in which it was heard."""
        hour, rest = divmod(minute, 60)
        bits = self._bits.get(hour, 0) & ((2 << rest) - 1)
        if bits:
            return hour * 60 + bits.bit_length() - 1
        at = bisect_left(self._hours, hour)
        if not at:
            return None
        earlier = self._hours[at - 1]
        return earlier * 60 + self._bits[earlier].bit_length() - 1

    def find_after(self, minute: int) -> int | None:
        """Find the first minute from this one on in which it was heard."""
        hour, rest = divmod(minute, 60)
        bits = self._bits.get(hour, 0) >> rest
        if bits:
            return minute + _find_lowest(bits)
        at = bisect_left(self._hours, hour + 1)
        if at == len(self._hours):
            return None
        later = self._hours[at]
        return later * 60 + _find_lowest(self._bits[later])

    def find_longest_gap(self, blind: Sequence[Span] = ()) -> int:
        """Find the longest time between two minutes in which it was heard, but for gaps that touch
        a blind span."""
        longest, before = 0, None
        for begin, end in self._iterate_gaps():
            if begin is not before and end - begin > longest and not _is_blind(begin, end, blind):
                longest = end - begin
        return longest

    def _iterate_gaps(self) -> Iterator[Span]:
        before: int | None = None
        for hour in self._hours:
            bits, base = self._bits[hour], hour * 60
            while bits:
                lowest = _find_lowest(bits)
                minute = base + lowest
                if before is not None and minute - before > 1:
                    yield before, minute
                # Up to the end of this run of minutes.
                run = _find_lowest(~(bits >> lowest))
                before = minute + run - 1
                bits = bits >> (lowest + run) << (lowest + run)


def _find_lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _is_blind(begin: int, end: int, blind: Sequence[Span]) -> bool:
    return any(first <= end and last >= begin for first, last in blind)


def list_usual_quiet(heard: HeardMinutes, at: int, blind: Sequence[Span]) -> list[int]:
    """List for how many minutes it had been quiet at the same time of earlier days of the same
    kind (weekdays, weekend), but for days on which it was silent without being meant to."""
    first = heard.first
    quiet: list[int] = []
    for days in range(1, HISTORY_DAYS + 1):
        then = at - days * DAY
        if first is None or then < first:
            break
        last = heard.find_before(then)
        if last is None or _is_weekend(then) is not _is_weekend(at):
            continue
        if not _is_blind(last, then, blind):
            quiet.append(then - last)
    return quiet


def _is_weekend(minute: int) -> bool:
    return (minute // DAY + 3) % 7 >= 5


def compute_limit(heard: HeardMinutes, at: int, blind: Sequence[Span], least: int) -> int:
    """Compute for how long it may be quiet at this moment, in minutes; at least `least`.

    The limit holds for the moment itself and for the one `least` earlier: a source that begins its
    day some minutes late is not silent yet."""
    longest = FACTOR * heard.find_longest_gap(blind)
    limits = []
    for moment in (at, at - least):
        quiet = list_usual_quiet(heard, moment, blind)
        if len(quiet) < FEW_DAYS:
            unknown = _has_other_days(heard, at)
            return max(least, longest, STRANGE_DAY if unknown else 0)
        factor = FACTOR if len(quiet) >= ENOUGH_DAYS else FACTOR_OF_FEW
        # Of the earlier moment it was quiet for `least` minutes less.
        limits.append(factor * max(quiet) + (at - moment))
    return max(least, min(max(limits), max(longest, least)))


def _has_other_days(heard: HeardMinutes, at: int) -> bool:
    """Whether it is known on other days only: on weekdays, and this is a weekend."""
    first = heard.first
    return first is not None and at // DAY - first // DAY >= FEW_DAYS
