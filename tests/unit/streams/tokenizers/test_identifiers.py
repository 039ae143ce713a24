from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.tokenizers.identifiers import MOST, shorten_identifier


@given(st.text(max_size=MOST))
def test_what_an_index_can_hold_stays_what_it_is(text: str) -> None:
    assert shorten_identifier(text) == text


@given(st.text(min_size=MOST + 1), st.text(min_size=MOST + 1))
def test_longer_texts_are_shortened_and_stay_different(one: str, other: str) -> None:
    assert len(shorten_identifier(one)) <= MOST
    assert (shorten_identifier(one) == shorten_identifier(other)) == (one == other)


def test_a_long_text_that_is_no_valid_unicode_is_shortened_too() -> None:
    assert len(shorten_identifier("\ud800" * 300)) <= MOST
