"""Every rule of the pack keeps the examples that stand in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.pipeline.rule import RuleInfo
from streams.sigma.examples import check_example
from streams.sigma.load import load_rules

RULES = Path(__file__).parents[2] / "rules"
BOOK = load_rules([RULES], behaviours=False)
EXAMPLES = [
    pytest.param(info.id, example, id=f"{info.id}: {example.title}")
    for info in BOOK.list_infos()
    for example in BOOK.list_examples(info.id)
]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_the_rule_makes_the_alerts_that_its_example_says(rule, example) -> None:
    assert check_example(BOOK, rule, example) == ""


@pytest.mark.parametrize("info", BOOK.list_infos(), ids=lambda info: info.id)
def test_a_rule_has_an_example_that_fires_and_one_that_does_not(info: RuleInfo) -> None:
    counts = [example.alerts for example in BOOK.list_examples(info.id)]

    assert 0 in counts or info.kind == "event"
    assert any(counts)


@pytest.mark.parametrize("info", BOOK.list_infos(), ids=lambda info: info.id)
def test_a_rule_says_what_it_is_and_where_it_comes_from(info: RuleInfo) -> None:
    rule = BOOK.loaded[info.id].rule

    assert info.description
    assert info.tags
    assert rule.references
    assert rule.falsepositives
    assert info.origin == f"{info.id}.yml"
