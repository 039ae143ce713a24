"""Count the acts that signals tell of: several lines of one session may tell of one act, and one
line of several attempts.

Signals of one session, step and value belong together. Each full line among them is as many acts as
it tells of attempts. A retelling is an act only where there is no full line. Of several retellings
one is, or as many as the one that tells of the most attempts; where the full lines tell of fewer, these
are the acts. How many acts a set holds only grows with the set, and does not depend on the order in
which it came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from schemas.pipeline.alert import ATTEMPTS
from schemas.pipeline.plugin import DetectorSignal

ActKey = tuple[str | None, str, str]
"""Session, step and value."""

FURTHER = "breach.auth.further_attempts"
"""Whether the attempts of a record come after others of its session that have a line of their own
(`2 more authentication failures`)."""
MOST_ATTEMPTS = 1_000_000
"""Attempts of one record that are counted."""


def read_attempts(fields: Mapping[str, Any], *, is_retelling: bool) -> int:
    """Read how many refused attempts an event tells of; of a retelling, how many of its session.

    An accepted sign-in is one, whatever was tried before it."""
    attempts = fields.get(ATTEMPTS, 1)
    further = is_retelling and fields.get(FURTHER) is True
    if (attempts == 1 and not further) or type(attempts) is not int or attempts < 1:
        return 1
    if fields.get("event.outcome") != "failure":
        return 1
    return min(attempts, MOST_ATTEMPTS) + further


def get_act_key(row: DetectorSignal) -> ActKey:
    """Return what the signals share that may tell of one act."""
    return row.session, row.step, row.value


def count_attempts(rows: Iterable[DetectorSignal]) -> int:
    """Count the attempts that acts tell of: what `select_fullest` returns, or rows without
    retellings."""
    # A list, since a generator costs more than its elements.
    return sum([row.attempts for row in rows])


def iterate_acts(rows: Iterable[DetectorSignal]) -> Iterator[DetectorSignal]:
    """Yield, of rows in their order, each that would raise the number of acts if none told of
    several attempts: a retelling or full line that is the first, and each further full line."""
    fuller: dict[ActKey, bool] = {}
    """Whether a full line was among those that came."""
    for row in rows:
        if row.session is None:
            yield row
            continue
        key = get_act_key(row)
        if row.is_retelling:
            if key not in fuller:
                fuller[key] = False
                yield row
        else:
            if fuller.get(key) is not False:
                yield row
            fuller[key] = True


def iterate_attempts(rows: Iterable[DetectorSignal]) -> Iterator[tuple[DetectorSignal, int]]:
    """Yield, of rows in their order, each that raises the number of acts, and by how many."""
    sums: dict[ActKey, tuple[int, int]] = {}
    """What the full lines tell, and what the retelling of the most attempts does."""
    for row in rows:
        if row.session is None:
            yield row, row.attempts
            continue
        key = get_act_key(row)
        full, again = sums.get(key, (0, 0))
        before = max(full, again)
        if row.is_retelling:
            again = max(again, row.attempts)
        else:
            full += row.attempts
        sums[key] = full, again
        more = max(full, again) - before
        if more:
            yield row, more


def find_act(rows: Iterable[DetectorSignal], number: int) -> DetectorSignal | None:
    """Find, of rows in their order, the one that tells of the act of this number, from 1."""
    for row, attempts in iterate_attempts(rows):
        number -= attempts
        if number <= 0:
            return row
    return None


def select_fullest(rows: Sequence[DetectorSignal]) -> list[DetectorSignal]:
    """Select the full lines, and the first retelling of what no full line tells: each act once.

    A retelling that tells of more attempts than the full lines do takes their place."""
    if any(row.is_retelling and row.attempts > 1 for row in rows):
        return _select_by_attempts(rows)
    described = {get_act_key(row) for row in rows if not row.is_retelling and row.session}
    chosen: list[DetectorSignal] = []
    for row in rows:
        if row.is_retelling:
            key = get_act_key(row)
            if key in described:
                continue
            described.add(key)
        chosen.append(row)
    return chosen


def _select_by_attempts(rows: Sequence[DetectorSignal]) -> list[DetectorSignal]:
    """Select as `select_fullest` does, where retellings tell of several attempts."""
    full: dict[ActKey, int] = {}
    again: dict[ActKey, DetectorSignal] = {}
    """The retelling of the most attempts."""
    for row in rows:
        key = get_act_key(row)
        if not row.is_retelling:
            full[key] = full.get(key, 0) + row.attempts
        elif key not in again or again[key].attempts < row.attempts:
            again[key] = row
    fuller = {key: row for key, row in again.items() if row.attempts > full.get(key, 0)}
    return [row for row in rows if _is_fullest(row, fuller.get(get_act_key(row)))]


def _is_fullest(row: DetectorSignal, fuller: DetectorSignal | None) -> bool:
    return not row.is_retelling if fuller is None else row is fuller


def drop_inner_retellings(rows: Sequence[DetectorSignal]) -> list[DetectorSignal]:
    """Drop the retellings between two other rows that tell of the same: no part of the rows that
    begins with the first or ends with the last holds other acts without them. Those of several
    attempts stay."""
    last: dict[ActKey, int] = {}
    for index, row in enumerate(rows):
        if row.session is not None:
            last[get_act_key(row)] = index
    first: set[ActKey] = set()
    chosen: list[DetectorSignal] = []
    for index, row in enumerate(rows):
        if row.session is not None:
            key = get_act_key(row)
            if row.is_retelling and key in first and last[key] != index and row.attempts == 1:
                continue
            first.add(key)
        chosen.append(row)
    return chosen


def select_first_acts(rows: Iterable[DetectorSignal], acts: int) -> list[DetectorSignal]:
    """Select, of rows in their order, those up to so many acts, without retellings of acts among
    them. Behind the last of these acts nothing counts, not even what tells of it more fully: which
    rows lie there may depend on rows that were dropped.

    What tells of several attempts is one act here. Retellings of more attempts than those before
    them stay, up to so many attempts."""
    fuller: dict[ActKey, bool] = {}
    most: dict[ActKey, int] = {}
    """Of the retellings, where it is not 1."""
    chosen: list[DetectorSignal] = []
    left = acts
    for row in rows:
        key = get_act_key(row)
        known = None if row.session is None else fuller.get(key)
        more = row.attempts - most.get(key, 1) if row.is_retelling else 0
        if row.is_retelling and known is not None and (more <= 0 or left <= 0):
            continue
        chosen.append(row)
        if more > 0:
            most[key] = row.attempts
            left -= more
        if row.session is not None:
            fuller[key] = bool(known) or not row.is_retelling
        acts -= known is None or (known and not row.is_retelling)
        if acts <= 0:
            break
    return chosen
