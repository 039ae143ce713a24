"""Every behaviour keeps its examples and is monotone: more signals never take an alert back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Severity
from schemas.plugin import Detector, Member, load_plugins
from streams.sigma.examples import check_example, episodes_of
from streams.sigma.load import load_rules

BOOK = load_rules([])
DETECTORS = load_plugins("streams.detectors", "DETECTOR")
EXAMPLES = [
    pytest.param(detector.id, example, id=f"{detector.id}: {example.title}")
    for detector in DETECTORS.values()
    for example in detector.examples
]


@pytest.mark.parametrize(("detector", "example"), EXAMPLES)
def test_the_behaviour_makes_the_alerts_that_its_example_says(detector, example) -> None:
    assert check_example(BOOK, detector, example) == ""


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=lambda d: d.id)
def test_a_behaviour_has_examples_that_fire_and_that_do_not(detector: Detector) -> None:
    counts = {example.alerts for example in detector.examples}

    assert counts >= {0, 1}


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=lambda d: d.id)
def test_a_behaviour_explains_itself_in_figures(detector: Detector) -> None:
    firing = next(example for example in detector.examples if example.alerts)
    (episode,) = [e for e in episodes_of(BOOK, firing.events) if e.key.rule == detector.id]

    assert any(character.isdigit() for character in episode.explanation)


def members_of(detector: Detector) -> st.SearchStrategy[list[Member]]:
    """Members built of the steps and values that the behaviour's own examples make."""
    episodes = [
        m
        for example in detector.examples
        for e in episodes_of(BOOK, example.events)
        if e.key.rule == detector.id
        for m in e.members
    ]
    steps = sorted({m.step for m in episodes})
    values = sorted({m.value for m in episodes})
    member = st.builds(
        Member,
        time=st.integers(0, 40).map(float),
        id=st.integers(0, 99).map(str),
        step=st.sampled_from(steps),
        value=st.sampled_from(values),
        evidence=st.none(),
    )
    return st.lists(member, max_size=60)


def in_time_order(members: list[Member]) -> list[Member]:
    return sorted(members, key=lambda m: (m.time, m.id, m.step, m.value))


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=lambda d: d.id)
def test_adding_signals_never_unfires_nor_lowers_the_severity(detector: Detector) -> None:
    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def holds(data: Any) -> None:
        strategy = members_of_detector
        some, more = data.draw(strategy), data.draw(strategy)
        few, many = in_time_order(some), in_time_order(some + more)

        assert detector.fires(many) or not detector.fires(few)
        assert rank(detector.graver(many)) >= rank(detector.graver(few))

    members_of_detector = members_of(detector)
    holds()


def rank(severity: str | None) -> int:
    return -1 if severity is None else Severity(severity).rank
