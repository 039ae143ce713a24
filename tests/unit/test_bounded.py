from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.bounded import MOST, bounded


@given(st.text(max_size=MOST))
def test_what_an_index_can_hold_stays_what_it_is(text: str) -> None:
    assert bounded(text) == text


@given(st.text(min_size=MOST + 1), st.text(min_size=MOST + 1))
def test_longer_texts_are_shortened_and_stay_different(one: str, other: str) -> None:
    assert len(bounded(one)) <= MOST
    assert (bounded(one) == bounded(other)) == (one == other)


def test_a_long_text_that_is_no_valid_unicode_is_shortened_too() -> None:
    assert len(bounded("\ud800" * 300)) <= MOST
