"""What a reader's text holds that the others' do not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from breachdesk.console.views.own_parts import ReaderText, collect_own_blocks
from notifiers.letters.readability import generate_paragraphs

LETTER = """Dear {name},

Somebody signed in to a system that we
look after.

What happened to your data
--------------------------

- {own}
- The rule is gone.

Quote {reference}.
"""


def text_of(kind: str, name: str, own: str) -> ReaderText:
    reference = f"BR-1-{name}"
    return ReaderText(
        kind, LETTER.format(name=name, own=own, reference=reference), (name, reference)
    )


def test_only_what_differs_beyond_name_and_reference_is_a_readers_own() -> None:
    texts = [text_of("pack", "Jo", "180 files."), text_of("pack", "Al", "12 tries.")]

    own, common = collect_own_blocks(texts)

    assert own == [
        [("What happened to your data", "- 180 files.")],
        [("What happened to your data", "- 12 tries.")],
    ]
    assert ("", "Dear …,") in common
    assert ("What happened to your data", "- The rule is gone.") in common


def test_a_sentence_that_one_of_three_of_a_kind_lacks_is_own_to_the_two_that_have_it() -> None:
    texts = [text_of("pack", name, own) for name, own in (("A1", "x"), ("B2", "x"), ("C3", "y"))]

    own, _ = collect_own_blocks(texts)

    assert [[block[1] for block in each] for each in own] == [["- x"], ["- x"], ["- y"]]


def test_the_only_text_of_a_kind_shows_all_that_no_other_kind_has() -> None:
    texts = [text_of("pack", "Jo", "180 files."), text_of("letter", "Al", "A page was opened.")]

    own, _ = collect_own_blocks(texts)

    assert [len(each) for each in own] == [1, 1]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=200)), max_size=6))
def test_every_block_of_every_text_is_either_own_or_common(pairs: list[tuple[str, str]]) -> None:
    texts = [ReaderText(kind, text, ()) for kind, text in pairs]

    own, common = collect_own_blocks(texts)

    for text, mine in zip(texts, own, strict=True):
        assert set(generate_paragraphs(text.text)) <= set(mine) | set(common)
