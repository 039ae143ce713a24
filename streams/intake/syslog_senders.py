"""Which source a syslog sender is."""

from __future__ import annotations

from schemas.settings import IntakeSettings


def source_of(address: str, settings: IntakeSettings) -> str:
    """The name the settings give this address, else `syslog-<address>`."""
    plain = address.removeprefix("::ffff:")
    return settings.senders.get(plain, f"syslog-{plain}")
