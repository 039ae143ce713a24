"""Define the result of one check of a data folder."""

from __future__ import annotations

from schemas.customer import FrozenModel


class PreflightCheck(FrozenModel):
    """The result of one check."""

    what: str
    passed: bool
    finding: str
    remedy: str = ""
    warning: bool = False
    """It works, but a person should look; the exit code does not show it."""
