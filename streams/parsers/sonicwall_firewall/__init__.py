"""Parse SonicWall SonicOS firewalls and SMA gateways: key=value, often without a syslog header, or
CEF."""

from __future__ import annotations

from streams.parsers.sonicwall_firewall.parser import PARSER

__all__ = ["PARSER"]
