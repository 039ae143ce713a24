"""Lines that a parser may need more time for than their length: repetitions taken from the
parser's own patterns and examples, and what CPU time they cost."""

from __future__ import annotations

import gc
import random
import re
import signal
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from time import thread_time
from types import FrameType, FunctionType, ModuleType
from typing import Any

from parsing import parse

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import Parser
from streams.sigma.rulebook import RuleBook

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
PACKAGES = ("streams", "schemas")
"""Modules of these are searched for patterns; the standard library and outside ones are not."""
ENDS = ("", "\x00\x01", "\n!")
"""What stands behind the repetitions. What no pattern expects makes it go back."""
CLASS_MEMBERS = {
    op.CATEGORY_DIGIT: "1",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_WORD: "a",
    op.CATEGORY_NOT_DIGIT: "x",
    op.CATEGORY_NOT_SPACE: "x",
    op.CATEGORY_NOT_WORD: " ",
}
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
ORDINARY = ' a1"=:,.-[]{}()<>/\\|@%\t\x01'
"""Members of negated classes are looked for among these."""


LENGTHS = (4 * 1024, 16 * 1024, 64 * 1024)
SHORT = 2 * 1024
"""At so many characters a quadratic read already stands out and an ordinary one takes no time."""
ALLOWED = 2.0
"""CPU seconds of one read. Ordinary ones take milliseconds, even on a machine ten times slower."""
LEAST_MEASURABLE = 0.01
PLAIN = 0.3
"""What is steep and costs so much needs no second measurement."""
STANDS_OUT = 0.002
"""What costs so much while it is short is measured at once, for the rest may cost as much."""
Reader = Callable[[str], None]


class TooSlow(Exception):
    """One read took more CPU time than it was given."""


def patterns_of(parser: Parser) -> list[re.Pattern[str]]:
    """Every compiled text pattern that the parser's functions reach through names of modules,
    through closures and through what their modules import from our packages."""
    patterns: dict[tuple[str, int], re.Pattern[str]] = {}
    queue: list[Any] = [parser.claims, parser.parse]
    visited: set[int] = set()
    while queue:
        value = queue.pop()
        if id(value) in visited:
            continue
        visited.add(id(value))
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
            patterns[value.pattern, value.flags] = value
        queue += _reached_from(value)
    return list(patterns.values())


def _reached_from(value: Any) -> Iterable[Any]:
    if isinstance(value, ModuleType):
        ours = value.__name__.partition(".")[0] in PACKAGES
        return list(vars(value).values()) if ours else ()
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [*cells, sys.modules.get(value.__module__)]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, dict):
        return list(value.values())
    # a cached function's own; the pattern whose method this is
    return [getattr(value, "__wrapped__", None), getattr(value, "__self__", None)]


def repetitions_of(pattern: re.Pattern[str]) -> list[str]:
    """Short texts that the pattern's parts match: literals, class members, bodies of repeats,
    alternatives, and neighbours joined."""
    texts: dict[str, None] = {}
    _collect(_parser.parse(pattern.pattern, pattern.flags), texts)
    return [text for text in texts if 0 < len(text) <= 60]


def _collect(tree: Any, texts: dict[str, None]) -> None:
    run = ""
    previous = ""
    for kind, value in tree:
        if kind is op.LITERAL:
            run += chr(value)
            continue
        if run:
            texts[run] = None
            previous, run = previous + run, ""
        for inner in _inner(kind, value):
            _collect(inner, texts)
        for text in _samples(kind, value):
            texts[text] = None
            texts[previous + text] = None
        previous = _sample(kind, value)
    if run:
        texts[run] = None
        texts[previous + run] = None


def _inner(kind: Any, value: Any) -> list[Any]:
    if kind in REPEATS:
        return [value[2]]
    if kind is op.SUBPATTERN:
        return [value[3]]
    if kind is op.ATOMIC_GROUP:
        return [value]
    if kind is op.BRANCH:
        return list(value[1])
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    return []


def _samples(kind: Any, value: Any) -> list[str]:
    """Every member that a class names, else one text that the node matches."""
    if kind is not op.IN:
        return [_sample(kind, value)]
    return list(dict.fromkeys(_members(value)))


def _sample(kind: Any, value: Any) -> str:
    """One text that the node matches."""
    inner = _inner(kind, value)
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return ""
    if inner:
        least, most = value[:2] if kind in REPEATS else (1, 1)
        return max(map(_sample_all, inner), key=len) * min(max(least, 1), most, 20)
    if kind is op.NOT_LITERAL:
        return next(sign for sign in ORDINARY if ord(sign) != value)
    if kind is op.IN:
        return _members(value)[0]
    return {op.LITERAL: chr(value) if isinstance(value, int) else "", op.ANY: "a"}.get(kind, "")


def _sample_all(tree: Any) -> str:
    return "".join(_sample(kind, value) for kind, value in tree)


def _members(parts: Sequence[tuple[Any, Any]]) -> list[str]:
    if parts[0][0] is op.NEGATE:
        named = set(_members(parts[1:])) if len(parts) > 1 else set()
        return [sign for sign in ORDINARY if sign not in named][:3] or ["\x02"]
    members: list[str] = []
    for kind, value in parts:
        if kind is op.LITERAL:
            members.append(chr(value))
        elif kind is op.RANGE:
            members.append(chr(value[0]))
        elif kind is op.CATEGORY:
            members.append(CLASS_MEMBERS[value])
            members += ["\t"] if value is op.CATEGORY_SPACE else []
    return members or ["a"]


def places_in(line: str) -> list[tuple[str, str]]:
    """Beginning and rest of a line, cut at each of its tokens."""
    cuts = {0, len(line)}
    for token in re.finditer(r"\w+|[^\w\s]|\s+", line):
        cuts.add(token.end())
    return [(line[:cut], line[cut:]) for cut in sorted(cuts)]


@dataclass(frozen=True, slots=True)
class Attack:
    """A line of any length: a beginning, a text many times over, an end."""

    beginning: str
    unit: str
    end: str

    def line(self, length: int) -> str:
        times = max(1, (length - len(self.beginning) - len(self.end)) // len(self.unit))
        return self.beginning + self.unit * times + self.end

    def __str__(self) -> str:
        return f"{self.beginning!r} + {self.unit!r} * n + {self.end!r}"


def attacks_on(parser: Parser, most: int, seed: int = 8) -> list[Attack]:
    """At most so many, drawn evenly from all that the parser's patterns and examples give."""
    units: dict[str, None] = {}
    for pattern in patterns_of(parser):
        units.update(dict.fromkeys(repetitions_of(pattern)))
    places: dict[tuple[str, str], None] = {("", ""): None}
    for example in parser.examples:
        places.update(dict.fromkeys(places_in(example.line)))
    combinations = AttackCombinations(tuple(places), tuple(units))
    count = len(combinations)
    chosen = range(count) if count <= most else random.Random(seed).sample(range(count), most)
    return [combinations[index] for index in chosen]


class AttackCombinations(Sequence[Attack]):
    """Every unit at every place before every end; an attack is built when it is asked for, as
    there are millions."""

    def __init__(self, places: Sequence[tuple[str, str]], units: Sequence[str]) -> None:
        self._units = units
        self._endings = [(start, (*ENDS, rest) if rest else ENDS) for start, rest in places]
        counts = (len(units) * len(ends) for _, ends in self._endings)
        self._bounds = list(accumulate(counts, initial=0))

    def __len__(self) -> int:
        return self._bounds[-1]

    def __getitem__(self, index: int) -> Attack:  # type: ignore[override]
        place = bisect_right(self._bounds, index) - 1
        beginning, ends = self._endings[place]
        unit, end = divmod(index - self._bounds[place], len(ends))
        return Attack(beginning, self._units[unit], ends[end])


def reader_of(parser: Parser) -> Reader:
    """What the recogniser does to a line: ask, then read."""

    def read(text: str) -> None:
        with suppress(UnparseableRecord):
            parse(parser, text, ARRIVED)

    return read


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TooSlow when the body takes more CPU time of this process; `re` looks for signals
    while it searches, so it ends even a search that would never end by itself."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def cost(reader: Reader, text: str, times: int, allowed: float = ALLOWED) -> float:
    """CPU seconds, the best of several. Raises TooSlow after `allowed` CPU seconds."""
    best = allowed
    gc.disable()  # how often it runs depends on what else the process holds
    try:
        for _ in range(times):
            forget_lines()
            with at_most(allowed):
                start = thread_time()
                reader(text)
                best = min(best, thread_time() - start)
    finally:
        gc.enable()
    return best


def forget_lines() -> None:
    """Empty every cache of the parsers: a line that is read again must cost what it cost first."""
    for cached in _caches():
        cached.cache_clear()


@cache
def _caches() -> list[Any]:
    modules = [module for name, module in sys.modules.items() if name.startswith("streams.")]
    values = (value for module in modules for value in vars(module).values())
    return [value for value in values if hasattr(value, "cache_clear")]


def steep_attacks(reader: Reader, attacks: Sequence[Attack], measured: int = 24) -> list[str]:
    """What costs more than its length: all are read once while they are short, and the slowest of
    them at three lengths. Each steep one is described with its CPU times in milliseconds."""
    costs: list[tuple[float, int]] = []
    early = 0
    for index, attack in enumerate(attacks):
        try:
            seconds = cost(reader, attack.line(SHORT), 1)
        except TooSlow:
            return [f"{attack}: never ends at {SHORT} bytes"]
        if seconds > STANDS_OUT and early < measured:
            early += 1
            if (steep := growth(reader, attack)) is not None:
                return [steep]
        costs.append((seconds, index))
    slowest = sorted(costs, reverse=True)[:measured]
    descriptions = (growth(reader, attacks[index]) for _, index in slowest)
    return [description for description in descriptions if description is not None]


def growth(reader: Reader, attack: Attack) -> str | None:
    """How the cost grows, if it is steeper than the length. What looks steep is measured again: a
    loaded machine now and then makes one figure too large."""
    seconds: list[float] = []
    for times in (1, 7, 25):
        try:
            seconds = [cost(reader, attack.line(length), times) for length in LENGTHS]
        except TooSlow:
            return f"{attack}: never ends"
        if not is_steep(seconds):
            return None
        if seconds[-1] > PLAIN:
            break
    shown = ", ".join(f"{1000 * each:.2f}" for each in seconds)
    return f"{attack}: {shown} ms"


def is_steep(seconds: Sequence[float]) -> bool:
    """Sixteen times the length costs a linear reader 16 times as much and a quadratic one 256
    times; the limit is between. Below LEAST_MEASURABLE the clock says nothing."""
    least, middle, most = seconds
    return most > LEAST_MEASURABLE and (most > 64 * least or most > 9 * middle)


def reader_of_rule(book: RuleBook) -> Reader:
    """Asks a book's first rule about an event that holds the text as a name, twice."""
    predicate = book.rules[0].predicate

    def read(text: str) -> None:
        predicate({"user.name": text, "user.email": [text, "jo@contoso.example"]})

    return read
