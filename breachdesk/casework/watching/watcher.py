"""Watch all sources: read their figures, open and close operations alerts, note blind intervals.

One process does it: the embedded one, or the leader of the workers. What it decides depends on the
store and the moment only, so that a restart, a replay or another leader opens nothing twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from breachdesk.casework.watching import rules
from breachdesk.casework.watching.coverage import compute_since
from breachdesk.casework.watching.heard_minutes import HISTORY_DAYS, HeardMinutes, Span
from breachdesk.casework.watching.reader_troubles import list_troubles
from breachdesk.ports import UnitOfWork
from breachdesk.watch_port import HourPeak
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from schemas.settings import Settings
from streams.normalise.hour_counts import sum_hours
from streams.ports import HourCount, SubjectKind

MARK = "sources.watch"
HISTORY_HOURS = HISTORY_DAYS * 24
KEPT_HOURS = 35 * 24
PAST_HOURS = 7 * 24
WEEK = 7 * 24
BREAK = timedelta(minutes=15)
"""Between two looks: then this installation did not listen all the time."""
SPEAKING_HOURS = 24
"""Of the history in which a source that no setting names was heard, so that its silence counts."""
MOST_OPEN = 500
"""Open alerts: strangers choose addresses freely, and an address is a source."""

Known = Mapping[tuple[str, OperationsKind], OperationsAlert]


@dataclass(frozen=True)
class WatchMark:
    """What a look leaves to the next."""

    looked_at: datetime
    resumed: datetime
    """Since when looks follow each other without a break."""
    configured: Mapping[str, datetime]
    """Since when each source is configured."""

    def format(self) -> str:
        return json.dumps(
            {
                "looked_at": self.looked_at.isoformat(),
                "resumed": self.resumed.isoformat(),
                "configured": {n: at.isoformat() for n, at in sorted(self.configured.items())},
            }
        )


def read_mark(text: str | None, names: Iterable[str], now: datetime) -> WatchMark:
    """Read the mark of the last look and bring it up to `now`."""
    if text is None:
        return WatchMark(now, now, dict.fromkeys(names, now))
    fields = json.loads(text)
    looked_at, resumed = (datetime.fromisoformat(fields[n]) for n in ("looked_at", "resumed"))
    known = {name: datetime.fromisoformat(at) for name, at in fields["configured"].items()}
    return WatchMark(
        max(now, looked_at),
        now if now - looked_at > BREAK else resumed,
        {name: known.get(name, now) for name in names},
    )


@dataclass(frozen=True)
class WatchFindings:
    """What a look decided."""

    changes: Sequence[OperationsAlert]
    mark: WatchMark
    drop_before: int | None = None
    """Hours before this one are dropped. None: not at this look."""


@dataclass
class _HourlyFigures:
    """What changes once an hour."""

    hour: int = -1
    past: Mapping[str, HourCount] = field(default_factory=dict)
    peaks: Mapping[str, HourPeak] = field(default_factory=dict)
    same: dict[str, list[int]] = field(default_factory=dict)
    """Records in the hour of the week that ended last, of earlier weeks."""


class SourceWatcher:
    """Looks at all sources once a minute. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hourly = _HourlyFigures()
        self._heard: dict[str, tuple[datetime, HeardMinutes]] = {}
        """By silent source: hours do not change until it is heard again."""
        self._dropped_in = -1

    def look(
        self,
        uow: UnitOfWork,
        now: datetime,
        journals: Collection[str] | None = None,
        troubles: Sequence[str] = (),
    ) -> WatchFindings:
        """Decide, on a snapshot. Records that wait to be processed are no silence: a source is
        judged as of the moment up to which everything is processed. `troubles`: what this process
        cannot read, each text beginning with the name of its source and a colon."""
        names = list_configured(self._settings)
        mark = read_mark(uow.marks.get(MARK), names, now)
        processed = uow.watch.find_processed_until(journals)
        judged = now if processed is None else min(now, processed)
        known = {(alert.source, alert.kind): alert for alert in uow.watch.list_open()}
        verdicts = [
            *self._judge_arrivals(uow, judged, mark, known),
            *self._judge_figures(uow, judged, known),
            *_judge_customers(uow, judged, known),
            *_judge_readers([*troubles, *list_troubles(uow, now)], known),
        ]
        changes = [
            change
            for source, verdict in verdicts
            if (
                change := rules.apply_verdict(
                    source, known.get((source, verdict.kind)), verdict, judged
                )
            )
        ]
        closed = [change for change in changes if change.id]
        allowed = max(MOST_OPEN - len(known) + len(closed), 0)
        hour, drop_before = _to_hour(mark.looked_at), None
        if hour != self._dropped_in:
            drop_before = max(hour - KEPT_HOURS, uow.watch.find_oldest_kept())
        opened = [change for change in changes if not change.id]
        return WatchFindings([*closed, *opened[:allowed]], mark, drop_before)

    def save(self, uow: UnitOfWork, findings: WatchFindings) -> None:
        """Store what was decided. Idempotent."""
        for alert in findings.changes:
            uow.watch.save(alert)
            gap = rules.build_blind_interval(alert)
            if gap is not None:
                uow.sources.add_gap(gap)
        uow.marks.set(MARK, findings.mark.format())
        if findings.drop_before is not None:
            uow.watch.drop_hours(findings.drop_before)
            self._dropped_in = _to_hour(findings.mark.looked_at)

    def _judge_arrivals(
        self, uow: UnitOfWork, now: datetime, mark: WatchMark, known: Known
    ) -> Iterable[tuple[str, rules.Verdict]]:
        arrivals = uow.sources.get_last_arrivals()
        candidates = {
            name: last
            for name, last in arrivals.items()
            if last is not None
            and (
                now - last > timedelta(minutes=self._get_least_quiet(name))
                or (name, OperationsKind.SILENT) in known
            )
        }
        heard = self._read_heard(uow, candidates, now)
        for name, last in candidates.items():
            alert = known.get((name, OperationsKind.SILENT))
            if alert is not None and last > alert.begin:
                back = heard[name].find_after(int(alert.begin.timestamp() // 60) + 1)
                end = last if back is None else datetime.fromtimestamp(back * 60, UTC)
                yield name, rules.Verdict(OperationsKind.SILENT, is_wrong=False, end=end)
            elif alert is not None:
                # It stays open until a record arrives, also when this installation was off meanwhile.
                is_watched = self._settings.get_source(name).silence_minutes != 0
                yield (
                    name,
                    rules.Verdict(OperationsKind.SILENT, is_wrong=None if is_watched else False),
                )
            elif name in mark.configured or heard[name].hours >= SPEAKING_HOURS:
                yield (
                    name,
                    rules.judge_silence(
                        heard[name],
                        last,
                        now,
                        self._settings.get_source(name).silence_minutes,
                        resumed=mark.resumed,
                        blind=_read_blind(uow, name, now),
                    ),
                )
        for name, since in mark.configured.items():
            alert = known.get((name, OperationsKind.NEVER_SEEN))
            if arrivals.get(name) is None:
                limit = self._settings.get_source(name).silence_minutes
                yield name, rules.judge_never_seen(since, now, limit)
            elif alert is not None:
                yield name, rules.Verdict(OperationsKind.NEVER_SEEN, is_wrong=False)

    def _get_least_quiet(self, name: str) -> int:
        limit = self._settings.get_source(name).silence_minutes
        return rules.LEAST_QUIET if limit is None else limit

    def _read_heard(
        self, uow: UnitOfWork, candidates: Mapping[str, datetime], now: datetime
    ) -> Mapping[str, HeardMinutes]:
        """Read the history of those that were heard since it was read last."""
        fresh = [
            name
            for name, last in candidates.items()
            if name not in self._heard or self._heard[name][0] != last
        ]
        self._heard = {n: known for n, known in self._heard.items() if n in candidates}
        hour = _to_hour(now)
        bits: dict[str, dict[int, int]] = {name: {} for name in fresh}
        if fresh:
            for count in uow.watch.list_hours(
                SubjectKind.SOURCE, hour - HISTORY_HOURS, hour + 1, fresh
            ):
                bits[count.name][count.hour] = count.minutes
        for name in fresh:
            self._heard[name] = (candidates[name], HeardMinutes(bits[name]))
        return {name: heard for name, (_, heard) in self._heard.items()}

    def _judge_figures(
        self, uow: UnitOfWork, now: datetime, known: Known
    ) -> Iterable[tuple[str, rules.Verdict]]:
        hour = _to_hour(now)
        hourly = self._read_hourly(uow, hour)
        by_name: dict[str, dict[int, HourCount]] = {}
        for count in uow.watch.list_hours(SubjectKind.SOURCE, hour - 1, hour + 1):
            by_name.setdefault(count.name, {})[count.hour] = count
        for name, counts in by_name.items():
            yield from _judge_source(name, counts, hour, hourly, known)

    def _read_hourly(self, uow: UnitOfWork, hour: int) -> _HourlyFigures:
        if self._hourly.hour != hour:
            weeks = (hour - 1 - weeks * WEEK for weeks in range(1, 5))
            same: dict[str, list[int]] = {}
            for begin in weeks:
                for count in uow.watch.list_hours(SubjectKind.SOURCE, begin, begin + 1):
                    same.setdefault(count.name, []).append(count.received)
            self._hourly = _HourlyFigures(
                hour,
                uow.watch.sum_hours(SubjectKind.SOURCE, hour - 1 - PAST_HOURS, hour - 1),
                uow.watch.get_peaks(hour - 1 - PAST_HOURS, hour - 1),
                same,
            )
        return self._hourly


def _judge_customers(
    uow: UnitOfWork, now: datetime, known: Known
) -> Iterable[tuple[str, rules.Verdict]]:
    """Judge the customers of whom silent sources tell, as of the last look."""
    begins = {
        source: alert.begin
        for (source, kind), alert in known.items()
        if kind is OperationsKind.SILENT
    }
    unheard = uow.watch.find_unheard_customers(begins, compute_since(now))
    for customer, sources in unheard.items():
        since = max(begins[source] for source in sources)
        yield customer, rules.judge_customer(sources, since)
    for customer, kind in known:
        if kind is OperationsKind.CUSTOMER_SILENT and customer not in unheard:
            yield customer, rules.judge_customer((), None)


def _judge_readers(troubles: Sequence[str], known: Known) -> Iterable[tuple[str, rules.Verdict]]:
    """Judge the sources of which something cannot be read, or could not."""
    by_source: dict[str, list[str]] = {
        source: [] for source, kind in known if kind is OperationsKind.UNREAD
    }
    for text in sorted(set(troubles)):
        source, _, trouble = text.partition(": ")
        by_source.setdefault(source, []).append(trouble)
    for source, texts in by_source.items():
        yield source, rules.judge_reading(texts)


def _judge_source(
    name: str,
    counts: Mapping[int, HourCount],
    hour: int,
    hourly: _HourlyFigures,
    known: Known,
) -> Iterable[tuple[str, rules.Verdict]]:
    """Judge a source that was heard in this hour or the one before."""

    def get_usual(kind: OperationsKind) -> float | None:
        alert = known.get((name, kind))
        return None if alert is None else alert.usual or 0.0

    merged = [replace(count, hour=min(counts)) for count in counts.values()]
    (recent,) = sum_hours(merged)
    past = hourly.past.get(name)
    yield name, rules.judge_failures(recent, past, get_usual(OperationsKind.UNREADABLE))
    yield name, rules.judge_delay(recent, past, get_usual(OperationsKind.DELAYED))
    yield name, rules.judge_clock(recent, is_open=(name, OperationsKind.CLOCK_WRONG) in known)
    yield (
        name,
        rules.judge_collapse(
            counts.get(hour - 1), hourly.same.get(name, ()), get_usual(OperationsKind.COLLAPSED)
        ),
    )
    peak = hourly.peaks.get(name)
    newest = counts[max(counts)]
    usual = get_usual(OperationsKind.FLOODED)
    if peak is not None or usual is not None:
        most, hours = (0, 0) if peak is None else (peak.received, peak.hours)
        yield name, rules.judge_flood(newest, most, hours, usual)


def _read_blind(uow: UnitOfWork, name: str, now: datetime) -> Sequence[Span]:
    """Read when it was silent without being meant to: that is not usual."""
    since = now - timedelta(days=HISTORY_DAYS)
    alerts = uow.watch.list_spans(name, OperationsKind.SILENT.value, since)
    # Not the minutes at both ends, in which it was heard.
    return [
        (int(alert.begin.timestamp() // 60) + 1, int(alert.end.timestamp() // 60) - 1)
        for alert in alerts
        if alert.end is not None
    ]


def list_configured(settings: Settings) -> list[str]:
    """List names of sources that the settings name: tables, followed files, senders, tokens of
    HTTP."""
    intake = settings.intake
    names = {
        *(source.name for source in settings.sources),
        *(files.source for files in settings.files),
        *intake.senders.values(),
        *(name for name in intake.http_tokens if name != "*"),
    }
    return sorted(names)


def _to_hour(moment: datetime) -> int:
    return int(moment.timestamp() // 3600)
