"""Pictures as plain numbers: the templates draw them as SVG, each with a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.pipeline.alert import EvidenceSpan

WIDTH = 700
HEIGHT = 96
BARS = 40
FEWEST = 12
"""Columns that the width is parted into at least, so that one hour is no wall."""
TONES = ("low", "high", "critical", "accent", "medium")


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One bar: place and size in the picture, and which series it belongs to."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One step of the pattern: its word, its colour, how many."""

    step: str
    tone: str
    count: int


@dataclass(frozen=True, slots=True)
class EvidenceChart:
    """Evidence over time, stacked by step."""

    bars: tuple[ChartBar, ...]
    series: tuple[ChartSeries, ...]
    begin: datetime
    end: datetime
    sentence: str


def build_evidence_chart(span: EvidenceSpan | None) -> EvidenceChart | None:
    """Forty bars from the first event to the last; None for fewer than two events."""
    if span is None or sum(count.events for count in span.counts) < 2:
        return None
    tones = {step: TONES[i % len(TONES)] for i, step in enumerate(span.steps)}
    counts = Counter({(count.part, count.step): count.events for count in span.counts})
    totals: Counter[str] = Counter()
    for count in span.counts:
        totals[count.step] += count.events
    series = tuple(ChartSeries(step or "events", tones[step], totals[step]) for step in span.steps)
    bars = _build_stacked_bars(counts, span.steps, tones)
    return EvidenceChart(bars, series, span.begin, span.end, _format_sentence(series))


def build_columns(
    counts: Sequence[int], width: int = 300, height: int = 70
) -> tuple[ChartBar, ...]:
    """One bar a count, the highest as high as the picture."""
    top = max(counts, default=0) or 1
    step = width / max(len(counts), FEWEST)
    return tuple(
        ChartBar(
            i * step,
            height - _compute_height(n, top, height),
            step * 0.76,
            _compute_height(n, top, height),
            "",
        )
        for i, n in enumerate(counts)
    )


def compute_share(begin: datetime, due: datetime, now: datetime) -> float:
    """How much of a limit is used up, 0 … 1."""
    whole = (due - begin) or timedelta(seconds=1)
    return min(max((now - begin) / whole, 0.0), 1.0)


def _build_stacked_bars(
    counts: Counter[tuple[int, str]], steps: Sequence[str], tones: dict[str, str]
) -> tuple[ChartBar, ...]:
    totals: Counter[int] = Counter()
    for (bar, _), n in counts.items():
        totals[bar] += n
    top = max(totals.values())
    bars, width = [], WIDTH / BARS
    for bar in range(BARS):
        base = float(HEIGHT)
        for step in steps:
            high = _compute_height(counts[bar, step], top, HEIGHT)
            base -= high
            if high:
                bars.append(ChartBar(bar * width, base, width * 0.74, high, tones[step]))
    return tuple(bars)


def _compute_height(count: int, top: int, height: int) -> float:
    return max(count / top * (height - 6), 2.0) if count else 0.0


def _format_sentence(series: Sequence[ChartSeries]) -> str:
    parts = [f"{s.count:,} {s.step.replace('_', ' ')}" for s in series]
    return "Evidence over time: " + ", ".join(parts)
