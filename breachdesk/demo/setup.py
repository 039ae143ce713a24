"""Prepare the demo's data folder and its clock: fixed days, and time that only the demo moves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from breachdesk.bootstrap.container import hold_lock
from breachdesk.demo.lines import DemoLines
from schemas import private_files
from schemas.customer import AssetKind
from schemas.errors import BadInput, RetryableError
from schemas.settings import SenderSettings, Settings, SmtpAuth, SmtpTls

MARK = "this-is-a-demo"
SECRETS = {"password"}
NIGHT_MINUTES = 12 * 60
"""The lines end at midnight and people begin in the morning: the sources are silent meanwhile."""
MORNING_AFTER = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)


class DemoClock:
    """Implements breachdesk.ports.Now for the demo: fixed until moved, or running from a moment."""

    def __init__(self, start: datetime) -> None:
        self._moment = start
        self._since: float | None = None

    def __call__(self) -> datetime:
        if self._since is None:
            return self._moment
        return self._moment + timedelta(seconds=time.monotonic() - self._since)

    def move_to(self, moment: datetime) -> None:
        """Move forward, never back: timestamps stay in order."""
        self._moment = max(self._moment, moment)

    def run_on(self) -> None:
        """Let simulated time pass as real time from here on."""
        self._since = time.monotonic()


def prepare_folder(folder: Path) -> Path:
    """Prepare an empty data folder for the demo; an earlier demo's is cleared, anything else
    refused."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise BadInput(
                "the folder holds data that is not a demo's",
                place=str(folder),
                remedy="Name an empty folder with --data-dir.",
            )
        _clear_folder(folder)
    private_files.make_folder(folder)
    private_files.write_text(
        folder / MARK, "Made by breachdesk demo; cleared when it runs again.\n"
    )
    return folder


def _clear_folder(folder: Path) -> None:
    """Clear the folder. Raises RetryableError while another demo uses it."""
    with hold_lock(folder, "pipeline") as alone:
        if not alone:
            raise RetryableError(
                "another demo runs in this folder",
                place=str(folder),
                remedy="Stop it first, or name another folder with --data-dir.",
            )
        shutil.rmtree(folder)


def build_settings(folder: Path, demo_lines: DemoLines, port: int) -> Settings:
    """Build drill settings: mail goes to a folder on this machine, nowhere else."""
    sender = SenderSettings(
        id="drill",
        channel="maildir",
        from_name=demo_lines.profile.legal_name,
        from_email=f"notices@{_get_domain(demo_lines)}",
        maildir=folder / "mails",
        tls=SmtpTls.NONE,
        auth=SmtpAuth.NONE,
        assets=((AssetKind.DOMAIN, _get_domain(demo_lines)),),
    )
    return Settings(
        data_dir=folder,
        profile=demo_lines.profile,
        sources=tuple(
            source.model_copy(update={"silence_minutes": NIGHT_MINUTES})
            for source in demo_lines.sources
        ),
        senders=(sender,),
        console_port=port,
        drill=True,
        demo=True,
    )


def _get_domain(demo_lines: DemoLines) -> str:
    return demo_lines.profile.contact_email.rpartition("@")[2]


def write_settings(settings: Settings) -> Path:
    """Write the settings as `breachdesk.toml`, so that every command works on the demo's folder."""
    file = settings.data_dir / "breachdesk.toml"
    document = settings.model_dump(
        mode="json",
        # Secrets of servers stay in the environment that named them.
        exclude={"data_dir": True, "store": SECRETS, "kafka": SECRETS},
        exclude_defaults=True,
    )
    private_files.write_text(file, "# Made by breachdesk demo.\n" + to_toml(document))
    return file


def to_toml(document: dict[str, Any]) -> str:
    """Convert settings to TOML: plain keys first, then tables, then arrays of tables."""
    plain = {k: v for k, v in document.items() if not _is_table(v) and not _is_tables(v)}
    lines = [f"{key} = {_format_value(value)}" for key, value in plain.items() if value is not None]
    for key, value in document.items():
        if _is_table(value):
            lines += ["", f"[{key}]", *_format_pairs(value)]
        elif _is_tables(value):
            for row in value:
                lines += ["", f"[[{key}]]", *_format_pairs(row)]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _format_pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_format_value(value)}" for key, value in table.items() if value is not None]


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_format_value(v) for v in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def list_in_arrival_order(demo_lines: DemoLines) -> Sequence[tuple[datetime, str, bytes]]:
    """List every line of every source in order of arrival: (arrived, source, bytes)."""
    rows = [
        (arrived, source, raw)
        for source, lines in demo_lines.lines.items()
        for arrived, raw in lines
    ]
    return sorted(rows, key=lambda row: (row[0], row[1]))


Progress = Callable[[int, int], None]
