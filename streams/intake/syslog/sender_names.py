"""Map the address of a syslog sender to its source."""

from __future__ import annotations

from schemas.settings import IntakeSettings

MOST_UNNAMED = 1000
"""Whoever sends datagrams writes any address on them: each would be a source of its own for
ever."""
OTHERS = "syslog-others"


class SyslogSenders:
    """Names senders for one listener. Calls may come from any thread."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._named = settings.senders
        self._unnamed: dict[str, str] = {}

    def get_source(self, address: str) -> str:
        """Return the name in the settings, else `syslog-<address>`; `syslog-others` after the first
        thousand addresses without a name."""
        plain = _strip_mapped_prefix(address)
        named = self._named.get(plain) or self._unnamed.get(plain)
        if named is None:
            named = f"syslog-{plain}" if len(self._unnamed) < MOST_UNNAMED else OTHERS
            if named is not OTHERS:
                self._unnamed[plain] = named
        return named

    def is_named(self, address: str) -> bool:
        """Whether the settings name this sender."""
        return _strip_mapped_prefix(address) in self._named


def _strip_mapped_prefix(address: str) -> str:
    return address.removeprefix("::ffff:")
