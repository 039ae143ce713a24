"""Which characters are shown as marks, and which a script or an emoji needs."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text_signs import (
    escape_json,
    find_name_problem,
    list_hidden,
    mark_hidden,
    mark_hidden_in_line,
    mark_hidden_in_value,
)

HIDES = [
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    *"\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u034f\u180e\u3164\uffa0\u115f\u1160\u2800",
    *"\u2028\u2029\x00\x07\x08\x0b\x0c\x1b\x7f\x80\x85\x9b\x9f\ufff9\ufffb\ufffe\ud800\udfff",
    *"\U000e0001\U000e0041\U000e007f\U0001d173\ue000\U000f0000\u2065\ufdd0",
]
NEEDED = {
    "Persian": "می‌خواهم",
    "Devanagari half form": "क्‍षेत्र",
    "Malayalam chillu": "അവന്‍",
    "Arabic": "مُحَمَّد بن سلمان",
    "Hebrew with points": "שָׁלוֹם",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Nguyễn Thị Ánh"),
    "Thai": "น้ำใจ",
    "family": "👨‍👩‍👧",
    "skin tone": "👩🏽‍💻",
    "heart": "❤️ and ❤️‍🔥",
    "keycap": "1️⃣",
    "flag": "🇬🇧",
    "kanji variant": "葛󠄀城",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ ᠠ᠋",
    "punctuation": "O’Neil – “Leeds” & Co. £5 №1 ½",
    "Arabic number sign": "\u0600١٢",
}


@pytest.mark.parametrize("sign", HIDES, ids=lambda s: f"{ord(s):04X}")
@pytest.mark.parametrize("around", ["{}", "a{}b", "مر{}يم", "株{}式", "👩{}a", " {} "])
def test_a_character_that_hides_or_reorders_is_shown(sign: str, around: str) -> None:
    assert mark_hidden(around.format(sign)) == around.format(f"[U+{ord(sign):04X}]")


@pytest.mark.parametrize("name", NEEDED)
def test_a_name_that_needs_its_marks_and_joiners_stays_as_it_is(name: str) -> None:
    assert mark_hidden_in_line(NEEDED[name]) == NEEDED[name]
    assert find_name_problem(NEEDED[name]) is None
    assert list_hidden(NEEDED[name]) == ()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("pay\u200dpal", "pay[U+200D]pal"),
        ("\u200cab", "[U+200C]ab"),
        ("ab\u200c", "ab[U+200C]"),
        ("م\u200c", "م[U+200C]"),
        ("a\ufe0f", "a[U+FE0F]"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f[U+FE0F]"),
        ("漢\U000e0100\U000e0101", "漢\U000e0100[U+E0101]"),
        ("\u0301a", "[U+0301]a"),
        ("a \u0301", "a [U+0301]"),
        ("a\n\u20dd", "a\n[U+20DD]"),
        ("e" + "\u0301" * 12, "e" + "\u0301" * 8 + "[U+0301]" * 4),
        ("\u202e\u0301", "[U+202E][U+0301]"),
        ("a\r\nb\tc", "a\r\nb\tc"),
        ("a\rb", "a[U+000D]b"),
    ],
)
def test_a_joiner_selector_or_mark_without_its_letter_is_shown(text: str, seen: str) -> None:
    assert mark_hidden(text) == seen


def test_in_one_line_line_ends_and_tabs_are_shown_too() -> None:
    assert mark_hidden_in_line("a\r\nb\tc") == "a[U+000D][U+000A]b[U+0009]c"


@given(st.text())
def test_what_is_shown_hides_nothing_any_more(text: str) -> None:
    seen = mark_hidden_in_line(text)

    assert mark_hidden_in_line(seen) == seen
    assert list_hidden(seen) == ()
    assert not any(unicodedata.category(s) in ("Cc", "Cs", "Co", "Zl", "Zp") for s in seen)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_escaped_json_is_the_same_value(text: str) -> None:
    written = escape_json(json.dumps({"a": [text]}, ensure_ascii=False))

    assert json.loads(written) == {"a": [text]}
    assert mark_hidden(written) == written


def test_every_text_inside_a_value_is_shown() -> None:
    assert mark_hidden_in_value({"a\u202e": ["\u202e", {"b": ("\u200b", 1, None)}]}) == {
        "a[U+202E]": ["[U+202E]", {"b": ["[U+200B]", 1, None]}]
    }


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\x00", "a\u2028b", "\ud800", "=?utf-8?q?a?=", "x=?y", "n" * 201, "   ", "\u200b"],
)
def test_what_cannot_be_a_name_says_why(text: str) -> None:
    assert find_name_problem(text)


def test_no_character_of_the_shortcut_is_one_that_is_shown() -> None:
    from schemas.text_signs import _HARMLESS

    harmless = [chr(c) for c in range(0x110000) if _HARMLESS.fullmatch(chr(c))]

    assert len(harmless) > 30_000
    assert [s for s in harmless if s not in "\n\t" and list_hidden(s)] == []
    assert not any(unicodedata.category(s)[0] == "M" for s in harmless)
