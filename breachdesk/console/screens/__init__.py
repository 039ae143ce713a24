"""Plug-ins only: one screen a file, in a folder by subject; its pages are in templates/console.

The file name is the id; it exports SCREEN (breachdesk.console.web.screen.Screen).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence

from breachdesk.console.web.screen import Screen, check_screen
from schemas.pipeline.plugin import load_plugins


def load_screens() -> Sequence[Screen]:
    """Load the screens of all folders.

    Raises ConfigurationError for a file without SCREEN, with an id that is not the file name, or
    with a form that does not declare who may send it."""
    screens: list[Screen] = []
    for folder in sorted(entry.name for entry in pkgutil.iter_modules(__path__) if entry.ispkg):
        package = f"{__name__}.{folder}"
        for screen in load_plugins(package, "SCREEN").values():
            check_screen(screen, place=f"{package}/{screen.id}.py")
            screens.append(screen)
    return screens
