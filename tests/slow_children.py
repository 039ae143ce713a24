"""The child processes that read records, as a test sees them from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 180.0
"""Wall seconds; the machine may be loaded."""


def children(parent: int) -> list[int]:
    """Of that process, those that read records and are alive."""
    return [pid for pid in readers() if of(pid)[1] == parent]


def readers() -> list[int]:
    """All processes that read records and are alive, whoever started them."""
    alive = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"streams.parser_process.child" in command:
            alive.append(int(folder.name))
    return alive


def of(pid: int) -> tuple[float, int]:
    """Its seconds of processor time, and its parent; zeros when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), int(words[1])


def computing(parent: int, seconds: float) -> int | None:
    """The child of that process that has computed for so long."""
    return next((pid for pid in children(parent) if of(pid)[0] > seconds), None)


def until(true: Callable[[], T], tell: Callable[[], str] = lambda: "") -> T:
    """What it gives once that is true."""
    end = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < end, f"it did not happen; {tell()}"
        time.sleep(0.02)
    return value
