"""Decide what is wrong with a source, from its figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from breachdesk.casework.watching.heard_minutes import HeardMinutes, Span, compute_limit
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from schemas.pipeline.source import BlindInterval
from streams.ports import HourCount
from streams.ports.counts import LATENESS_SECONDS

LEAST_QUIET = 60
"""Minutes that any source without a limit of its own may be quiet."""
NEVER_SEEN = timedelta(hours=24)
"""After which a configured source that was never heard is reported."""
FEWEST_FAILURES = 10
FEWEST_EVENTS = 20
FEWEST_PAST = 100
"""Records of the past without which nothing is usual."""
FAILURE_STEP, FAILURE_FACTOR = 0.10, 3
MOSTLY = 0.5
DELAYED_CLASS = 4
"""Of LATENESS_SECONDS: later than ten minutes."""
BEHIND, STEADY = 900.0, 120.0
"""Seconds that a clock is behind, and within which its delays lie."""
FEWEST_USUAL = 100
"""Records an hour of a source whose rate can collapse."""
COLLAPSE, RECOVERY = 0.1, 0.3
FLOOD, EBB = 10, 3
FEWEST_FLOOD = 10_000
FEWEST_HOURS = 24
MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one source."""

    kind: OperationsKind
    is_wrong: bool | None
    """None: the figures do not say; what is open stays open."""
    begin: datetime | None = None
    end: datetime | None = None
    """When it was right again, if that is known better than by the present moment."""
    reason: str = ""
    usual: float | None = None


def judge_silence(
    heard: HeardMinutes,
    last: datetime,
    now: datetime,
    limit_minutes: int | None,
    *,
    resumed: datetime | None = None,
    blind: Sequence[Span] = (),
) -> Verdict:
    """Judge whether the source is quiet for longer than its limit, or, without one, for longer than
    its own past explains. `resumed`: since when this installation listens without a break."""
    kind = OperationsKind.SILENT
    if limit_minutes == 0:
        return Verdict(kind, is_wrong=False)
    quiet = int((now - max(last, resumed or last)).total_seconds() // 60)
    if quiet <= (LEAST_QUIET if limit_minutes is None else limit_minutes):
        return Verdict(kind, is_wrong=False)
    limit = limit_minutes
    if limit is None:
        limit = compute_limit(heard, int(now.timestamp() // 60), blind, LEAST_QUIET)
    if quiet <= limit:
        return Verdict(kind, is_wrong=False)
    return Verdict(
        kind,
        is_wrong=True,
        begin=last,
        reason=f"nothing was received for longer than {_format_minutes(limit)}",
        usual=float(limit),
    )


def judge_never_seen(configured: datetime, now: datetime, limit_minutes: int | None) -> Verdict:
    """Judge a configured source of which no record ever arrived."""
    kind = OperationsKind.NEVER_SEEN
    patience = max(NEVER_SEEN, timedelta(minutes=limit_minutes or 0))
    if limit_minutes == 0 or now - configured <= patience:
        return Verdict(kind, is_wrong=False)
    return Verdict(
        kind,
        is_wrong=True,
        begin=configured,
        reason="it is configured, and no record of it ever arrived",
    )


def judge_customer(sources: Sequence[str], since: datetime | None) -> Verdict:
    """Judge a customer of whom only these silent sources told. Their own blind intervals are those
    of the customer."""
    kind = OperationsKind.CUSTOMER_SILENT
    if not sources:
        return Verdict(kind, is_wrong=False)
    names = ", ".join(sources[:MOST_NAMES]) + (" and others" if len(sources) > MOST_NAMES else "")
    return Verdict(
        kind,
        is_wrong=True,
        begin=since,
        reason=f"every source that tells of this customer is silent: {names}",
    )


def judge_reading(troubles: Sequence[str]) -> Verdict:
    """Judge what pollers and followers cannot read of a source. The readers themselves note blind
    intervals, for the time of each."""
    if not troubles:
        return Verdict(OperationsKind.UNREAD, is_wrong=False)
    others = len(troubles) - 1
    more = "" if not others else f", and {others} more" if others > 1 else ", and one more"
    return Verdict(OperationsKind.UNREAD, is_wrong=True, reason=troubles[0] + more)


def judge_failures(recent: HourCount, past: HourCount | None, opened: float | None) -> Verdict:
    """Judge whether more records than usual become no event. `opened`: the usual share when the
    alert opened, if one is open."""
    kind = OperationsKind.UNREADABLE
    if not recent.received:
        return Verdict(kind, is_wrong=None)
    share = recent.failures / recent.received
    usual = opened if opened is not None else _compute_usual_share(past)
    limit = MOSTLY if usual is None else max(usual + FAILURE_STEP, FAILURE_FACTOR * usual)
    if opened is not None:
        # It closes half way down, so that it does not open again at once.
        limit = (limit + (usual or 0.0)) / 2
    if share < min(limit, 1.0) or (opened is None and recent.failures < FEWEST_FAILURES):
        return Verdict(kind, is_wrong=False, end=_to_time(recent.last_failure))
    return Verdict(
        kind,
        is_wrong=True,
        begin=_to_time(recent.first_failure),
        reason=f"{share:.0%} of its records could not be read; usual is {usual or 0.0:.0%}",
        usual=usual or 0.0,
    )


def _compute_usual_share(past: HourCount | None) -> float | None:
    if past is None or past.received < FEWEST_PAST:
        return None
    return min(max(past.failures / past.received, 0.0), 1.0)


def judge_delay(recent: HourCount, past: HourCount | None, opened: float | None) -> Verdict:
    """Judge whether events arrive later than they usually do."""
    kind = OperationsKind.DELAYED
    if sum(recent.lateness) < FEWEST_EVENTS:
        return Verdict(kind, is_wrong=None)
    if opened is None and (past is None or sum(past.lateness) < FEWEST_PAST):
        return Verdict(kind, is_wrong=None)
    usual = int(opened) if opened is not None else find_class(past, 0.95)
    middle = find_class(recent, 0.5)
    if middle < DELAYED_CLASS or middle <= usual:
        return Verdict(kind, is_wrong=False)
    return Verdict(
        kind,
        is_wrong=True,
        begin=_to_time(recent.hour * 3600.0),
        reason=f"half of its events arrive more than {format_lower_bound(middle)} after they happened",
        usual=float(usual),
    )


def judge_clock(recent: HourCount, *, is_open: bool) -> Verdict:
    """Judge whether the source's clock, or the zone it is read in, is wrong: stamps from the
    future, or all behind by the same time."""
    kind = OperationsKind.CLOCK_WRONG
    timed = sum(recent.lateness)
    if timed + recent.suspect < FEWEST_EVENTS:
        return Verdict(kind, is_wrong=None)
    ahead = recent.suspect / (timed + recent.suspect)
    behind = (
        recent.least_late is not None
        and recent.most_late is not None
        and (recent.least_late >= BEHIND and recent.most_late - recent.least_late <= STEADY)
    )
    if ahead < (MOSTLY / 2 if is_open else MOSTLY) and not behind:
        return Verdict(kind, is_wrong=False)
    reason = (
        f"its stamps are {_format_minutes(round((recent.least_late or 0.0) / 60))} behind"
        if behind
        else f"the stamps of {ahead:.0%} of its events lie in the future"
    )
    return Verdict(
        kind,
        is_wrong=True,
        begin=_to_time(recent.hour * 3600.0),
        reason=f"{reason}: its clock, or its zone in the settings, is wrong",
    )


def judge_collapse(
    complete: HourCount | None, same: Sequence[int], opened: float | None
) -> Verdict:
    """Judge whether the last complete hour brought far fewer records than the same hour of earlier
    weeks."""
    kind = OperationsKind.COLLAPSED
    count = 0 if complete is None else complete.received
    usual = opened if opened is not None else sum(same) / len(same) if len(same) > 2 else None
    if usual is None or not count or complete is None:
        return Verdict(kind, is_wrong=None)
    begin = _to_time(complete.hour * 3600.0)
    if opened is not None:
        is_wrong = count < RECOVERY * usual
    else:
        is_wrong = usual >= FEWEST_USUAL and count < COLLAPSE * usual and count < min(same)
    return Verdict(
        kind,
        is_wrong=is_wrong,
        begin=begin,
        end=begin,
        reason=f"{count:,} records in an hour that usually brings {usual:,.0f}",
        usual=usual,
    )


def judge_flood(current: HourCount, peak: int, hours: int, opened: float | None) -> Verdict:
    """Judge whether an hour brings many times the records of any earlier one."""
    kind = OperationsKind.FLOODED
    usual = opened if opened is not None else float(peak) if hours >= FEWEST_HOURS else None
    if usual is None:
        return Verdict(kind, is_wrong=None)
    limit = max((EBB if opened is not None else FLOOD) * usual, FEWEST_FLOOD)
    return Verdict(
        kind,
        is_wrong=current.received > limit,
        begin=_to_time(current.hour * 3600.0),
        reason=f"{current.received:,} records in an hour; the most before were {usual:,.0f}",
        usual=usual,
    )


def find_class(count: HourCount | None, share: float) -> int:
    """Find the class of lateness within which this share of the events lies."""
    lateness = () if count is None else count.lateness
    needed, seen = share * sum(lateness), 0
    for number, events in enumerate(lateness):
        seen += events
        if seen and seen >= needed:
            return number
    return 0


def format_lower_bound(number: int) -> str:
    """Format above which time a class of lateness begins."""
    return _format_minutes(LATENESS_SECONDS[number - 1] // 60)


def _format_minutes(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minutes"
    if minutes < 2 * 24 * 60:
        return f"{minutes // 60} hours"
    return f"{minutes // (24 * 60)} days"


def _to_time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def apply_verdict(
    source: str, known: OperationsAlert | None, verdict: Verdict, now: datetime
) -> OperationsAlert | None:
    """Open or close the alert of this kind. None: nothing changes."""
    if verdict.is_wrong is None:
        return None
    if verdict.is_wrong:
        if known is not None:
            return None
        return OperationsAlert(
            source=source,
            kind=verdict.kind,
            begin=verdict.begin or now,
            opened_at=now,
            reason=verdict.reason,
            usual=verdict.usual,
        )
    if known is None:
        return None
    end = verdict.end if verdict.end is not None and verdict.end >= known.begin else now
    return known.model_copy(update={"end": end, "closed_at": now})


BLIND_WORDS = {
    OperationsKind.SILENT: "silent",
    OperationsKind.NEVER_SEEN: "never received",
    OperationsKind.UNREADABLE: "records could not be read; they are kept as dead letters",
    OperationsKind.COLLAPSED: "far fewer records than usual were received",
}
"""Kinds that leave the source partly or wholly unseen. After a delay, a flood or with a wrong clock
the records are there."""


def build_blind_interval(alert: OperationsAlert) -> BlindInterval | None:
    """Build the interval for which the source was blind. None: it was not."""
    words = BLIND_WORDS.get(alert.kind)
    if words is None:
        return None
    return BlindInterval(source=alert.source, begin=alert.begin, end=alert.end, reason=words)
