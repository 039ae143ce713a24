from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.gdpr import enisa
from breachdesk.gdpr.severity import (
    BreachCircumstances,
    DataKindScore,
    SeverityLevel,
    compute_data_score,
    compute_factor_severity,
    compute_from_factors,
    compute_level,
    compute_severity,
    find_missing,
)
from schemas.casework.decision import EffectExtent, SeverityFactors
from schemas.customer import DataCategory
from schemas.errors import BadInput

NAN, INF = float("nan"), float("inf")
FULL, SOME, NONE = EffectExtent.FULL, EffectExtent.SOME, EffectExtent.NONE
STOLEN = BreachCircumstances(confidentiality=FULL, malicious=True)
EXTENTS = st.sampled_from(list(EffectExtent))
CIRCUMSTANCES = st.builds(BreachCircumstances, EXTENTS, EXTENTS, EXTENTS, st.booleans())
DPC = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
EI = st.integers(1, 4)

FIXTURES = [
    (
        "mail to a known wrong customer",
        2,
        4,
        BreachCircumstances(confidentiality=SOME),
        2.25,
        "medium",
    ),
    ("customers saw each other", 1, 4, BreachCircumstances(confidentiality=SOME), 1.25, "low"),
    ("the same, scraped", 1, 4, STOLEN, 2.0, "medium"),
    ("device passwords stolen", 4, 4, STOLEN, 5.0, "very_high"),
    ("a week of access logs", 2, 2, STOLEN, 2.0, "medium"),
    ("a year of access logs", 3, 2, STOLEN, 2.5, "medium"),
    ("bank details taken", 3, 4, STOLEN, 4.0, "very_high"),
    (
        "ransomware restored",
        4,
        4,
        BreachCircumstances(availability=SOME, malicious=True),
        4.75,
        "very_high",
    ),
    ("stolen encrypted laptop", 3, 4, BreachCircumstances(malicious=True), 3.5, "high"),
    ("mailbox forwarded outside", 4, 4, STOLEN, 5.0, "very_high"),
]


@pytest.mark.parametrize(("what", "dpc", "ei", "cb", "score", "named"), FIXTURES)
def test_our_fixtures_score_as_pinned(
    what: str, dpc: int, ei: int, cb: BreachCircumstances, score: float, named: str
) -> None:
    severity = compute_severity((dpc,), ei, cb)

    assert (severity.score, severity.level) == (score, SeverityLevel(named)), what


@pytest.mark.parametrize(
    ("base", "scores"),
    [
        (DataKindScore.SIMPLE, [1, 2, 3, 4]),
        (DataKindScore.BEHAVIOURAL, [1, 2, 3, 4]),
        (DataKindScore.FINANCIAL, [1, 2, 3, 4]),
        (DataKindScore.SENSITIVE, [1, 2, 3, 4]),
    ],
)
def test_enisa_example_data_reaches_every_score_by_whole_steps(
    base: DataKindScore, scores: list[int]
) -> None:
    first = {
        DataKindScore.SIMPLE: 0,
        DataKindScore.BEHAVIOURAL: -1,
        DataKindScore.FINANCIAL: -2,
        DataKindScore.SENSITIVE: -3,
    }[base]

    assert [compute_data_score(base, first + step) for step in range(4)] == scores


def test_a_step_that_enisa_does_not_know_is_refused() -> None:
    with pytest.raises(BadInput, match="whole steps"):
        compute_data_score(DataKindScore.FINANCIAL, 2)


@pytest.mark.parametrize(
    ("quarters", "named"),
    [
        (7, SeverityLevel.LOW),
        (8, SeverityLevel.MEDIUM),
        (11, SeverityLevel.MEDIUM),
        (12, SeverityLevel.HIGH),
        (15, SeverityLevel.HIGH),
        (16, SeverityLevel.VERY_HIGH),
        (24, SeverityLevel.VERY_HIGH),
    ],
)
def test_boundaries_are_exact(quarters: int, named: SeverityLevel) -> None:
    assert compute_level(quarters) is named


@given(DPC, EI, CIRCUMSTANCES)
def test_the_score_stays_between_a_quarter_and_six(
    dpc: tuple[int, ...], ei: int, cb: BreachCircumstances
) -> None:
    assert 0.25 <= compute_severity(dpc, ei, cb).score <= 6


@given(DPC, EI, CIRCUMSTANCES)
def test_the_worst_category_counts_and_flags_never_alter_the_number(
    dpc: tuple[int, ...], ei: int, cb: BreachCircumstances
) -> None:
    plain = compute_severity(dpc, ei, cb)
    flagged = compute_severity((max(dpc),), ei, cb, many_people=True, unintelligible=True)

    assert plain.quarters == flagged.quarters


@given(DPC, st.integers(1, 3), CIRCUMSTANCES, st.integers(1, 4))
def test_more_of_anything_never_lowers_the_score(
    dpc: tuple[int, ...], ei: int, cb: BreachCircumstances, more: int
) -> None:
    before = compute_severity(dpc, ei, cb).quarters
    worse = BreachCircumstances(FULL, cb.integrity, cb.availability, malicious=True)

    assert compute_severity((*dpc, more), ei, cb).quarters >= before
    assert compute_severity(dpc, ei + 1, cb).quarters >= before
    assert compute_severity(dpc, ei, worse).quarters >= before


@given(DPC, EI, CIRCUMSTANCES)
def test_typed_factors_give_the_same_as_chosen_ones(
    dpc: tuple[int, ...], ei: int, cb: BreachCircumstances
) -> None:
    typed = compute_from_factors(max(dpc), ei / 4, cb.quarters / 4)

    assert typed.quarters == compute_severity(dpc, ei, cb).quarters


@pytest.mark.parametrize(
    "factors",
    [
        (0, 1, 0),
        (5, 1, 0),
        (2.5, 1, 0),
        (2, 0, 0),
        (2, 1, 2.25),
        (2, 0.3, 0),
        (NAN, 1, 0),
        (INF, 1, 0),
        (2, NAN, 0),
        (2, -INF, 0),
        (2, 1, NAN),
        (2, 1, INF),
    ],
)
def test_factors_that_are_no_steps_of_enisa_are_refused(
    factors: tuple[float, float, float],
) -> None:
    with pytest.raises(BadInput):
        compute_from_factors(*factors)


def test_a_quarter_from_a_boundary_is_flagged() -> None:
    assert [compute_severity((d,), 4, BreachCircumstances()).near_boundary for d in (1, 2, 3)] == [
        False,
        True,
        True,
    ]
    assert compute_severity((2,), 4, BreachCircumstances(confidentiality=SOME)).near_boundary


BANK, CONTACT = DataCategory.FINANCIAL, DataCategory.CONTACT
WHOLE = SeverityFactors(
    data={BANK: 3, CONTACT: 1},
    identification=1,
    confidentiality=FULL,
    integrity=EffectExtent.NOTHING,
    availability=EffectExtent.NOTHING,
    malicious=True,
)


@pytest.mark.parametrize(
    ("unscored", "name"),
    [
        ({"data": {CONTACT: 1}}, "data: financial"),
        ({"identification": None}, "ease of identification"),
        ({"confidentiality": None}, "confidentiality"),
        ({"integrity": None}, "integrity"),
        ({"availability": None}, "availability"),
        ({"malicious": None}, "intent"),
    ],
)
def test_one_factor_that_is_not_scored_leaves_no_number_and_is_named(
    unscored: dict[str, object], name: str
) -> None:
    half = WHOLE.model_copy(update=unscored)

    assert compute_factor_severity(half, (BANK, CONTACT)) is None
    assert find_missing(half, (BANK, CONTACT)) == (name,)


def test_all_factors_give_a_number_of_the_gravest_data() -> None:
    factor_severity = compute_factor_severity(WHOLE, (BANK, CONTACT))

    assert factor_severity is not None
    assert (factor_severity.score, factor_severity.level) == (4.0, SeverityLevel.VERY_HIGH)
    assert find_missing(WHOLE, (BANK, CONTACT)) == ()


def test_nothing_of_a_kind_counts_as_zero_and_is_not_the_same_as_not_scored() -> None:
    zero = compute_factor_severity(
        WHOLE.model_copy(update={"integrity": EffectExtent.NONE}), (BANK,)
    )

    assert zero == compute_factor_severity(WHOLE, (BANK,))
    assert compute_factor_severity(WHOLE.model_copy(update={"integrity": None}), (BANK,)) is None


def test_data_is_asked_for_where_no_category_is_known() -> None:
    assert find_missing(SeverityFactors(), ())[0] == "data"
    assert compute_factor_severity(WHOLE, ()) is not None


@pytest.mark.parametrize("wrong", [{"identification": NAN}, {"data": {BANK: 9}}])
def test_a_stored_factor_that_is_no_step_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        compute_factor_severity(WHOLE.model_copy(update=wrong), (BANK,))


@given(st.booleans(), st.booleans())
def test_flags_of_a_form_never_change_the_number(many: bool, unintelligible: bool) -> None:
    flagged = WHOLE.model_copy(update={"many_people": many, "unintelligible": unintelligible})
    factor_severity = compute_factor_severity(flagged, (BANK,))

    assert factor_severity is not None
    assert factor_severity.score == 4.0
    assert (factor_severity.many_people, factor_severity.unintelligible) == (many, unintelligible)


def test_every_value_of_every_factor_has_words() -> None:
    assert [value for value, _ in enisa.list_values("identification")] == [
        "0.25",
        "0.5",
        "0.75",
        "1",
    ]
    for loss in enisa.LOSSES:
        assert [value for value, _ in enisa.list_values(loss)] == [e.value for e in EffectExtent]
    assert all(enisa.describe_level(each) for each in SeverityLevel)
    assert ("Intent", "0.5: malicious, such as theft, hacking or selling data") in (
        enisa.describe_factors(WHOLE)
    )
