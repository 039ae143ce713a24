"""Every behaviour keeps its examples and is monotone: more signals never take an alert back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.pipeline.alert import Severity
from schemas.pipeline.plugin import Detector, DetectorSignal, load_plugins
from streams.sigma.documents import parse_events
from streams.sigma.examples import check_example, list_episodes
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
    (episode,) = [e for e in list_episodes(BOOK, firing.events) if e.key.rule == detector.id]

    assert any(character.isdigit() for character in episode.explanation)


def members_of(detector: Detector) -> st.SearchStrategy[list[DetectorSignal]]:
    """Members built of the steps and values that the behaviour's own examples make."""
    episodes = [
        m
        for example in detector.examples
        for e in list_episodes(BOOK, example.events)
        if e.key.rule == detector.id
        for m in e.members
    ]
    steps = sorted({m.step for m in episodes})
    values = sorted({m.value for m in episodes})
    member = st.builds(
        DetectorSignal,
        time=st.integers(0, 40).map(float),
        id=st.integers(0, 99).map(str),
        step=st.sampled_from(steps),
        value=st.sampled_from(values),
        evidence=st.none(),
        attempts=st.integers(1, 40),
    )
    return st.lists(member, max_size=60)


def in_time_order(members: list[DetectorSignal]) -> list[DetectorSignal]:
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


def bare(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with its one category as a plain text instead of a list."""
    categories = event.get("event.category")
    if not isinstance(categories, list) or len(categories) != 1:
        return event
    return {**event, "event.category": categories[0]}


def mistaken(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with a category whose name only holds that of its own."""
    if "event.category" not in event:
        return event
    return {**event, "event.category": f"pre-{event['event.category'][0]}-check"}


@pytest.mark.parametrize(("detector", "example"), EXAMPLES)
def test_a_category_given_as_a_plain_text_is_the_same_as_in_a_list(detector, example) -> None:
    plain = replace(example, events=[bare(event) for event in example.events])

    assert check_example(BOOK, detector, plain) == ""


@pytest.mark.parametrize(("detector", "example"), EXAMPLES)
def test_a_category_whose_name_only_holds_another_one_makes_no_signal(detector, example) -> None:
    events = [mistaken(event) for event in example.events if "event.category" in event]

    assert [s for e in parse_events(events) for s in DETECTORS[detector].signals(e)] == []


NAMES = st.text(alphabet='a· ["],\\', max_size=8)


@settings(max_examples=400, deadline=None)
@given(pairs=st.lists(st.tuples(NAMES.filter(bool), NAMES.filter(bool)), min_size=2, max_size=12))
def test_no_two_accounts_of_a_spray_are_one_value_and_each_is_counted(pairs) -> None:
    detector = DETECTORS["password_spraying"]
    values = {}
    for user, organization in pairs:
        event = {
            "@timestamp": "2026-11-22T03:00:00Z",
            "event.category": "authentication",
            "event.outcome": "failure",
            "user.name": user,
            "source.ip": "203.0.113.66",
            "organization.id": organization,
        }
        (of_event,) = parse_events([event])
        (draft,) = detector.signals(of_event)
        values[user, organization] = draft.value

    assert len(set(values.values())) == len(set(pairs))
    assert all(detector.counted(value) == user for (user, _), value in values.items())
