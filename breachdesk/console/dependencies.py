"""Name what the console is given: settings, store, renderer, clock and log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from breachdesk.console.hourly_volume import HourlyVolume
from breachdesk.ports import DocumentRenderer, Explainer, Now, Store
from schemas.settings import SenderSettings, Settings
from streams.ports import EventLog


class LocalProcessing(Protocol):
    """The part of this process that looks for intruders, where it has one."""

    @property
    def waits_for(self) -> str | None:
        """Why no record is processed just now."""
        ...

    @property
    def trouble(self) -> str:
        """What a person should look at; empty: nothing."""
        ...

    @property
    def warning(self) -> str:
        """What would stop it later; empty: nothing."""
        ...


class LocalTroubles(Protocol):
    """The parts of this process that poll services or follow files."""

    def list_current(self) -> Sequence[str]:
        """List what cannot be read at present; each text begins with the source's name and a
        colon."""
        ...


@dataclass(frozen=True, slots=True)
class ConsoleDependencies:
    """Wired by bootstrap; the console never makes any of these."""

    settings: Settings
    store: Store
    renderer: DocumentRenderer
    now: Now
    explainer: Explainer
    log: EventLog
    templates_dir: Path
    """Holds `console/`."""
    hours: HourlyVolume | None = None
    """Lines received an hour, where the log itself cannot be bisected."""
    processing: LocalProcessing | None = None
    """None: other processes do it."""
    troubles: LocalTroubles | None = None

    @property
    def is_drill(self) -> bool:
        """Cases opened here are drills."""
        return self.settings.drill or self.settings.demo

    def find_sender(self, sender_id: str = "") -> SenderSettings | None:
        """The named sender, the first when none is named, None when there is none."""
        named = [s for s in self.settings.senders if sender_id in ("", s.id)]
        return named[0] if named else None
