"""What goes wrong with lines on their way: cut, garbled, absurd, doubled, or nobody's format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from breachdesk.demo.cast import FIREWALL_SERIAL
from breachdesk.demo.scenery import Arrival, Stage, syslog_time

DOUBLED = {"m365": 40, "web": 6, "sonicwall-hq": 6}
CUT = 3


def spoiled(stage: Stage, source: str, lines: Sequence[Arrival]) -> Iterator[Arrival]:
    """Lines that cannot be read, and some that came twice, for this source."""
    if source in _SPOILERS:
        yield from _SPOILERS[source](stage, lines)
    for line in stage.chance.sample(list(lines), DOUBLED.get(source, 0)):
        later = stage.chance.randrange(5, 3000) if source == "m365" else 1
        yield Arrival(line.at + timedelta(seconds=later), line.raw)


def _cut_records(stage: Stage, lines: Sequence[Arrival]) -> Iterator[Arrival]:
    """A full disk at the exporter: JSON that ends in the middle."""
    for line in stage.chance.sample(list(lines), CUT):
        yield Arrival(line.at, line.raw[: len(line.raw) // 2])


def _garbled(stage: Stage, _lines: Sequence[Arrival]) -> Iterator[Arrival]:
    at = stage.any_time()
    head = f'<134>  id=firewall sn={FIREWALL_SERIAL} time="{at:%Y-%m-%d %H:%M:%S}" '
    yield stage.soon(
        at, head.encode() + b'fw=198.51.100.2 pri=6 c=16 m=713 msg="\xe9\xff\xfe Drop"'
    )
    broken = f'<134>  id=firewall sn={FIREWALL_SERIAL} time="2026-13-45 99:99:99" fw=198.51.100.2'
    yield stage.soon(at, f'{broken} pri=6 c=1024 m=537 msg="Connection Closed"')


def _absurd_dates(stage: Stage, lines: Sequence[Arrival]) -> Iterator[Arrival]:
    line = stage.chance.choice(list(lines))
    head, _, rest = line.raw.partition(b"[")
    yield Arrival(line.at, head + b"[99" + rest[2:])


def _unknown_vendor(stage: Stage, _lines: Sequence[Arrival]) -> Iterator[Arrival]:
    at = stage.any_time()
    text = f"{syslog_time(at)} barcode-7 TILLSCAN/2.1 | lane=3 | state=idle | battery=81%"
    yield stage.soon(at, text)


_SPOILERS = {
    "m365": _cut_records,
    "sonicwall-hq": _garbled,
    "web": _absurd_dates,
    "unifi": _unknown_vendor,
}
