"""Rule files: documents, references, what stands alone, and errors that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import BadInput, NotFound
from schemas.pipeline.rule import RuleKind
from streams.sigma.examples import list_episodes
from streams.sigma.explain import explain
from streams.sigma.load import load_rules

BASE = """\
title: Failed
name: failed
logsource: {category: authentication}
detection:
  sel: {event.outcome: failure}
  condition: sel
level: low
"""
CORRELATION = """\
title: Many failed
name: many_failed
correlation:
  type: event_count
  rules: failed
  group-by: user.name
  timespan: 10m
  condition: {gte: 3}
level: high
"""
REPOSITORY = Path(__file__).parents[4]
CORPUS = REPOSITORY.parent / "shared" / "corpora" / "sigmahq"


def load(tmp_path: Path, text: str, name: str = "r.yml"):
    (tmp_path / name).write_text(text)
    return load_rules([tmp_path], behaviours=False)


def test_base_rules_of_a_correlation_do_not_alert_by_themselves(tmp_path: Path) -> None:
    book = load(tmp_path, f"{BASE}---\n{CORRELATION}")

    assert [info.id for info in book.list_infos()] == ["many_failed"]
    assert book.list_infos()[0].kind is RuleKind.EVENT_COUNT


def test_generate_lets_base_rules_alert_too(tmp_path: Path) -> None:
    text = CORRELATION.replace("  timespan", "  generate: true\n  timespan")
    book = load(tmp_path, f"{BASE}---\n{text}")

    assert {info.id for info in book.list_infos()} == {"failed", "many_failed"}


def test_a_correlation_may_refer_to_a_rule_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "z.yml").write_text(BASE)
    book = load(tmp_path, CORRELATION, "a.yml")

    assert [info.id for info in book.list_infos()] == ["many_failed"]


@pytest.mark.parametrize(("condition", "alerts"), [("gte: 3", 1), ("gt: 2", 1), ("gt: 3", 0)])
def test_gt_asks_for_one_more_than_gte(tmp_path: Path, condition: str, alerts: int) -> None:
    book = load(tmp_path, f"{BASE}---\n{CORRELATION.replace('gte: 3', condition)}")
    events = [
        {
            "@timestamp": f"2026-11-22T10:00:0{i}Z",
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "user.name": "jo",
        }
        for i in range(3)
    ]

    assert len(list_episodes(book, events)) == alerts


def test_a_rule_is_known_by_its_name_else_its_id(tmp_path: Path) -> None:
    uuid = "0d9f3f0e-53c1-4a31-8d6e-7f7e2b9a5a01"
    book = load(tmp_path, BASE.replace("name: failed", f"id: {uuid}"))

    assert book.list_infos()[0].id == uuid


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [", "no YAML"),
        ("- a list", "no mapping"),
        (BASE.replace("condition: sel", "condition: other"), "other"),
        (BASE.replace("title: Failed\n", ""), "title"),
        (CORRELATION, "failed"),
        (f"{BASE}---\n{CORRELATION.replace('event_count', 'value_sum')}", "value_sum|Value sum"),
        (f"{BASE}---\n{CORRELATION.replace('gte: 3', 'lt: 3')}", "lt"),
        (f"{BASE}---\n{CORRELATION.replace('10m', 'soon')}", "soon"),
        (f"{BASE}---\n{BASE}", "already"),
        (f"{BASE}breach: {{scop: provider}}\n", "scop"),
        (f"{BASE}breach: {{scope: world}}\n", "world"),
        (f"{BASE}breach: {{quiet: 1 hour}}\n", "quiet"),
        (f"{BASE}breach: {{examples: none}}\n", "examples"),
        (f"{BASE}breach: {{examples: [{{title: t, events: [], alerts: many}}]}}\n", "many"),
        (f"{BASE}breach: {{examples: [{{title: t, events: [x], alerts: 1}}]}}\n", "mapping"),
        (
            f"{BASE}---\n{CORRELATION}---\n"
            + CORRELATION.replace("many_failed", "x").replace(
                "rules: failed", "rules: many_failed"
            ),
            "correlation of correlations",
        ),
        (
            "title: F\nlogsource: {product: x}\nfilter: {rules: any, condition: a, a: {b: c}}",
            "filter",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        load(tmp_path, text, "wrong.yml")

    assert "wrong.yml" in refused.value.place


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        load_rules([tmp_path / "nowhere"])


def test_explain_says_which_condition_did_not_hold_and_what_was_absent(tmp_path: Path) -> None:
    book = load(tmp_path, BASE.replace("failure}", "failure, user.name|contains: adm}"))
    explanation = explain(book, "failed", {"event": {"outcome": "failure"}})

    assert not explanation.matched
    assert [(c.field, c.matched, c.present) for c in explanation.checks] == [
        ("event.outcome", True, True),
        ("user.name", False, False),
    ]
    assert "absent: user.name" in explanation.text


def test_explain_covers_correlations_and_behaviours() -> None:
    book = load_rules([REPOSITORY / "rules"])
    event = {
        "@timestamp": "2026-11-22T10:00:00Z",
        "event.category": ["authentication"],
        "event.outcome": "failure",
        "user.name": "jo",
        "source.ip": "203.0.113.1",
    }

    assert explain(book, "sign_in_brute_force", event).matched
    assert explain(book, "password_spraying", event).matched
    assert not explain(book, "dlp_match_high", event).matched


def test_explaining_an_unknown_rule_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing"):
        explain(load(tmp_path, BASE), "nothing", {})


@pytest.mark.slow
def test_every_published_rule_loads_or_is_refused_for_a_modifier_we_name() -> None:
    if not CORPUS.exists():
        pytest.skip("the public rule corpus is not part of this repository")
    refused: dict[str, int] = {}
    loaded = 0
    for file in sorted((CORPUS / "rules" / "web").rglob("*.yml")):
        try:
            loaded += len(load_rules([file], behaviours=False).rules)
        except BadInput as wrong:
            refused[wrong.problem] = refused.get(wrong.problem, 0) + 1

    assert loaded > 40
    assert all("modifier" in problem for problem in refused)
