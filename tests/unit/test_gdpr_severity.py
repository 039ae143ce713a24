from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.gdpr.severity import (
    Base,
    Circumstances,
    Extent,
    Level,
    data_score,
    from_factors,
    level,
    severity,
)
from schemas.errors import BadInput

FULL, SOME, NONE = Extent.FULL, Extent.SOME, Extent.NONE
STOLEN = Circumstances(confidentiality=FULL, malicious=True)
EXTENTS = st.sampled_from(list(Extent))
CIRCUMSTANCES = st.builds(Circumstances, EXTENTS, EXTENTS, EXTENTS, st.booleans())
DPC = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
EI = st.integers(1, 4)

FIXTURES = [
    ("mail to a known wrong customer", 2, 4, Circumstances(confidentiality=SOME), 2.25, "medium"),
    ("customers saw each other", 1, 4, Circumstances(confidentiality=SOME), 1.25, "low"),
    ("the same, scraped", 1, 4, STOLEN, 2.0, "medium"),
    ("device passwords stolen", 4, 4, STOLEN, 5.0, "very_high"),
    ("a week of access logs", 2, 2, STOLEN, 2.0, "medium"),
    ("a year of access logs", 3, 2, STOLEN, 2.5, "medium"),
    ("bank details taken", 3, 4, STOLEN, 4.0, "very_high"),
    (
        "ransomware restored",
        4,
        4,
        Circumstances(availability=SOME, malicious=True),
        4.75,
        "very_high",
    ),
    ("stolen encrypted laptop", 3, 4, Circumstances(malicious=True), 3.5, "high"),
    ("mailbox forwarded outside", 4, 4, STOLEN, 5.0, "very_high"),
]


@pytest.mark.parametrize(("what", "dpc", "ei", "cb", "score", "named"), FIXTURES)
def test_our_fixtures_score_as_pinned(
    what: str, dpc: int, ei: int, cb: Circumstances, score: float, named: str
) -> None:
    found = severity((dpc,), ei, cb)

    assert (found.score, found.level) == (score, Level(named)), what


@pytest.mark.parametrize(
    ("base", "scores"),
    [
        (Base.SIMPLE, [1, 2, 3, 4]),
        (Base.BEHAVIOURAL, [1, 2, 3, 4]),
        (Base.FINANCIAL, [1, 2, 3, 4]),
        (Base.SENSITIVE, [1, 2, 3, 4]),
    ],
)
def test_enisa_example_data_reaches_every_score_by_whole_steps(
    base: Base, scores: list[int]
) -> None:
    first = {Base.SIMPLE: 0, Base.BEHAVIOURAL: -1, Base.FINANCIAL: -2, Base.SENSITIVE: -3}[base]

    assert [data_score(base, first + step) for step in range(4)] == scores


def test_a_step_that_enisa_does_not_know_is_refused() -> None:
    with pytest.raises(BadInput, match="whole steps"):
        data_score(Base.FINANCIAL, 2)


@pytest.mark.parametrize(
    ("quarters", "named"),
    [
        (7, Level.LOW),
        (8, Level.MEDIUM),
        (11, Level.MEDIUM),
        (12, Level.HIGH),
        (15, Level.HIGH),
        (16, Level.VERY_HIGH),
        (24, Level.VERY_HIGH),
    ],
)
def test_boundaries_are_exact(quarters: int, named: Level) -> None:
    assert level(quarters) is named


@given(DPC, EI, CIRCUMSTANCES)
def test_the_score_stays_between_a_quarter_and_six(
    dpc: tuple[int, ...], ei: int, cb: Circumstances
) -> None:
    assert 0.25 <= severity(dpc, ei, cb).score <= 6


@given(DPC, EI, CIRCUMSTANCES)
def test_the_worst_category_counts_and_flags_never_alter_the_number(
    dpc: tuple[int, ...], ei: int, cb: Circumstances
) -> None:
    plain = severity(dpc, ei, cb)
    flagged = severity((max(dpc),), ei, cb, many_people=True, unintelligible=True)

    assert plain.quarters == flagged.quarters


@given(DPC, st.integers(1, 3), CIRCUMSTANCES, st.integers(1, 4))
def test_more_of_anything_never_lowers_the_score(
    dpc: tuple[int, ...], ei: int, cb: Circumstances, more: int
) -> None:
    before = severity(dpc, ei, cb).quarters
    worse = Circumstances(FULL, cb.integrity, cb.availability, malicious=True)

    assert severity((*dpc, more), ei, cb).quarters >= before
    assert severity(dpc, ei + 1, cb).quarters >= before
    assert severity(dpc, ei, worse).quarters >= before


@given(DPC, EI, CIRCUMSTANCES)
def test_typed_factors_give_the_same_as_chosen_ones(
    dpc: tuple[int, ...], ei: int, cb: Circumstances
) -> None:
    typed = from_factors(max(dpc), ei / 4, cb.quarters / 4)

    assert typed.quarters == severity(dpc, ei, cb).quarters


@pytest.mark.parametrize(
    "factors", [(0, 1, 0), (5, 1, 0), (2.5, 1, 0), (2, 0, 0), (2, 1, 2.25), (2, 0.3, 0)]
)
def test_factors_that_are_no_steps_of_enisa_are_refused(
    factors: tuple[float, float, float],
) -> None:
    with pytest.raises(BadInput):
        from_factors(*factors)


def test_a_quarter_from_a_boundary_is_flagged() -> None:
    assert [severity((d,), 4, Circumstances()).near_boundary for d in (1, 2, 3)] == [
        False,
        True,
        True,
    ]
    assert severity((2,), 4, Circumstances(confidentiality=SOME)).near_boundary
