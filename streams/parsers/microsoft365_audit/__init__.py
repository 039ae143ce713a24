"""Parse the Microsoft 365 unified audit log: API JSON, and rows of the audit search's CSV export."""

from __future__ import annotations

from streams.parsers.microsoft365_audit.parser import PARSER

__all__ = ["PARSER"]
