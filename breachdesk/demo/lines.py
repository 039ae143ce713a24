"""The demo's two days of raw lines, as six sources of one provider would have sent them.

Deterministic: the same seed and first day give the same bytes. Everything in it is invented; names
are under .example, addresses from RFC 5737, telephone numbers from Ofcom's range for drama.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from random import Random

from breachdesk.demo import attack, background, sheets
from breachdesk.demo.mishaps import generate_spoiled
from breachdesk.demo.provider import PROFILE
from breachdesk.demo.routers import VIGOR_SOURCE
from breachdesk.demo.timeline import LineArrival, RandomTimeline, sort_arrivals
from schemas import private_files
from schemas.pipeline.source import BlindInterval
from schemas.settings import ProviderProfile, SourceSettings

FIRST_DAY = date(2026, 11, 21)
CLOUD_HOURS = 168.0
"""Cloud audit records may come a week late and still count."""

SOURCES: dict[str, tuple[Callable[[RandomTimeline], Iterable[LineArrival]], ...]] = {
    "m365": (background.generate_m365, attack.generate_m365),
    "sonicwall-hq": (background.generate_sonicwall,),
    VIGOR_SOURCE: (background.generate_draytek,),
    "mail-gw": (background.generate_mail_gateway,),
    "web": (background.generate_web, attack.generate_web),
    "unifi": (background.generate_unifi,),
}


@dataclass(frozen=True)
class DemoLines:
    """Raw lines a source, stamped with their arrival, and everything to feed them with."""

    lines: dict[str, list[tuple[datetime, bytes]]]
    customers_csv: str
    assets_csv: str
    sources: tuple[SourceSettings, ...]
    profile: ProviderProfile
    gaps: tuple[BlindInterval, ...]


def build_lines(seed: int = 0, start: date = FIRST_DAY) -> DemoLines:
    """Build about 5,000 lines over two days from midnight UTC of `start`."""
    lines = {source: _generate_lines(source, seed, start) for source in SOURCES}
    return DemoLines(
        lines=lines,
        customers_csv=sheets.format_customers_csv(),
        assets_csv=sheets.format_assets_csv(),
        sources=tuple(_build_source_settings(source) for source in SOURCES),
        profile=PROFILE,
        gaps=(_build_gap(start),),
    )


def write_lines(demo: DemoLines, folder: Path) -> None:
    """Write one file a source, named after it, and the two registers; creates the folder if need
    be."""
    private_files.make_folder(folder)
    for source, lines in demo.lines.items():
        private_files.write_bytes(folder / source, b"".join(raw + b"\n" for _, raw in lines))
    private_files.write_text(folder / "customers.csv", demo.customers_csv)
    private_files.write_text(folder / "assets.csv", demo.assets_csv)


def _generate_lines(source: str, seed: int, start: date) -> list[tuple[datetime, bytes]]:
    timeline = RandomTimeline(start, Random(f"{seed}/{source}"))  # noqa: S311 - a demo, no secret
    lines = _collect_arrivals(timeline, SOURCES[source])
    return sort_arrivals([*lines, *generate_spoiled(timeline, source, lines)])


def _collect_arrivals(
    timeline: RandomTimeline, tellers: Iterable[Callable[[RandomTimeline], Iterable[LineArrival]]]
) -> Sequence[LineArrival]:
    return list(chain.from_iterable(teller(timeline) for teller in tellers))


def _build_source_settings(source: str) -> SourceSettings:
    hours = CLOUD_HOURS if source == "m365" else 24.0
    return SourceSettings(name=source, horizon_hours=hours, silence_minutes=120)


def _build_gap(start: date) -> BlindInterval:
    timeline = RandomTimeline(start, Random(0))  # noqa: S311 - only its midnight is asked for
    return BlindInterval(
        source=VIGOR_SOURCE,
        begin=timeline.start + background.GAP[0],
        end=timeline.start + background.GAP[1],
        reason="The router sent nothing; it had lost its connection to us.",
    )
