"""Shared parts of every generator of lines: the two days, chance, and a line with its arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

DAYS = 2


class LineArrival(NamedTuple):
    """One raw line with its arrival."""

    at: datetime
    raw: bytes


@dataclass(frozen=True)
class RandomTimeline:
    """Two days from midnight UTC of the first, and the chance that fills them."""

    first: date
    chance: Random

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    def get_night_time(self, hour: int, minute: int, second: float = 0) -> datetime:
        """Return a time in the night of the second day, when the incident happens."""
        return self.start + timedelta(days=1, hours=hour, minutes=minute, seconds=second)

    def choose_time(self) -> datetime:
        """Choose any second of the two days, at all hours alike."""
        return self.start + timedelta(seconds=self.chance.randrange(DAYS * 86400))

    def choose_working_time(self) -> datetime:
        """Choose a second between 7:00 and 20:00 of either day."""
        day = self.chance.randrange(DAYS)
        seconds = self.chance.randrange(7 * 3600, 20 * 3600)
        return self.start + timedelta(days=day, seconds=seconds)

    def generate_offsets(self, count: int, least: float, most: float) -> Iterator[timedelta]:
        """Generate `count` growing offsets from zero, `least` to `most` seconds between them."""
        offset = 0.0
        for _ in range(count):
            yield timedelta(seconds=round(offset))
            offset += self.chance.uniform(least, most)

    def build_prompt_arrival(self, at: datetime, text: str | bytes) -> LineArrival:
        """Build an arrival without delay, as for syslog."""
        delay = timedelta(milliseconds=self.chance.randrange(50, 2500))
        return LineArrival(at + delay, text if isinstance(text, bytes) else text.encode())

    def build_late_arrival(self, at: datetime, text: str) -> LineArrival:
        """Build a delayed arrival: a cloud audit log comes in batches, up to an hour and a half
        late and out of order."""
        return LineArrival(at + timedelta(seconds=self.chance.randrange(300, 5400)), text.encode())

    def choose_stranger(self) -> str:
        """Choose an address of somebody on the internet (RFC 5737)."""
        return f"192.0.2.{self.chance.randrange(1, 255)}"


def format_syslog_time(at: datetime) -> str:
    """Format like `Nov 22 03:07:09`: no year, no zone."""
    return f"{at:%b} {at.day:>2} {at:%H:%M:%S}"


def sort_arrivals(lines: Sequence[LineArrival]) -> list[tuple[datetime, bytes]]:
    """Sort by arrival; equal ones by their bytes, so that the same seed gives the same file."""
    return [(line.at, line.raw) for line in sorted(lines)]
