"""Sigma conditions over flat ECS events: what each modifier means, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import BadInput
from streams.sigma.load import load_rules


def rule_text(detection: dict[str, Any], condition: str = "sel", **more: Any) -> str:
    document = {
        "title": "A rule",
        "name": "a_rule",
        "logsource": {"product": "test"},
        "detection": {**detection, "condition": condition},
        "level": "low",
        **more,
    }
    return yaml.safe_dump(document)


@pytest.fixture
def match(tmp_path: Path):
    def run(detection: dict[str, Any], event: dict[str, Any], condition: str = "sel") -> bool:
        file = tmp_path / "rule.yml"
        file.write_text(rule_text(detection, condition))
        (rule,) = load_rules([file], behaviours=False).rules
        return rule.predicate(event)

    return run


@pytest.mark.parametrize(
    ("selection", "event", "expected"),
    [
        ({"a": "Jo"}, {"a": "jO"}, True),
        ({"a": "jo"}, {"a": "joe"}, False),
        ({"a": "jo"}, {}, False),
        ({"a": "j*"}, {"a": "JOE"}, True),
        ({"a": "*o?"}, {"a": "joe"}, True),
        ({"a": "*o?"}, {"a": "jo"}, False),
        ({"a": r"j\*"}, {"a": "j*"}, True),
        ({"a": r"j\*"}, {"a": "jo"}, False),
        ({"a": ["x", "y"]}, {"a": "Y"}, True),
        ({"a": "x"}, {"a": ["y", "X"]}, True),
        ({"a": ""}, {"a": ""}, True),
        ({"a|contains": "ll"}, {"a": "heLLo"}, True),
        ({"a|contains": "a.b"}, {"a": "xaxbx"}, False),
        ({"a|startswith": "he"}, {"a": "Hello"}, True),
        ({"a|startswith": "lo"}, {"a": "Hello"}, False),
        ({"a|endswith": "LO"}, {"a": "hello"}, True),
        ({"a|contains|all": ["h", "z"]}, {"a": "hello"}, False),
        ({"a|contains|all": ["h", "o"]}, {"a": "hello"}, True),
        ({"a|cased": "Jo"}, {"a": "jo"}, False),
        ({"a|cased": "Jo"}, {"a": "Jo"}, True),
        ({"a|contains|cased": "LL"}, {"a": "hello"}, False),
        ({"a|re": "^h.l+o$"}, {"a": "hello"}, True),
        ({"a|re": "^H"}, {"a": "hello"}, False),
        ({"a|re|i": "^H"}, {"a": "hello"}, True),
        ({"a|re|m": "^b"}, {"a": "a\nb"}, True),
        ({"a|re": "a.b"}, {"a": "a\nb"}, False),
        ({"a|re|s": "a.b"}, {"a": "a\nb"}, True),
        ({"a|cidr": "10.0.0.0/8"}, {"a": "10.2.3.4"}, True),
        ({"a|cidr": "10.0.0.0/8"}, {"a": "11.2.3.4"}, False),
        ({"a|cidr": "10.0.0.0/8"}, {"a": "::ffff:10.2.3.4"}, True),
        ({"a|cidr": "2001:db8::/32"}, {"a": "2001:db8::1"}, True),
        ({"a|cidr": "10.0.0.0/8"}, {"a": "no address"}, False),
        ({"a|exists": True}, {"a": 0}, True),
        ({"a|exists": True}, {}, False),
        ({"a|exists": False}, {}, True),
        ({"a": None}, {}, True),
        ({"a": None}, {"a": "x"}, False),
        ({"a": 404}, {"a": 404}, True),
        ({"a": 404}, {"a": "404"}, True),
        ({"a": 404}, {"a": 4040}, False),
        ({"a": "404"}, {"a": 404}, True),
        ({"a": True}, {"a": True}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a|lt": 10}, {"a": 9.5}, True),
        ({"a|lte": 10}, {"a": 10}, True),
        ({"a|gt": 10}, {"a": "11"}, True),
        ({"a|gte": 10}, {"a": 9}, False),
        ({"a|gte": 10}, {"a": "many"}, False),
        ({"a|fieldref": "b"}, {"a": "Jo", "b": "jo"}, True),
        ({"a|fieldref": "b"}, {"a": "Jo"}, False),
        ({"a|fieldref|endswith": "b"}, {"a": "x@Contoso", "b": "contoso"}, True),
        ({"a|neq": "x"}, {"a": "y"}, True),
        ({"a|neq": "x"}, {"a": "X"}, False),
        ({"a|base64offset|contains": "secret"}, {"a": "xxc2VjcmV0yy"}, True),
        ({"a|windash|contains": " -enc"}, {"a": "run /enc"}, True),
        ({"a": "x", "b": "y"}, {"a": "x", "b": "z"}, False),
        ([{"a": "x"}, {"b": "y"}], {"b": "Y"}, True),
        (["Needle"], {"a": "hay needle hay"}, True),
        (["nee*dle"], {"a": ["x", "neeEEdle!"]}, True),
        ([4625], {"a": "code 4625"}, True),
        (["needle"], {"needle": "hay"}, False),
    ],
)
def test_a_selection_means_what_sigma_says(match, selection, event, expected) -> None:
    assert match({"sel": selection}, event) is expected


def test_two_long_lists_are_compared_in_bounded_time(match) -> None:
    event = {
        "a": [f"a{n}" for n in range(50_000)],
        "b": [f"b{n}" for n in range(50_000)],
    }
    begin = time.thread_time()

    assert not match({"sel": {"a|fieldref|endswith": "b"}}, event)
    assert match({"sel": {"a|fieldref": "b"}}, event | {"b": [*event["b"], "A49999"]})

    assert time.thread_time() - begin < 10


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        ("one and not two", {"a": "x"}, True),
        ("one and not two", {"a": "x", "b": "y"}, False),
        ("1 of *", {"b": "y"}, True),
        ("all of them", {"b": "y"}, False),
        ("not 1 of t*", {}, True),
        ("(one or two) and not three", {"b": "y", "c": "z"}, False),
    ],
)
def test_a_condition_joins_its_selections(match, condition, event, expected) -> None:
    detection = {"one": {"a": "x"}, "two": {"b": "y"}, "three": {"c": "z"}}

    assert match(detection, event, condition) is expected


@pytest.mark.parametrize(
    ("selection", "word"),
    [
        ({"a|expand": "%admins%"}, "expand"),
        ({"a|utf16le|base64": "x"}, "utf16le"),
        ({"a|wide|base64offset": "x"}, "wide"),
        ({"a|hour": 3}, "hour"),
        ({"a|re|startswith": "x"}, "re"),
    ],
)
def test_what_is_not_supported_is_refused_with_file_rule_and_modifier(
    tmp_path: Path, selection, word
) -> None:
    file = tmp_path / "odd.yml"
    file.write_text(rule_text({"sel": selection}))
    with pytest.raises(BadInput) as refused:
        load_rules([file], behaviours=False)

    assert "odd.yml" in str(refused.value)
    assert word in str(refused.value)


def test_sigma_names_represent_ecs_names_and_themselves(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        rule_text(
            {"sel": {"cs-method": "POST", "sc-status": 302, "c-ip|cidr": "203.0.113.0/24"}},
            logsource={"category": "webserver"},
        )
    )
    (rule,) = load_rules([file], behaviours=False).rules
    ecs = {
        "http.request.method": "post",
        "http.response.status_code": 302,
        "source.ip": "203.0.113.9",
    }
    raw = {"cs-method": "POST", "sc-status": "302", "c-ip": "203.0.113.9"}

    assert rule.predicate(ecs)
    assert rule.predicate(raw)
