"""What every generator of lines shares: the two days, chance, and a line with its arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

DAYS = 2


class Arrival(NamedTuple):
    """One raw line as it came in."""

    at: datetime
    raw: bytes


@dataclass(frozen=True)
class Stage:
    """Two days from midnight UTC of the first, and the chance that fills them."""

    first: date
    chance: Random

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    def night(self, hour: int, minute: int, second: float = 0) -> datetime:
        """A time of the second day, when it happens."""
        return self.start + timedelta(days=1, hours=hour, minutes=minute, seconds=second)

    def any_time(self) -> datetime:
        """Any second of the two days, at all hours alike."""
        return self.start + timedelta(seconds=self.chance.randrange(DAYS * 86400))

    def working_time(self) -> datetime:
        """A second between 7:00 and 20:00 of either day."""
        day = self.chance.randrange(DAYS)
        seconds = self.chance.randrange(7 * 3600, 20 * 3600)
        return self.start + timedelta(days=day, seconds=seconds)

    def apart(self, count: int, least: float, most: float) -> Iterator[timedelta]:
        """So many growing offsets from zero, `least` to `most` seconds between them."""
        offset = 0.0
        for _ in range(count):
            yield timedelta(seconds=round(offset))
            offset += self.chance.uniform(least, most)

    def soon(self, at: datetime, text: str | bytes) -> Arrival:
        """Syslog comes at once."""
        delay = timedelta(milliseconds=self.chance.randrange(50, 2500))
        return Arrival(at + delay, text if isinstance(text, bytes) else text.encode())

    def later(self, at: datetime, text: str) -> Arrival:
        """A cloud audit log comes in blobs, up to an hour and a half late and out of order."""
        return Arrival(at + timedelta(seconds=self.chance.randrange(300, 5400)), text.encode())

    def stranger(self) -> str:
        """An address of somebody on the internet (RFC 5737)."""
        return f"192.0.2.{self.chance.randrange(1, 255)}"


def syslog_time(at: datetime) -> str:
    """`Nov 22 03:07:09`: no year, no zone."""
    return f"{at:%b} {at.day:>2} {at:%H:%M:%S}"


def in_order(lines: Sequence[Arrival]) -> list[tuple[datetime, bytes]]:
    """By arrival; equal ones by their bytes, so that the same seed gives the same file."""
    return [(line.at, line.raw) for line in sorted(lines)]
