"""Render a year's breaches and near misses as one SVG picture, without a script or an outside
font."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from schemas.casework.figures import BreachCount, YearFigures

WIDTH, ROW, LEFT, RIGHT = 720, 24, 290, 90
BREACH, NEAR = "#b3401f", "#5b7fb8"
INK, QUIET = "#1d1d1f", "#6b6b73"


def render_picture(figures: YearFigures) -> str:
    """Render bars by cause, then by month; each bar is labelled with its figures."""
    causes = [c for c in figures.by_cause if c.breaches or c.near_misses]
    height = 60 + ROW * (len(causes) + len(figures.by_month) + 3)
    label = (
        f"{figures.year}: {figures.breaches} breaches and {figures.near_misses} near misses, "
        "by cause and by month"
    )
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}" font-family="Libertinus Serif, Georgia, serif" '
        'font-size="14">'
    )
    parts = [
        opening,
        f"<title>{escape(label)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_render_legend(figures),
    ]
    y = 62
    for title, counts in (("By cause", causes), ("By month", figures.by_month)):
        parts.append(_render_text(0, y + 6, title, weight="bold"))
        y += ROW
        parts += _render_bars(counts, y)
        y += ROW * max(len(counts), 1)
    return "\n".join([*parts, "</svg>", ""])


def _render_legend(figures: YearFigures) -> Iterator[str]:
    sort = ", drills" if figures.drills else ""
    yield _render_text(0, 18, f"Breaches and near misses {figures.year}{sort}", weight="bold")
    yield f'<rect x="0" y="28" width="12" height="12" fill="{BREACH}"/>'
    yield _render_text(18, 39, f"breaches: {figures.breaches}")
    yield f'<rect x="130" y="28" width="12" height="12" fill="{NEAR}"/>'
    yield _render_text(148, 39, f"near misses: {figures.near_misses}")


def _render_bars(counts: Sequence[BreachCount], y: int) -> Iterator[str]:
    if not counts:
        yield _render_text(0, y + 6, "none", fill=QUIET)
    top = max((c.breaches + c.near_misses for c in counts), default=0) or 1
    unit = (WIDTH - LEFT - RIGHT) / top
    for number, counted in enumerate(counts):
        row = y + number * ROW
        yield _render_text(0, row + 6, counted.name)
        first, second = counted.breaches * unit, counted.near_misses * unit
        if first:
            yield f'<rect x="{LEFT}" y="{row - 7}" width="{first:.1f}" height="16" fill="{BREACH}"/>'
        if second:
            yield (
                f'<rect x="{LEFT + first:.1f}" y="{row - 7}" width="{second:.1f}" height="16" '
                f'fill="{NEAR}"/>'
            )
        if first or second:
            label = f"{counted.breaches} + {counted.near_misses}"
            yield _render_text(LEFT + first + second + 6, row + 6, label, fill=QUIET)


def _render_text(x: float, y: float, words: str, *, fill: str = INK, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-weight="{weight}">{escape(words)}</text>'
    )
