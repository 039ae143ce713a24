"""Spoil lines as real transport does: cut, garbled, absurd, doubled, or of an unknown format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from breachdesk.demo.provider import FIREWALL_SERIAL
from breachdesk.demo.timeline import LineArrival, RandomTimeline, format_syslog_time

DOUBLED = {"m365": 40, "web": 6, "sonicwall-hq": 6}
CUT = 3


def generate_spoiled(
    timeline: RandomTimeline, source: str, lines: Sequence[LineArrival]
) -> Iterator[LineArrival]:
    """Generate lines that cannot be read, and some that came twice, for this source."""
    if source in _SPOILERS:
        yield from _SPOILERS[source](timeline, lines)
    for line in timeline.chance.sample(list(lines), DOUBLED.get(source, 0)):
        later = timeline.chance.randrange(5, 3000) if source == "m365" else 1
        yield LineArrival(line.at + timedelta(seconds=later), line.raw)


def _cut_records(timeline: RandomTimeline, lines: Sequence[LineArrival]) -> Iterator[LineArrival]:
    """Cut JSON in the middle, as a full disk at the exporter does."""
    for line in timeline.chance.sample(list(lines), CUT):
        yield LineArrival(line.at, line.raw[: len(line.raw) // 2])


def _generate_garbled(
    timeline: RandomTimeline, _lines: Sequence[LineArrival]
) -> Iterator[LineArrival]:
    at = timeline.choose_time()
    head = f'<134>  id=firewall sn={FIREWALL_SERIAL} time="{at:%Y-%m-%d %H:%M:%S}" '
    yield timeline.build_prompt_arrival(
        at, head.encode() + b'fw=198.51.100.2 pri=6 c=16 m=713 msg="\xe9\xff\xfe Drop"'
    )
    broken = f'<134>  id=firewall sn={FIREWALL_SERIAL} time="2026-13-45 99:99:99" fw=198.51.100.2'
    yield timeline.build_prompt_arrival(at, f'{broken} pri=6 c=1024 m=537 msg="Connection Closed"')


def _generate_absurd_dates(
    timeline: RandomTimeline, lines: Sequence[LineArrival]
) -> Iterator[LineArrival]:
    line = timeline.chance.choice(list(lines))
    head, _, rest = line.raw.partition(b"[")
    yield LineArrival(line.at, head + b"[99" + rest[2:])


def _generate_unknown_vendor(
    timeline: RandomTimeline, _lines: Sequence[LineArrival]
) -> Iterator[LineArrival]:
    at = timeline.choose_time()
    text = f"{format_syslog_time(at)} barcode-7 TILLSCAN/2.1 | lane=3 | state=idle | battery=81%"
    yield timeline.build_prompt_arrival(at, text)


_SPOILERS = {
    "m365": _cut_records,
    "sonicwall-hq": _generate_garbled,
    "web": _generate_absurd_dates,
    "unifi": _generate_unknown_vendor,
}
