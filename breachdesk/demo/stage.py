"""The demo's data folder and its clock: fixed days, and time that only the play moves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from breachdesk.bootstrap.house import holding
from breachdesk.demo.lines import DemoLines
from schemas import private_files
from schemas.customer import AssetKind
from schemas.errors import BadInput, Retryable
from schemas.settings import SenderSettings, Settings, SmtpAuth, Tls

MARK = "this-is-a-demo"
SECRETS = {"password"}
NIGHT_MINUTES = 12 * 60
"""The lines end at midnight and the desk opens in the morning: that silence is the demo's own."""
MORNING_AFTER = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)


class StageClock:
    """breachdesk.ports.Now of the demo: stands still until moved, or runs on from a moment."""

    def __init__(self, start: datetime) -> None:
        self._moment = start
        self._since: float | None = None

    def __call__(self) -> datetime:
        if self._since is None:
            return self._moment
        return self._moment + timedelta(seconds=time.monotonic() - self._since)

    def move_to(self, moment: datetime) -> None:
        """Never back: stamps of what happened stay in order."""
        self._moment = max(self._moment, moment)

    def run_on(self) -> None:
        """From here on simulated time passes as real time does."""
        self._since = time.monotonic()


def fresh_folder(folder: Path) -> Path:
    """An empty data folder for the demo; an earlier demo's is cleared, anything else refused."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise BadInput(
                "the folder holds data that is not a demo's",
                place=str(folder),
                remedy="Name an empty folder with --data-dir.",
            )
        _clear(folder)
    private_files.make_folder(folder)
    private_files.write_text(
        folder / MARK, "Made by breachdesk demo; cleared when it is played again.\n"
    )
    return folder


def _clear(folder: Path) -> None:
    """Raises Retryable while another demo plays or serves there."""
    with holding(folder, "pipeline") as alone:
        if not alone:
            raise Retryable(
                "another demo runs in this folder",
                place=str(folder),
                remedy="Stop it first, or name another folder with --data-dir.",
            )
        shutil.rmtree(folder)


def demo_settings(folder: Path, cast: DemoLines, port: int) -> Settings:
    """Drill settings: mail goes to a folder on this machine, nowhere else."""
    sender = SenderSettings(
        id="drill",
        channel="maildir",
        from_name=cast.profile.legal_name,
        from_email=f"notices@{_domain(cast)}",
        maildir=folder / "mails",
        tls=Tls.NONE,
        auth=SmtpAuth.NONE,
        assets=((AssetKind.DOMAIN, _domain(cast)),),
    )
    return Settings(
        data_dir=folder,
        profile=cast.profile,
        sources=tuple(
            source.model_copy(update={"silence_minutes": NIGHT_MINUTES}) for source in cast.sources
        ),
        senders=(sender,),
        console_port=port,
        drill=True,
        demo=True,
    )


def _domain(cast: DemoLines) -> str:
    return cast.profile.contact_email.rpartition("@")[2]


def write_settings(settings: Settings) -> Path:
    """The same as `breachdesk.toml`, so that every command works on the demo's folder."""
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
    """Settings as TOML: plain keys first, then tables, then arrays of tables."""
    plain = {k: v for k, v in document.items() if not _is_table(v) and not _is_tables(v)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items() if value is not None]
    for key, value in document.items():
        if _is_table(value):
            lines += ["", f"[{key}]", *_pairs(value)]
        elif _is_tables(value):
            for row in value:
                lines += ["", f"[[{key}]]", *_pairs(row)]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def in_arrival_order(cast: DemoLines) -> Sequence[tuple[datetime, str, bytes]]:
    """Every line of every source as it would have come in: (arrived, source, bytes)."""
    rows = [
        (arrived, source, raw) for source, lines in cast.lines.items() for arrived, raw in lines
    ]
    return sorted(rows, key=lambda row: (row[0], row[1]))


Progress = Callable[[int, int], None]
