"""Regular expressions and wildcards of rules mean what `re` means by them, on either engine."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sigma.types import SigmaCasedString, SpecialChars

from streams.sigma.expressions import ExpressionRefused, build_searcher
from streams.sigma.values import build_text_test

SIGNS = "aAbkKſßéÉ\u212a1٣_ -.\n\x00\u2028日\U0001f600"
"""With a long s, a Kelvin sign, an Arabic three, a line separator and an astral character."""
ATOMS = st.sampled_from(
    [
        *("a", "b", "k", "S", "ß", "é", "1", r"\.", "-", " ", r"\n", "_", "日", "."),
        *(r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "[a-k]", "[^a-k]", r"[^\W\d]", "[À-ÿſ]"),
        *(r"\b", "^", "$", r"\A", r"\Z"),
    ]
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeat = st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,3}", "{0,90}"])
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}){}".format, inner, repeat),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?i:{})".format, inner),
        st.builds("(?s-i:{})".format, inner),
        st.builds("(?a:{})".format, inner),
        st.builds("(a)?(?(1){}|{})".format, inner, inner),
    )


PATTERNS = st.recursive(ATOMS, joined, max_leaves=6)
FLAGS = st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.IGNORECASE | re.MULTILINE])


@settings(max_examples=400, deadline=None)
@given(pattern=PATTERNS, flags=FLAGS, texts=st.lists(st.text(SIGNS, max_size=8), max_size=8))
@example(r"(?i:k)*s+$", 0, ["\u212aſ", "Ks\n"])
@example(r"\bé+\b.*", 0, ["é", "aé", "é é"])
@example(r"(?a:\bé.*x)", 0, ["aé x", "é x", "-é x"])
@example(r"(?i:é(?a:k)+x*)", 0, ["ÉK", "É\u212a"])
def test_an_expression_matches_what_re_matches(pattern: str, flags: int, texts: list[str]) -> None:
    try:
        search = build_searcher(pattern, flags)
    except ExpressionRefused:
        return
    same = re.compile(pattern, flags)

    assert [search(text) for text in texts] == [same.search(text) is not None for text in texts]


@pytest.mark.parametrize(
    "pattern",
    [
        *(rf"^\{kind}+$" for kind in "wWdDsS"),
        *(r"^.+$", r"(?s)^.+\Z", r"^[^a-k_]+$", r"(?i)^[k-s]+$", r"(?a)^\w+$", r"\b.*x+\b"),
    ],
)
def test_every_character_of_ascii_is_searched_as_re_searches_it(pattern: str) -> None:
    search = build_searcher(pattern, 0)

    for sign in map(chr, range(128)):
        for text in (sign, sign * 2, f"a{sign}x", f"x{sign}", f"{sign}x{sign}é"):
            assert search(text) is (re.search(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"^(a+)+$", "aaaa", True),
        (r"^(a+)+$", "aaaa\n", True),
        (r"^(a+)+\Z", "aaaa\n", False),
        (r"^(a+)+$", "aaaa!", False),
        (r"\d+x*$", "٣", True),
        (r"(?i)straße+", "STRAßE", True),
        (r"\bk+\b", "é k é", True),
        (r"\bk+\b", "ék", False),
        (r"(?i)[k-s]+\d*x", "\u212aſx", True),
        (r".+b", "a\nb", False),
    ],
)
def test_what_runs_on_the_linear_engine_keeps_the_meaning(
    pattern: str, text: str, expected: bool
) -> None:
    assert build_searcher(pattern, 0)(text) is expected
    assert (re.search(pattern, text) is not None) is expected


def test_a_nested_repeat_is_searched_in_no_time() -> None:
    search = build_searcher("^(a+)+$", 0)
    begin = time.thread_time()

    assert not search("a" * 1024 * 1024 + "!")
    assert search("a" * 1024 * 1024)

    assert time.thread_time() - begin < 5


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a+)\1b*", "back"),
        ("(?=a+b)c*", "ahead"),
        ("(?>a+)b", "atomic"),
        ("a++b", "possessive"),
        ("(a{900}){900}", "counts"),
        ("(", "read"),
        ("(" * 3000 + "a" + ")" * 3000, "deep"),
        ("(a$)*b", "backtracking"),
        ("(x)?(?(1)y|(a+)+$)", "back"),
        ("(x)?(?(1)(a+)+$)", "back"),
        (r"\bé+(?a:\b)", "ASCII"),
    ],
)
def test_what_only_backtracking_can_search_is_refused_with_its_reason(
    pattern: str, reason: str
) -> None:
    with pytest.raises(ExpressionRefused, match=reason):
        build_searcher(pattern, 0)


def test_a_look_ahead_of_few_ways_is_kept() -> None:
    search = build_searcher("user(?!name)[0-9]{1,3}", 0)

    assert search("user12")
    assert not search("username12")


PARTS = st.lists(
    st.sampled_from(
        ["a", "b", "ab", ".", SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE]
    ),
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(parts=PARTS, texts=st.lists(st.text("ab.\n", max_size=8), max_size=8))
def test_wildcards_match_what_their_expression_matches(
    parts: list[str | SpecialChars], texts: list[str]
) -> None:
    pattern = SigmaCasedString()
    pattern.s = tuple(parts)
    signs = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    source = "".join(re.escape(p) if isinstance(p, str) else signs[p] for p in parts)
    same = re.compile(source, re.DOTALL)
    test = build_text_test(pattern)

    assert [test(t) for t in texts] == [same.fullmatch(t) is not None for t in texts]
