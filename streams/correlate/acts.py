"""Count the acts that signals tell of: several lines of one session may tell of one act.

Signals of one session, step and value belong together. Each full line among them is an act. A
retelling is an act only where there is no full line, and of several retellings one is. How many
acts a set holds only grows with the set, and does not depend on the order in which it came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from schemas.pipeline.plugin import DetectorSignal

ActKey = tuple[str | None, str, str]
"""Session, step and value."""


def get_act_key(row: DetectorSignal) -> ActKey:
    """Return what the signals share that may tell of one act."""
    return row.session, row.step, row.value


def iterate_acts(rows: Iterable[DetectorSignal]) -> Iterator[DetectorSignal]:
    """Yield, of rows in their order, each that raises the number of acts: a retelling or full line
    that is the first, and each further full line."""
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


def select_fullest(rows: Sequence[DetectorSignal]) -> list[DetectorSignal]:
    """Select the full lines, and the first retelling of what no full line tells: each act once."""
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


def drop_inner_retellings(rows: Sequence[DetectorSignal]) -> list[DetectorSignal]:
    """Drop the retellings between two other rows that tell of the same: no part of the rows that
    begins with the first or ends with the last holds other acts without them."""
    last: dict[ActKey, int] = {}
    for index, row in enumerate(rows):
        if row.session is not None:
            last[get_act_key(row)] = index
    first: set[ActKey] = set()
    chosen: list[DetectorSignal] = []
    for index, row in enumerate(rows):
        if row.session is not None:
            key = get_act_key(row)
            if row.is_retelling and key in first and last[key] != index:
                continue
            first.add(key)
        chosen.append(row)
    return chosen


def select_first_acts(rows: Iterable[DetectorSignal], acts: int) -> list[DetectorSignal]:
    """Select, of rows in their order, those up to so many acts, without retellings of acts among
    them. Behind the last of these acts nothing counts, not even what tells of it more fully: which
    rows lie there may depend on rows that were dropped."""
    fuller: dict[ActKey, bool] = {}
    chosen: list[DetectorSignal] = []
    for row in rows:
        key = get_act_key(row)
        known = None if row.session is None else fuller.get(key)
        if row.is_retelling and known is not None:
            continue
        chosen.append(row)
        if row.session is not None:
            fuller[key] = not row.is_retelling
        acts -= known is not False
        if not acts:
            break
    return chosen
