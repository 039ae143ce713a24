"""Which source a syslog sender is."""

from __future__ import annotations

from schemas.settings import IntakeSettings


def source_of(address: str, settings: IntakeSettings) -> str:
    """The name the settings give this address, else `syslog-<address>`."""
    plain = _plain(address)
    return settings.senders.get(plain, f"syslog-{plain}")


def is_named(address: str, settings: IntakeSettings) -> bool:
    """Do the settings name this sender?"""
    return _plain(address) in settings.senders


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:")
