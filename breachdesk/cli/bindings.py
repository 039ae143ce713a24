"""Commands for bindings that are proposed from unattributed events."""

from __future__ import annotations

import typer


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    del app
