"""Define the exit codes of the child."""

from __future__ import annotations

OVERTIME_EXIT = 71
"""The record in hand went on after its end."""
MEMORY_EXIT = 72
"""The record in hand, or what others left behind, needed more memory than is allowed."""
