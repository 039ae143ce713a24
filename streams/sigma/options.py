"""Read the `breach:` block of a rule file, for what Sigma has no word. See rules/README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sigma.correlations import SigmaCorrelationTimespan
from sigma.exceptions import SigmaTimespanError

from schemas.errors import BadInput
from schemas.pipeline.plugin import DetectorExample
from streams.sigma.documents import OFFSET

ORGANIZATION = "organization"
PROVIDER = "provider"
LONGEST_SPREAD = 366 * 86_400
"""Seconds between the first and the last event of an example."""
MOST_REPEATS = 10_000
KNOWN = {"scope", "quiet", "group-by", "examples"}


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What the block says; None: the documented default."""

    scope: str = ORGANIZATION
    quiet: int | None = None
    """Seconds."""
    group_by: tuple[str, ...] | None = None
    examples: tuple[DetectorExample, ...] = ()


def read_options(attributes: Mapping[str, Any], place: str) -> RuleOptions:
    """Read the block. Raises BadInput naming the word that is wrong."""
    block = attributes.get("breach", {})
    if not isinstance(block, dict) or not set(block) <= KNOWN:
        odd = sorted(set(block) - KNOWN) if isinstance(block, dict) else "no mapping"
        raise _build_error(
            f"breach: unknown {odd}", place, f"Known are {', '.join(sorted(KNOWN))}."
        )
    scope = block.get("scope", ORGANIZATION)
    if scope not in (ORGANIZATION, PROVIDER):
        raise _build_error(f"breach.scope is {scope!r}", place, "Write organization or provider.")
    group_by = block.get("group-by")
    if group_by is not None and not (isinstance(group_by, list) and group_by):
        raise _build_error("breach.group-by is no list", place, "Write a list of field names.")
    examples = block.get("examples", [])
    if not isinstance(examples, list):
        raise _build_error("breach.examples is no list", place, "Write a list of examples.")
    return RuleOptions(
        scope=scope,
        quiet=parse_seconds(block["quiet"], "breach.quiet", place) if "quiet" in block else None,
        group_by=None if group_by is None else tuple(map(str, group_by)),
        examples=tuple(_parse_example(e, place) for e in examples),
    )


def parse_seconds(duration: Any, name: str, place: str) -> int:
    """Parse `15m` to 900. Raises BadInput."""
    try:
        return SigmaCorrelationTimespan(duration).seconds
    except SigmaTimespanError as wrong:
        raise _build_error(
            f"{name}: {duration!r} is no time span", place, "Write e.g. 15m."
        ) from wrong


def _parse_example(block: Any, place: str) -> DetectorExample:
    if not isinstance(block, dict) or not {"title", "events", "alerts"} <= set(block):
        raise _build_error(
            "breach.examples: title, events or alerts missing", place, "Write all three."
        )
    return DetectorExample(
        title=str(block["title"]),
        events=expand(block["events"], place),
        alerts=_check_whole(block["alerts"], "alerts", place),
        severity=block.get("severity"),
    )


def expand(events: Sequence[Any], place: str) -> tuple[Mapping[str, Any], ...]:
    """Expand events as written; one with `repeat: n` represents n of them, `every` apart, and `{n}`
    in its strings is the running number from 1."""
    expanded: list[Mapping[str, Any]] = []
    for event in events if isinstance(events, list) else [events]:
        if not isinstance(event, dict):
            raise _build_error(
                "breach.examples: an event is no mapping", place, "Write field: value."
            )
        fields = {k: v for k, v in event.items() if k not in ("repeat", "every")}
        step = parse_seconds(event["every"], "every", place) if "every" in event else 1
        times = _check_whole(event.get("repeat", 1), "repeat", place)
        if times > MOST_REPEATS:
            raise _build_error(
                f"repeat is {times}", place, f"Repeat at most {MOST_REPEATS:,} times."
            )
        for index in range(times):
            copy = {k: _insert_number(v, index + 1) for k, v in fields.items()}
            expanded.append(copy | {OFFSET: _build_offset(step * index, place)} if index else copy)
    return tuple(expanded)


def _check_whole(number: Any, name: str, place: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise _build_error(f"breach.examples: {name} is {number!r}", place, "Write a whole number.")
    return number


def _build_offset(seconds_: float, place: str) -> timedelta:
    """Raises BadInput for what leads beyond every calendar."""
    if seconds_ > LONGEST_SPREAD:
        raise _build_error("an example spreads over more than a year", place, "Repeat it sooner.")
    return timedelta(seconds=seconds_)


def _insert_number(value: Any, index: int) -> Any:
    return value.replace("{n}", str(index)) if isinstance(value, str) else value


def _build_error(problem: str, place: str, remedy: str) -> BadInput:
    return BadInput(f"{problem}.", place=place, remedy=remedy)
