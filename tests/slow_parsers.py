"""Parsers that do what no parser should: a child process is told to load them by name."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine

EXPONENTIAL = re.compile(r"SLOW match (?:a+)+$")


def act(line: SourceLine) -> ParsedEvent:
    fields = {"event.action": "read", "message": line.text, "event.category": ["host"]}
    return ParsedEvent(line.arrived, fields)


def match(line: SourceLine) -> ParsedEvent:
    EXPONENTIAL.match(line.text)
    return act(line)


def loop(line: SourceLine) -> ParsedEvent:
    while True:
        pass


def swallow(line: SourceLine) -> ParsedEvent:
    """Catches whatever ends it, and goes on."""
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001 - the fault that it shows
            continue


def swallow_once(line: SourceLine) -> ParsedEvent:
    with suppress(BaseException):
        loop(line)
    return act(line)


def busy_in_c(line: SourceLine) -> ParsedEvent:
    """Computes in C, which asks for no signals."""
    (10**400_000) ** 60
    return act(line)


def sleep(line: SourceLine) -> ParsedEvent:
    """Waits in C, which asks for no signals."""
    pause = ctypes.CDLL(None).sleep
    for _ in range(10_000):
        pause(10)
    return act(line)


def leave(line: SourceLine) -> ParsedEvent:
    os._exit(0)


def crash(line: SourceLine) -> ParsedEvent:
    ctypes.string_at(1)
    return act(line)


def eat(line: SourceLine) -> ParsedEvent:
    eaten = []
    while True:
        eaten.append(bytearray(16 * 1024 * 1024))


def fail(line: SourceLine) -> ParsedEvent:
    raise KeyError(line.text)


def refuse(line: SourceLine) -> ParsedEvent:
    raise UnparseableRecord("no act in it", place="slow_test: field 3", remedy="Replay it.")


def fold(line: SourceLine) -> IgnoredLine:
    return IgnoredLine("retold")


class Colour(StrEnum):
    RED = "red"


def odd(line: SourceLine) -> ParsedEvent:
    return ParsedEvent(line.arrived, {"event.action": Colour.RED})


def deep(line: SourceLine) -> ParsedEvent:
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    return ParsedEvent(line.arrived, {"event.action": value})


def rich(line: SourceLine) -> ParsedEvent:
    """Every kind of value there is."""
    fields = {
        "whole": 2**80,
        "part": 0.1,
        "yes": True,
        "none": None,
        "list": ["a", 1, {"b": [None, ("c",)]}],
        "text": "\ud800 \N{SNOWMAN} \x00",
    }
    return ParsedEvent(None, fields, id="the id", session="the key")


def opened() -> list[str]:
    """What its descriptors lead to."""
    places = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            places.append(str(descriptor.readlink()))
    return places


def imports(line: SourceLine) -> ParsedEvent:
    """What the process has loaded, and what it was told by its environment."""
    return ParsedEvent(
        line.arrived,
        {
            "modules": sorted({name.partition(".")[0] for name in sys.modules}),
            "environment": sorted(os.environ),
            "files": sorted(opened()),
            "process": os.getpid(),
        },
    )


def nap(line: SourceLine) -> ParsedEvent:
    """Sleeps for a moment, as a process does that waits for its turn."""
    time.sleep(0.3)
    return act(line)


BEHAVIOURS: dict[str, Callable[[SourceLine], ParsedEvent | IgnoredLine]] = {
    each.__name__: each
    for each in (
        match, loop, swallow, swallow_once, busy_in_c, sleep, leave, crash, eat, fail, refuse, fold,
        odd, deep, rich, imports, nap,
    )
}  # fmt: skip


def parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    """The line's second word says what happens."""
    word = line.text.split(" ", 2)[1]
    return BEHAVIOURS.get(word, act)(line)


def claims(line: SourceLine) -> bool:
    text = line.text
    if text.startswith("SLOW claim"):
        while True:
            pass
    return text.startswith("SLOW ")


PARSER = Parser(
    id="slow_test",
    title="A parser that does what no parser should",
    hints=(b"SLOW ",),
    claims=claims,
    parse=parse,
    references=(),
    examples=(),
)
NAME = "slow_parsers:PARSER"
