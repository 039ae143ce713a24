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
from breachdesk.demo.cast import PROFILE
from breachdesk.demo.mishaps import spoiled
from breachdesk.demo.routers import VIGOR_SOURCE
from breachdesk.demo.scenery import Arrival, Stage, in_order
from schemas import private_files
from schemas.settings import ProviderProfile, SourceSettings
from schemas.source import BlindInterval

FIRST_DAY = date(2026, 11, 21)
CLOUD_HOURS = 168.0
"""Cloud audit records may come a week late and still count."""

SOURCES: dict[str, tuple[Callable[[Stage], Iterable[Arrival]], ...]] = {
    "m365": (background.m365, attack.m365),
    "sonicwall-hq": (background.sonicwall,),
    VIGOR_SOURCE: (background.draytek,),
    "mail-gw": (background.mail_gateway,),
    "web": (background.web, attack.web),
    "unifi": (background.unifi,),
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


def build(seed: int = 0, start: date = FIRST_DAY) -> DemoLines:
    """About 5,000 lines over two days from midnight UTC of `start`."""
    lines = {source: _lines(source, seed, start) for source in SOURCES}
    return DemoLines(
        lines=lines,
        customers_csv=sheets.customers_csv(),
        assets_csv=sheets.assets_csv(),
        sources=tuple(_settings(source) for source in SOURCES),
        profile=PROFILE,
        gaps=(_gap(start),),
    )


def write_lines(demo: DemoLines, folder: Path) -> None:
    """One file a source, named after it, and the two registers; the folder is made if need be."""
    private_files.make_folder(folder)
    for source, lines in demo.lines.items():
        private_files.write_bytes(folder / source, b"".join(raw + b"\n" for _, raw in lines))
    private_files.write_text(folder / "customers.csv", demo.customers_csv)
    private_files.write_text(folder / "assets.csv", demo.assets_csv)


def _lines(source: str, seed: int, start: date) -> list[tuple[datetime, bytes]]:
    stage = Stage(start, Random(f"{seed}/{source}"))  # noqa: S311 - a play, no secret
    told = _told(stage, SOURCES[source])
    return in_order([*told, *spoiled(stage, source, told)])


def _told(
    stage: Stage, tellers: Iterable[Callable[[Stage], Iterable[Arrival]]]
) -> Sequence[Arrival]:
    return list(chain.from_iterable(teller(stage) for teller in tellers))


def _settings(source: str) -> SourceSettings:
    hours = CLOUD_HOURS if source == "m365" else 24.0
    return SourceSettings(name=source, horizon_hours=hours, silence_minutes=120)


def _gap(start: date) -> BlindInterval:
    stage = Stage(start, Random(0))  # noqa: S311 - only its midnight is asked for
    return BlindInterval(
        source=VIGOR_SOURCE,
        begin=stage.start + background.GAP[0],
        end=stage.start + background.GAP[1],
        reason="The router sent nothing; it had lost its connection to us.",
    )
