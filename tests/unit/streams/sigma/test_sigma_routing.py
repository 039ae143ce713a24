"""Which rules an event meets: none that could match is left out, and what is left out costs
nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsing import parse
from sigma.exceptions import SigmaError
from sigma.rule import SigmaLogSource, SigmaRule
from sigma.types import SigmaString

from schemas.errors import BadInput
from schemas.pipeline.plugin import ParsedEvent, Parser, load_plugins
from streams.sigma import columns, routing
from streams.sigma.compile import compile_rule
from streams.sigma.conditions import (
    AllOf,
    Condition,
    FieldTest,
    KeywordTest,
    Predicate,
    build_predicate,
)
from streams.sigma.fields import LogSourceGate, build_gate
from streams.sigma.literals import Literal, LiteralPosition, find_in_string
from streams.sigma.load import load_rules
from streams.sigma.mandatory import find_mandatory
from streams.sigma.needs import MOST_NEEDS
from streams.sigma.routing import RuleRouter
from streams.sigma.scan import LiteralScan
from streams.sigma.values import iterate_elements, to_text

LINUX = {"product": "linux"}
TEST = {"product": "test"}
FIELDS = ("a", "b", "event.outcome", "source.ip", "dst_ip", "destination.ip", "cs-uri-query")
NAMES = (*FIELDS, "url.original", "url.query", "event.category", "unasked")
SIGNS = "aAbkKsS\u017f\u212aiIİıßẞσςΣ1.é/-\\\n "
TEXTS = st.one_of(
    st.text(SIGNS, max_size=6),
    st.sampled_from(
        [
            "ab",
            "AB",
            "a.b",
            "1",
            "1.0",
            "404",
            "404.0",
            "true",
            "none",
            "1.5",
            "",
            "[]",
            "['ab']",
            "10.1.2.3",
            "10.1.2.300",
            "::ffff:10.1.2.3",
            "2001:db8::1",
            "-enc x",
            "/enc x",
            "ßtraße",
            "\ud800ab",
            "1e+22",
            "10000000000000000000000",
        ]
    ),
)
PATTERNS = st.one_of(
    TEXTS, st.builds("{}*{}".format, TEXTS, TEXTS), st.builds("*{}?".format, TEXTS), st.just("*")
)
NUMBERS = st.sampled_from([0, 1, 1.0, 1.5, 404, 404.0, -1, 10**22, 1e22])
REGEXES = st.sampled_from(
    [
        "^a+b",
        "(?i)kelvin|a[bk]",
        "a.b$",
        "(ab|ba){1,3}",
        "(?i:sS)k",
        "s?i",
        "ab(?=1)",
        "é+",
        r"\bA",
        "(?i)isk+",
        "(a|b)(k|s)",
        "(?:x|)y",
        "a{2,}",
        r"^\s*-e",
    ]
)


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=4))


def item(modifiers: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.sampled_from(FIELDS).map(lambda name: name + modifiers), values)


plain = st.text("abkAB1.é-", min_size=1, max_size=4)
ITEMS = st.one_of(
    item("", one_or_more(st.one_of(PATTERNS, NUMBERS, st.booleans(), st.none()))),
    *(item(f"|{m}", one_or_more(plain)) for m in ("contains", "startswith", "endswith")),
    *(item(f"|contains|{m}", one_or_more(plain)) for m in ("cased", "windash", "base64offset")),
    item("|contains|all", st.lists(plain, min_size=2, max_size=3)),
    item("|cased", one_or_more(TEXTS)),
    item("|neq", plain),
    *(item(f"|re{m}", one_or_more(REGEXES)) for m in ("", "|i", "|m", "|s")),
    item("|cidr", one_or_more(st.sampled_from(["10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"]))),
    item("|exists", st.booleans()),
    *(item(f"|{m}", st.sampled_from([0, 1, 2, 404])) for m in ("gt", "gte", "lt", "lte")),
    *(item(f"|fieldref{m}", st.sampled_from(FIELDS)) for m in ("", "|startswith", "|endswith")),
)
MAPPINGS = st.lists(ITEMS, min_size=1, max_size=3).map(dict)
KEYWORDS = st.one_of(
    st.lists(st.one_of(plain, st.sampled_from([404, 1])), min_size=1, max_size=3),
    st.builds(lambda words: {"|all": words}, st.lists(plain, min_size=2, max_size=3)),
    st.builds(lambda words: {"|re": words}, st.lists(REGEXES, min_size=1, max_size=2)),
)
SELECTIONS = st.one_of(MAPPINGS, st.lists(MAPPINGS, min_size=1, max_size=3), KEYWORDS)
CONDITIONS = st.sampled_from(
    [
        "one",
        "not one",
        "one and two",
        "one and not two",
        "one or not (two and three)",
        "1 of *",
        "all of them",
        "not 1 of t*",
        "one and not 1 of t*",
        "not (one or two)",
        "not not one",
    ]
)
SOURCES = st.sampled_from(
    [
        {"product": "test"},
        {"category": "firewall"},
        {"category": "webserver"},
        {"product": "linux"},
        {"product": "m365"},
        {"product": "linux", "service": "sshd"},
    ]
)
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none(), st.just(float("inf"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=4,
)
CATEGORIES = st.one_of(
    st.sampled_from(
        [
            "web",
            "network",
            ["network"],
            ["web", "authentication"],
            ["webx"],
            [1],
            [True],
            "",
            None,
            [],
        ]
    ),
    VALUES,
)
EVENTS = st.tuples(
    st.sampled_from(["", "linux.sshd", "linux", "linuxx", "microsoft365.audit", "other"]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5),
    CATEGORIES,
)


@dataclass(frozen=True)
class Rule:
    id: str
    gate: LogSourceGate
    condition: Condition
    predicate: Predicate


def rule(selections: list[Any], condition: str, source: Mapping[str, str], number: int = 0) -> Rule:
    names = ("one", "two", "three")[: len(selections)]
    read = SigmaRule.from_dict(
        {
            "title": "A rule",
            "logsource": dict(source),
            "detection": {**dict(zip(names, selections, strict=True)), "condition": condition},
        }
    )
    compiled = compile_rule(read, "here")
    return Rule(
        f"r{number}", build_gate(SigmaLogSource(**source)), compiled, build_predicate(compiled)
    )


def rules_of(drafts: list[tuple[list[Any], str, Mapping[str, str]]]) -> list[Rule]:
    """Without those that are refused."""
    read = []
    for number, each in enumerate(drafts):
        with suppress(SigmaError, BadInput):
            read.append(rule(*each, number))
    return read


BOOKS = st.lists(
    st.tuples(st.lists(SELECTIONS, min_size=3, max_size=3), CONDITIONS, SOURCES),
    min_size=1,
    max_size=6,
).map(rules_of)


def plainly(rules: list[Rule], dataset: str, fields: Mapping[str, Any]) -> list[str]:
    """Every rule of an admitting log source asked, without routing."""
    categories = tuple(to_text(each) for each in iterate_elements(fields.get("event.category")))
    return [
        each.id
        for each in rules
        if each.gate.admits(dataset, categories) and each.predicate(fields)
    ]


routed = given(
    rules=BOOKS, events=st.lists(EVENTS, min_size=1, max_size=8), free=st.sampled_from([0, 999])
)


@settings(max_examples=150, deadline=None)
@routed
def test_routing_leaves_out_no_rule_that_matches(rules, events, free) -> None:
    check_routing(rules, events, free)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_routing_leaves_out_no_rule_that_matches_in_hundreds_of_books(seed) -> None:
    """Rules, books and events by chance alone, which takes a tenth of the time of strategies."""
    choose = random.Random(seed)
    pool = rules_of([by_chance(choose) for _ in range(60)])

    for _ in range(100):
        chosen = choose.sample(pool, choose.randint(1, 12))
        rules = [replace(each, id=f"r{number}") for number, each in enumerate(chosen)]
        events = [event_by_chance(choose) for _ in range(4)]
        check_routing(rules, events, choose.choice([0, 999]))


def by_chance(choose: random.Random) -> tuple[list[Any], str, Mapping[str, str]]:
    selections = [selection_by_chance(choose) for _ in range(3)]
    sources = [{"product": "test"}, {"category": "firewall"}, {"category": "webserver"}, LINUX]
    conditions = ["one and not two", "one or not (two and three)", "1 of *", "all of them"]
    conditions += ["one", "not one", "one and two", "not 1 of t*", "one and not 1 of t*"]
    return selections, choose.choice(conditions), choose.choice(sources)


def selection_by_chance(choose: random.Random) -> Any:
    if choose.random() < 0.1:
        return [text_by_chance(choose) or "k" for _ in range(choose.randint(1, 3))]
    mapping: dict[str, Any] = {}
    for _ in range(choose.randint(1, 3)):
        modifiers, values = choose.choice(MODIFIERS)
        results = [values(choose) for _ in range(choose.randint(1, 4))]
        alone = (
            results[:1]
            if modifiers.startswith(("|exists", "|fieldref", "|gt", "|lte"))
            else results
        )
        mapping[choose.choice(FIELDS) + modifiers] = alone if len(alone) > 1 else alone[0]
    return [mapping, {"b": "x"}] if choose.random() < 0.2 else mapping


def text_by_chance(choose: random.Random) -> str:
    if choose.random() < 0.3:
        return choose.choice(
            ["ab", "AB", "a.b", "1", "404.0", "true", "none", "", "10.1.2.3", "ab1k"]
        )
    return "".join(choose.choices(SIGNS, k=choose.randint(0, 6)))


def value_by_chance(choose: random.Random) -> Any:
    chance = choose.random()
    if chance < 0.7:
        return text_by_chance(choose)
    if chance < 0.85:
        return choose.choice([0, 1, 1.0, 1.5, 404, 404.0, True, False, None, 10**22])
    return [value_by_chance(choose) for _ in range(choose.randint(0, 3))]


def event_by_chance(choose: random.Random) -> tuple[str, dict[str, Any], Any]:
    names = choose.sample(NAMES, choose.randint(0, 5))
    dataset = choose.choice(["", "linux.sshd", "linux", "linuxx", "other"])
    category = choose.choice(["web", ["network"], ["web", "authentication"], [1], None, []])
    return dataset, {name: value_by_chance(choose) for name in names}, category


MODIFIERS: list[tuple[str, Callable[[random.Random], Any]]] = [
    ("", value_by_chance),
    ("", lambda choose: f"{text_by_chance(choose)}*{text_by_chance(choose)}"),
    ("", lambda choose: f"*{text_by_chance(choose)}*{text_by_chance(choose)}?"),
    *((f"|{how}", text_by_chance) for how in ("contains", "startswith", "endswith", "cased")),
    *((f"|contains|{how}", text_by_chance) for how in ("all", "cased", "windash", "base64offset")),
    (
        "|re",
        lambda choose: choose.choice(["^a+b", "a.b$", "(ab|k).*1+é?", "(?i)kelvin|a[bk]", "s?i"]),
    ),
    (
        "|re|i",
        lambda choose: choose.choice(["(a|b)+-?(k|s)", "ab(?=1)", r"\bA.*b", "isk+.*é", "ab"]),
    ),
    ("|cidr", lambda choose: choose.choice(["10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"])),
    ("|exists", lambda choose: choose.random() < 0.5),
    ("|gt", lambda choose: choose.choice([0, 1, 404])),
    ("|lte", lambda choose: choose.choice([0, 1, 404])),
    ("|fieldref", lambda choose: choose.choice(FIELDS)),
]


def check_routing(
    rules: list[Rule], events: list[tuple[str, dict[str, Any], Any]], free: int
) -> None:
    """With plans for new names at once (999), or only for those that keep coming (0)."""
    router = RuleRouter(rules)
    router._free = free
    for dataset, result, categories in [*events, *events]:
        fields = result if categories is None else {**result, "event.category": categories}

        expected = plainly(rules, dataset, fields)
        assert [r.id for r in router.list_matches(dataset, fields)] == expected
        assert without_plan(router, dataset, fields) == expected


def without_plan(router: RuleRouter[Rule], dataset: str, fields: Mapping[str, Any]) -> list[str]:
    kind = router._get_source(dataset, fields.get("event.category")).kind
    rules = [router._rules[number] for number in router._list_unplanned(kind, fields)]
    return [each.id for each in rules if each.predicate(fields)]


@settings(max_examples=500, deadline=None)
@given(
    pattern=st.recursive(
        st.sampled_from(["a", "k", "S", "i", "é", "ſ", "[ab]", ".", "^", r"\b", "(?i:ks)", "1"]),
        lambda inner: st.one_of(
            st.builds("{}{}".format, inner, inner),
            st.builds("({}|{})".format, inner, inner),
            st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{0,1}"])),
        ),
        max_leaves=6,
    ),
    flags=st.sampled_from([0, re.IGNORECASE, re.IGNORECASE | re.ASCII, re.MULTILINE, re.DOTALL]),
    expected=st.lists(st.text(SIGNS, max_size=8), max_size=8),
)
def test_a_mandatory_text_is_in_everything_that_the_expression_matches(
    pattern, flags, expected
) -> None:
    sets = find_mandatory(pattern, flags)
    for each in expected:
        if re.search(pattern, each, flags):
            assert all(any(needed in each.lower() for needed in texts) for texts in sets)


def test_no_case_of_an_ascii_letter_escapes_its_mandatory_text() -> None:
    for letter in map(chr, range(128)):
        sets = find_mandatory(re.escape(letter), re.IGNORECASE)
        if not sets:
            assert letter in "iIsS"
            continue
        (texts,) = sets
        for other in re.findall(re.escape(letter), "".join(map(chr, range(0x3000))), re.IGNORECASE):
            assert any(needed in other.lower() for needed in texts), (letter, other)


@pytest.mark.parametrize(
    ("pattern", "sets"),
    [
        (r"^https?://[a-z]+\.example/", [{".example/"}, {"http"}, {"://"}]),
        ("(?:rundll|cmd).*-enc", [{"-enc"}, {"rundll", "cmd"}]),
        ("(?:rundll|mshta).*-e", [{"rundll", "mshta"}, {"-e"}]),
        (r"(?:invoke|\$)\d+.*script", [{"script"}, {"invoke", "$"}]),
        (r"(?:e|\$)\d+.*script", [{"script"}]),
        ("powershell.*shell.*(?:power|she)", [{"powershell"}]),
        ("aaa.bbbb.ccc.dddd.eeeee", [{"eeeee"}, {"bbbb"}, {"dddd"}, {"aaa"}]),
        ("(foo|b.r|)x*", []),
        (r"\d+", []),
        ("(?i)kelvin", [{"kelv"}]),
        ("a(bcd)+e?", [{"bcd"}]),
    ],
)
def test_an_expression_needs_its_longest_texts(pattern: str, sets: list[set[str]]) -> None:
    assert find_mandatory(pattern, 0) == sets


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*-enc*-hidden*", [(LiteralPosition.WITHIN, "-hidden"), (LiteralPosition.WITHIN, "-enc")]),
        (
            "C:\\\\Users\\\\*.exe",
            [(LiteralPosition.FIRST, "c:\\users\\"), (LiteralPosition.LAST, ".exe")],
        ),
        (
            "*a*powershell?-e",
            [(LiteralPosition.WITHIN, "powershell"), (LiteralPosition.LAST, "-e")],
        ),
        ("a?", [(LiteralPosition.FIRST, "a")]),
        ("*", []),
        ("", [(LiteralPosition.WHOLE, "")]),
    ],
)
def test_a_pattern_needs_the_texts_between_its_wildcards(pattern, expected) -> None:
    needed = find_in_string(SigmaString(pattern))

    assert [tuple(literal) for (literal,) in needed] == expected


@settings(max_examples=300, deadline=None)
@given(
    literals=st.sets(
        st.builds(
            Literal,
            st.sampled_from([LiteralPosition.WITHIN, LiteralPosition.FIRST, LiteralPosition.LAST]),
            st.text("abé\\^$.\n\ud800", min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=12,
    ),
    low=st.text("abé\\^$.\n\ud800", max_size=12),
)
def test_a_scan_finds_exactly_the_literals_of_a_text(literals, low) -> None:
    tests = {
        LiteralPosition.WITHIN: str.__contains__,
        LiteralPosition.FIRST: str.startswith,
        LiteralPosition.LAST: str.endswith,
    }

    scan = LiteralScan(literals)
    actual = scan.find_literals(low)

    assert 0 in actual
    assert len(actual) == len(set(actual))
    assert set(actual) - {0} == {
        scan.numbers[each] for each in literals if tests[each.how](low, each.text)
    }


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ({"a": "5.0"}, 5.0, True),
        ({"a": 5}, 5.0, True),
        ({"a": 5.0}, 5, True),
        ({"a": 1}, True, False),
        ({"a": 1}, 1, True),
        ({"a": "true"}, True, True),
        ({"a": "none"}, [None], True),
        ({"a": "none"}, None, False),
        ({"a": ""}, "", True),
        ({"a": ""}, [], False),
        ({"a|contains": "b"}, ["a", ["b"]], True),
        ({"a|cased": "Σ"}, "ΑΣ", False),
        ({"a|contains|cased": "Σ"}, "ΑΣ", True),
        ({"a|contains": "Σ"}, "ΑΣ", False),
        ({"a|cased": "Ab"}, "aB", False),
        ({"a|contains|cased": "Ab"}, "xaBx", False),
        ({"a|contains|cased": "Ab"}, "xAbx", True),
        ({"a|re|i": "sick"}, "\u017fi\u212a", False),
        ({"a|re|i": "s.+"}, "\u017fx", True),
        ({"a|cidr": "10.0.0.0/8"}, "::ffff:10.9.9.9", True),
        ({"a|cidr": "10.0.0.0/8"}, "11.0.0.0", False),
        ({"a|cidr": "0.0.0.0/0"}, "::1", False),
        ({"a|re": "x$"}, "x\n", True),
        ({"a|exists": True}, None, False),
        ({"a|exists": False}, None, True),
    ],
)
def test_what_is_odd_of_a_value_is_routed_as_it_is_compared(pattern, value, matches) -> None:
    rules = [rule([pattern], "one", LINUX, 1), rule([pattern, {"b": 1}], "one or two", LINUX, 2)]
    router = RuleRouter(rules)
    # Values that are one key of a dictionary come before and after.
    for other in (True, 1, 1.0, "1", value, 5, 5.0, value):
        router.list_matches("linux", {"a": other})

    assert plainly(rules, "linux", {"a": value}) == (["r1", "r2"] if matches else [])
    for free in (999, 0):
        router._free = free
        actual = router.list_matches("linux", {"a": value, "event.kind": "event"})
        assert [each.id for each in actual] == (["r1", "r2"] if matches else [])


def test_of_rules_that_share_a_value_only_those_with_the_rarer_one_are_asked() -> None:
    values: list[str] = []
    rules = [
        counting(rule([{"event.outcome": "failure", "a": f"u{n}"}], "one", LINUX, n), values)
        for n in range(300)
    ]
    router = RuleRouter(rules)

    matches = router.list_matches("linux", {"event.outcome": "failure", "a": "u7"})

    assert [each.id for each in matches] == values == ["r7"]


def test_a_rule_is_asked_only_if_each_of_its_texts_is_in_the_value() -> None:
    values: list[str] = []
    one = {"a|contains|all": ["-enc", "-hidden"], "b": "x"}
    book = [rule([one, {"c": ["y", 1]}], "one and not two", LINUX)]
    router = RuleRouter([counting(each, values) for each in book])

    for a, b, c in [("-enc", "x", "z"), ("-hidden", "x", 2), ("-enc -hidden", "y", 2)]:
        assert router.list_matches("linux", {"a": a, "b": b, "c": c}) == []
    for c in ("y", ["z", "Y"], 1, 1.0, "1", [0, 1]):
        assert router.list_matches("linux", {"a": "-enc -hidden", "b": "x", "c": c}) == []
    assert values == []
    for c in ("z", 2, True, [], "1.0", 1.5):
        fields = {"a": "-HIDDEN -ENC", "b": "X", "c": c}
        assert [each.id for each in router.list_matches("linux", fields)] == ["r0"]
    assert len(values) == 6


def test_one_of_several_fields_must_have_the_text_and_of_a_field_its_first_name() -> None:
    either = [{"a|endswith": ".exe"}, {"cs-uri-query|contains": "x"}]
    router = RuleRouter([rule([either, {"b": 1}], "one and two", LINUX)])

    for a, original, matches in [(".exe", "y", 1), ("", "x", 1), ("", "y", 0)]:
        fields = {"a": a, "b": 1, "url.original": original, "url.query": "x", "cs-uri-query": "x"}
        assert len(router.list_matches("linux", fields)) == matches
    assert len(router._plans) == 1


def test_a_regular_expression_is_searched_only_once_the_other_parts_are_met() -> None:
    searched: list[str] = []

    def search(text: str) -> bool:
        searched.append(text)
        return True

    read = rule([{"a|re": "inv[a-z]+ke"}, {"b|contains": "x"}, {"c|gte": 5}], "all of them", LINUX)
    assert isinstance(read.condition, AllOf)
    expression, *others = read.condition.parts
    assert isinstance(expression, FieldTest)
    condition = AllOf((replace(expression, holds=search), *others))
    router = RuleRouter([replace(read, condition=condition, predicate=build_predicate(condition))])

    for fields in [{"a": "inv"}, {"a": "inv", "b": "y", "c": 5}, {"a": "i", "b": "x", "c": 5}]:
        assert router.list_matches("linux", fields) == []
    assert router.list_matches("linux", {"a": "inv", "b": "x", "c": 4}) == []
    assert searched == []
    assert len(router.list_matches("linux", {"a": "inv", "b": "x", "c": 5})) == 1
    assert searched == ["inv"]


def test_more_texts_than_a_plan_looks_for_are_asked_of_the_event() -> None:
    words = [f"w{n:02}" for n in range(3 * MOST_NEEDS)]
    selections = [{"a|contains|all": words}, {"b": words[:1]}, {"b": words[1:2]}]
    router = RuleRouter([rule(selections, "one and not two and not three", LINUX)])

    assert len(router.list_matches("linux", {"a": " ".join(words), "b": "x"})) == 1
    for left_out in words:
        text = " ".join(word for word in words if word != left_out)
        assert router.list_matches("linux", {"a": text, "b": "x"}) == []
    for value in words[:2]:
        assert router.list_matches("linux", {"a": " ".join(words), "b": value}) == []


def test_rules_that_ask_for_absent_fields_are_not_asked_and_grow_no_plan() -> None:
    values: list[str] = []
    rules = [
        counting(rule([{"Image|endswith": f"x{n}", "b": 1}], "one", LINUX, n), values)
        for n in range(100)
    ] + [
        counting(rule([{"c": n}, {"Image": None}], "one and not two", LINUX, n), values)
        for n in range(100, 200)
    ]
    router = RuleRouter(rules)

    assert router.list_matches("linux", {"b": 1, "c": "x"}) == []
    assert router.list_matches("linux", {"b": 1}) == []
    assert values == []
    assert {plan.weight for plan in router._plans._young.values()} == {1}


class Read(dict[str, Any]):
    """Fields that count which of them are read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.read: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        self.read.append(name)
        return super().get(name, default)


def test_rules_that_no_parsers_event_can_satisfy_cost_its_events_nothing() -> None:
    values: list[str] = []
    base = [counting(each, values) for each in rules_of(OWN)]
    more = [counting(each, values) for each in rules_of(foreign_rules(900))]
    alone, beside = RuleRouter(base), RuleRouter([*base, *more])
    events = parsed_examples()

    matched = 0
    for dataset, fields in [*events, *events]:
        work = []
        for router in (alone, beside):
            values.clear()
            read = Read(fields)
            ids = [each.id for each in router.list_matches(dataset, read)]
            source = router._get_source(dataset, fields.get("event.category"))
            plan = router._plans.get((source.kind, source.names.intersection(fields)))
            assert plan is not None
            work.append((ids, read.read, list(values), plan.weight))
        assert work[0] == work[1]
        matched += len(ids)

    assert len(more) == 900
    assert len(base) == 4
    assert matched
    assert len({dataset for dataset, _ in events}) > 5
    assert set(alone._planner._scans) == set(beside._planner._scans)


OWN: list[tuple[list[Any], str, Mapping[str, str]]] = [
    ([{"event.outcome": "failure"}, {"user.name|contains": "a"}], "one and two", TEST),
    ([{"cs-uri-query|contains": [".php", "/"]}, {"sc-status": 200}], "one and not two", TEST),
    ([{"src_ip|cidr": "0.0.0.0/0"}, {"dst_port|gte": 1}], "one and two", TEST),
    ([{"event.action|re": "[a-z]+_?in"}, {"Image": None}], "one and two", TEST),
]


def foreign_rules(count: int) -> list[tuple[list[Any], str, Mapping[str, str]]]:
    """Of fields that no parser makes, together with such as all make."""
    conditions = ["one and two", "one and not two", "two and three", "one or (two and three)"]
    return [
        (
            [
                {"eventName|contains": [f"a{n}", "b"], "event.outcome": "failure"},
                {"Image|endswith": f"\\x{n}.exe", "user.name|contains": "a"},
                {"TargetObject|re": f"a{n}.*b+", "src_ip|cidr": "0.0.0.0/0"},
            ],
            conditions[n % len(conditions)],
            [{"product": "aws"}, {"category": "firewall"}, {"product": "linux"}][n % 3],
        )
        for n in range(count)
    ]


def parsed_examples() -> list[tuple[str, Mapping[str, Any]]]:
    """Of each parser, as it makes them of its own examples."""
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    events: list[tuple[str, Mapping[str, Any]]] = []
    parsers: Mapping[str, Parser] = load_plugins("streams.parsers", "PARSER")
    for parser in parsers.values():
        for example in parser.examples:
            if example.expected is not None:
                act = parse(parser, example.line, at, field_map=example.field_map)
                assert isinstance(act, ParsedEvent)
                events.append((parser.dataset, act.fields))
    return events


def test_rules_of_another_log_source_are_not_asked_without_a_plan_either() -> None:
    values: list[str] = []
    rules = [
        counting(rule([{"a|gte": 0}], "one", source, n), values)
        for n, source in enumerate([LINUX, {"product": "m365"}, {"category": "webserver"}])
    ]
    router = RuleRouter(rules)
    fields = {"a": 1, "event.category": ["web"]}

    assert without_plan(router, "linux", fields) == values == ["r0", "r2"]
    values.clear()
    assert [each.id for each in router.list_matches("linux", fields)] == values == ["r0", "r2"]


def test_names_that_a_sender_invents_make_few_plans_and_change_no_verdict() -> None:
    rules = [rule([{f"f{n}|exists": True, "a": "x"}], "one", LINUX, n) for n in range(60)]
    router = RuleRouter(rules)
    router._free = 500
    choose = random.Random(1)

    for _ in range(3_000):
        fields = {f"f{choose.randrange(60)}": 1 for _ in range(6)} | {"a": choose.choice("xy")}
        fields |= {f"invented {choose.random()}": 1}
        ids = [each.id for each in router.list_matches("linux", fields)]
        assert ids == plainly(rules, "linux", fields)

    assert router._free < 60
    assert len(router._plans) < 300
    assert len(router._awaited) <= routing.MOST_AWAITED


def test_a_combination_of_names_that_keeps_coming_earns_its_plan_after_a_flood() -> None:
    rules = [rule([{"a": f"x{n}"}], "one", LINUX, n) for n in range(400)]
    router = RuleRouter(rules)
    router._free = 0

    for _ in range(128):
        router.list_matches("linux", {"a": "x7"})

    assert len(router._plans) == 1


def test_plans_and_values_that_are_not_used_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(routing, "MOST_PLANS", 4)
    monkeypatch.setattr(columns, "MOST_REMEMBERED", 10)
    rules = [rule([{f"f{n}": "x"}], "one", LINUX, n) for n in range(40)]
    router = RuleRouter(rules)

    for n in range(40):
        for value in ("x", "y", f"z{n}"):
            fields = {f"f{n}": value}
            ids = [each.id for each in router.list_matches("linux", fields)]
            assert ids == plainly(rules, "linux", fields)
            assert router.list_matches("linux", {"f0": "x"})

    assert len(router._plans) <= 8
    assert router._planner.remembered.count <= 10


def test_a_text_is_searched_only_if_a_rule_that_is_left_needs_something_in_it() -> None:
    router = RuleRouter([rule([{"a": "x"}, {"b|contains": "y"}], "one and two", LINUX)])
    remembered = router._planner.remembered

    for _ in range(3):
        assert router.list_matches("linux", {"a": "z", "b": "a text"}) == []
    assert remembered.count == 1  # "z"
    for _ in range(3):
        assert router.list_matches("linux", {"a": "x", "b": "a text"}) == []
    assert remembered.count == 3  # and "x" and the text


def test_values_that_come_once_are_not_remembered() -> None:
    router = RuleRouter([rule([{"b|contains": "y"}], "one", LINUX)])

    for number in range(1_000):
        assert len(router.list_matches("linux", {"b": f"{number} y"})) == 1

    assert router._planner.remembered.count < 50


def test_a_list_of_one_text_is_remembered_like_the_text() -> None:
    router = RuleRouter([rule([{"a": "x", "b|contains": "y"}], "one", LINUX)])

    for text in ("text y", "text z"):
        for value in ([text], text, (text,), [text, "y"]):
            expected = 1 if "y" in text or value == [text, "y"] else 0
            for _ in range(3):
                fields = {"a": ["X"], "b": value}
                assert len(router.list_matches("linux", fields)) == expected
    assert router.list_matches("linux", {"a": [1], "b": "text y"}) == []
    assert router.list_matches("linux", {"a": [["x"]], "b": "text y"}) == []


def counting(one: Rule, counter: list[str]) -> Rule:
    """With a part that no literal decides, which says when it is asked."""

    def holds(value: Any) -> bool:
        counter.append(one.id)
        return True

    condition = AllOf((KeywordTest(holds), one.condition))
    return replace(one, condition=condition, predicate=build_predicate(condition))


class Forgetful(LiteralScan):
    """RE2 gave up."""

    def find_literals(self, low: str) -> tuple[int, ...]:
        return ()


def test_a_scan_that_gives_up_leaves_no_rule_out() -> None:
    literals = {
        Literal(LiteralPosition.WITHIN, "a"): 0b01,
        Literal(LiteralPosition.LAST, "b"): 0b10,
    }
    column = columns.FieldColumn(literals, Forgetful(literals), columns.RememberedValues())

    assert column.find_rules("x") is None


@pytest.mark.parametrize("times", [250, 5_000])
def test_a_condition_nested_too_deeply_is_refused_when_it_is_read(tmp_path, times: int) -> None:
    file = tmp_path / "deep.yml"
    text = f"sel and ({'not (' * times}sel{')' * times})"
    file.write_text(
        "title: T\nname: deep\nlogsource: {product: test}\n"
        f"detection: {{sel: {{a: x}}, condition: '{text}'}}\n"
    )

    with pytest.raises(BadInput, match=r"deep\.yml"):
        load_rules([file], behaviours=False)


def test_texts_longer_than_a_scan_holds_are_found_all_the_same() -> None:
    long = "ab" * 300_000
    rules = [
        rule([{f"a|{how}": f"{long}{n}"}], "one", LINUX, n)
        for n, how in enumerate(["contains", "startswith", "endswith"])
    ]
    router = RuleRouter(rules)

    assert len(router.list_matches("linux", {"a": f"{long}0"})) == 1
    assert [r.id for r in router.list_matches("linux", {"a": f"{long}1x"})] == ["r1"]
    assert [r.id for r in router.list_matches("linux", {"a": f"x{long}2"})] == ["r2"]
    assert router.list_matches("linux", {"a": long}) == []


def test_a_scan_of_more_texts_than_it_holds_gives_up() -> None:
    scan = LiteralScan({Literal(LiteralPosition.WITHIN, f"{n:08x}" * 10_000) for n in range(6)})

    assert not scan.find_literals("x")


@pytest.mark.parametrize(
    ("pattern", "fields", "matches"),
    [
        ({"a|exists": False}, {"b": 1}, True),
        ({"a": None, "b": 1}, {"b": 1}, True),
        ({"a|exists": True}, {"b": 1}, False),
        ({"cs-uri-query|contains": "x"}, {"url.original": None, "url.query": "x"}, True),
        ({"cs-uri-query|contains": "x"}, {"url.original": "y", "url.query": "x"}, False),
        ({"cs-uri-query|contains": "x"}, {"url.query": "x"}, True),
        ({"cs-uri-query|contains": "x"}, {"cs-uri-query": "x"}, True),
        ({"a|contains|all": ["x", "y"], "b": 1}, {"a": "xy", "b": 1}, True),
        ({"a|cidr": "10.1.2.0/23"}, {"a": "10.1.3.9"}, True),
        ({"a|fieldref": "b"}, {"a": "X", "b": "x"}, True),
        ({"a|fieldref": "b"}, {"a": "x"}, False),
    ],
)
def test_absent_and_null_fields_are_routed_as_they_are_compared(pattern, fields, matches) -> None:
    rules = [rule([pattern], "one", LINUX, 1), rule([pattern], "not one", LINUX, 2)]
    expected = ["r1"] if matches else ["r2"]

    assert plainly(rules, "linux", fields) == expected
    for free in (999, 0):
        router = RuleRouter(rules)
        router._free = free
        assert [each.id for each in router.list_matches("linux", fields)] == expected
        assert without_plan(router, "linux", fields) == expected
