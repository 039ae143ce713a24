"""Locate templates, rules and data: next to the sources in a checkout, else inside the wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from schemas.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]


def _find_shipped_folder(folder: str) -> Path:
    inside = Path(str(files("breachdesk"))) / f"_{folder}"
    return inside if inside.is_dir() else CHECKOUT / folder


def get_templates_dir(settings: Settings) -> Path:
    """Return the configured folder (for the legal team's own texts), else ours."""
    return settings.templates_dir or _find_shipped_folder("templates")


def list_rules_dirs(settings: Settings) -> tuple[Path, ...]:
    """List our pack first, then the configured folders."""
    return (_find_shipped_folder("rules"), *settings.rules_dirs)


def get_journal_dir(settings: Settings) -> Path:
    """Return the folder of the journal's day files."""
    return settings.data_dir / "journal"


def get_law_dir(settings: Settings) -> Path:
    """Return the folder of the operator's corrections to the law; it need not exist."""
    return settings.data_dir / "law"


def build_store_url(settings: Settings) -> str:
    """Build the SQLAlchemy address of the store: the configured server, else a file in the data
    folder."""
    return settings.store.url or f"sqlite:///{settings.data_dir / 'store.db'}"
