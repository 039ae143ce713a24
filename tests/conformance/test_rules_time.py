"""No event costs a rule more than its length, whatever the rule's author wrote."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hostile_lines import cost, is_steep, reader_of_rule

from schemas.errors import BadInput
from streams.sigma.load import load_rules

LENGTHS = (2**14, 2**16, 2**18)
HOSTILE: dict[str, tuple[dict[str, Any], str, str]] = {
    "a repeat within a repeat": ({"user.name|re": "^(a+)+$"}, "a", "!"),
    "one with words": ({"user.name|re": r"(\w+\s?)+$"}, "ab ", "!"),
    "alternatives that overlap": ({"user.name|re": "(a|aa|a.)+x"}, "a", ""),
    "many runs": ({"user.name|re": "a.*a.*a.*a.*a.*b"}, "a", ""),
    "a search from everywhere": ({"user.name|re": r"\S+@\S+\.example$"}, "a", ""),
    "without regard to case": ({"user.name|re|i": r"(K+s?)+\d+$"}, "kS", "!"),
    "over lines": ({"user.name|re|m|s": r"^(\s*x\s*)*$"}, " x\n", "y"),
    "ends of words": ({"user.name|re": r"\b(é+\b.?)+\bx"}, "é é", "!"),
    "a long count": ({"user.name|re": r"a.{0,500}b.{0,500}c"}, "ab", ""),
    "wildcards": ({"user.name": "*a*a*a*a*a*a*b"}, "a", ""),
    "wildcards of one sign": ({"user.name": "*a??a*a?a*a??a*b"}, "a", ""),
    "contains": ({"user.name|contains": "aaaaaaaaaaaaaaab"}, "a", ""),
    "contains with wildcards": ({"user.name|contains": "a*a*a*b?a"}, "a", ""),
    "contains all": ({"user.name|contains|all": ["a*a*b", "a?a*c"]}, "a", ""),
    "startswith": ({"user.name|startswith": "a*a*a*a*b"}, "a", ""),
    "endswith": ({"user.name|endswith": "a*a*a*a*b"}, "a", ""),
    "cased": ({"user.name|cased": "*a*a*a*a*b"}, "a", ""),
    "base64offset": ({"user.name|base64offset|contains": "powershell"}, "cG93ZXJz", ""),
    "cidr": ({"user.name|cidr": "10.0.0.0/8"}, "10.", "0"),
    "cidr of version 6": ({"user.name|cidr": "2001:db8::/32"}, "2001:", ":"),
    "greater": ({"user.name|gt": 5}, "9", "x"),
    "greater than a real number": ({"user.name|gt": 5}, "9", ""),
    "a field's own value": ({"user.name|fieldref": "user.email"}, "a", ""),
    "a dash": ({"user.name|windash|contains": " -a"}, " -", ""),
    "not": ({"user.name|neq": "a*a*a*b"}, "a", ""),
}


def rule_file(folder: Path, selection: Any, condition: str = "sel", **more: Any) -> Path:
    file = folder / "rule.yml"
    document = {
        "title": "A rule",
        "logsource": {"product": "test"},
        "detection": {"sel": selection, "condition": condition},
        **more,
    }
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.parametrize(("selection", "unit", "end"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_value_costs_a_rule_no_more_than_its_length(
    tmp_path: Path, selection: dict[str, Any], unit: str, end: str
) -> None:
    read = reader_of_rule(load_rules([rule_file(tmp_path, selection)], behaviours=False))

    seconds = [cost(read, unit * (length // len(unit)) + end, 3) for length in LENGTHS]

    assert not is_steep(seconds)


def test_keywords_are_looked_for_once_in_each_value_however_deep(tmp_path: Path) -> None:
    file = rule_file(tmp_path, ["*a*a*a*b", "needle"])
    read = reader_of_rule(load_rules([file], behaviours=False))

    seconds = [cost(read, "a" * length, 3) for length in LENGTHS]

    assert not is_steep(seconds)
    (rule,) = load_rules([file], behaviours=False).rules
    deep: Any = "needle"
    for _ in range(5_000):
        deep = [deep]
    assert rule.predicate({"tags": deep})


@pytest.mark.parametrize(
    "expression",
    [r"(a+)\1x*", r"(?=a+b)c*", r"(?<!a)b+", "(a{500}){500}x*", "(" * 3000 + "a" + ")" * 3000],
    ids=["back reference", "look-ahead", "look-behind", "product of counts", "depth"],
)
def test_an_expression_that_only_backtracking_can_search_is_refused(
    tmp_path: Path, expression: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        load_rules([rule_file(tmp_path, {"user.name|re": expression})], behaviours=False)

    assert refusal.value.place
    assert refusal.value.remedy


REFUSED_FILES = {
    "brackets": ("[" * 100_000, "deeper"),
    "maps": ("title: x\ndetection: " + "{f: " * 500 + "v" + "}" * 500, "deeper"),
    "aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n"
            for i in range(20)
        ),
        "values",
    ),
}


@pytest.mark.parametrize(("text", "word"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_a_file_that_grows_when_it_is_read_is_refused_first(
    tmp_path: Path, text: str, word: str
) -> None:
    file = tmp_path / "rule.yml"
    file.write_text(text)

    with pytest.raises(BadInput, match=word):
        load_rules([file], behaviours=False)


@pytest.mark.parametrize("condition", ["not " * 3_000 + "sel", "(" * 400 + "sel" + ")" * 400])
def test_a_nested_condition_is_read_or_refused(tmp_path: Path, condition: str) -> None:
    file = rule_file(tmp_path, {"a": "b"}, condition)

    with suppress(BadInput):
        load_rules([file], behaviours=False)


def test_an_example_that_repeats_an_event_without_end_is_refused(tmp_path: Path) -> None:
    example = {"title": "t", "alerts": 1, "events": [{"a": "b", "repeat": 1_000_000_000}]}
    file = rule_file(tmp_path, {"a": "b"}, breach={"examples": [example]})

    with pytest.raises(BadInput, match="repeat"):
        load_rules([file], behaviours=False)
