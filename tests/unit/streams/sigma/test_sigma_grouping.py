"""Keys of groups and counted values: different values never make one key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.sigma.grouping import build_group_reader, build_value_reader, find_first_present
from streams.sigma.load import load_rules

SIGNS = 'abß",[]\\\x1f\n'
TEXTS = st.text(SIGNS, min_size=1, max_size=6)
VALUES = st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))


def listed(value: object) -> list[str]:
    return sorted(str(v).casefold() for v in (value if isinstance(value, list) else [value]))


@given(one=VALUES, two=VALUES)
@example(one=["a", "b"], two="a,b")
@example(one=["a", "b"], two='["a","b"]')
@example(one=["a,b"], two=["a", "b"])
@example(one='["a"', two=['["a"'])
def test_lists_and_texts_make_one_group_only_if_they_hold_the_same_values(one, two) -> None:
    group = build_group_reader(["a"], None)

    assert (group({"a": one}) == group({"a": two})) is (listed(one) == listed(two))


@given(one=st.tuples(VALUES, VALUES), two=st.tuples(VALUES, VALUES))
@example(one=("a\x1fb", "c"), two=("a", "b\x1fc"))
@example(one=("a", "b\x1fc"), two=('["a', 'b\\u001fc"]'))
def test_two_counted_fields_are_one_value_only_if_both_are_the_same(one, two) -> None:
    value = build_value_reader(["a", "b"], None)
    same = [listed(each) for each in one] == [listed(each) for each in two]

    assert (
        value(dict(zip("ab", one, strict=True))) == value(dict(zip("ab", two, strict=True)))
    ) is same


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Jo", "jo"),
        ("a,b", "a,b"),
        ("a\x1fb", "a\x1fb"),
        ("[::1]", "[::1]"),
        (["Jo"], "jo"),
        (["Jo", ""], "jo"),
        (443, "443"),
        (True, "true"),
        (4.0, "4.0"),
        ("Straße", "strasse"),
    ],
)
def test_the_key_of_a_single_value_is_the_value(value: object, key: str) -> None:
    fields = {"source.ip": value}

    assert build_group_reader(["source.ip"], None)(fields) == find_first_present(fields) == (key,)
    assert build_value_reader(["source.ip"], None)(fields) == key


def test_the_key_of_several_values_is_their_json_array() -> None:
    fields = {"a": ["Jo", "al"], "b": "x"}

    assert build_group_reader(["a", "b"], None)(fields) == ('["al","jo"]', "x")
    assert build_value_reader(["a", "b"], None)(fields) == '["al","jo"]\x1fx'


@pytest.mark.parametrize("value", [None, "", [], [""]])
def test_what_is_missing_makes_no_key(value: object) -> None:
    assert build_group_reader(["a"], None)({"a": value}) is None
    assert build_value_reader(["a", "b"], None)({"a": value, "b": "x"}) is None


def test_a_category_that_is_plain_text_is_one_category(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(
        "title: T\nname: t\nlogsource: {category: webserver}\n"
        "detection: {sel: {a: x}, condition: sel}\n"
    )
    (rule,) = load_rules([tmp_path], behaviours=False).rules

    assert rule.gate.admits("d", "web")
    assert not rule.gate.admits("d", "webs")
    assert not rule.gate.admits("d", "w")
