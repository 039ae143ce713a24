"""The check's problems as a person reads them: what it is once, then every place where it
stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from schemas.casework.letter import LintProblem


@dataclass(frozen=True)
class TextFinding:
    """One problem, wherever it occurs."""

    severity: str
    problem: str
    remedy: str
    quote: str | None = field(repr=False)
    places: tuple[str, ...]
    customers: tuple[str, ...]


def collect_findings(problems: Iterable[LintProblem]) -> Sequence[TextFinding]:
    """In the order in which they were found; the places of each without repeats."""
    rows: dict[tuple[str, str, str, str | None], list[LintProblem]] = {}
    for problem in problems:
        key = (problem.severity, problem.problem, problem.remedy, problem.quote)
        rows.setdefault(key, []).append(problem)
    return [
        TextFinding(
            *key,
            places=tuple(dict.fromkeys(p.where for p in row)),
            customers=tuple(dict.fromkeys(id_ for p in row for id_ in p.customers)),
        )
        for key, row in rows.items()
    ]
