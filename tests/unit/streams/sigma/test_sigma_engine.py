"""Events → signals → findings: grouping, scope, late events, candidates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from changed_event import changed_event

from schemas.errors import BadInput
from schemas.pipeline.alert import PROVIDER_SCOPE
from schemas.pipeline.event import Event, RecordPosition
from streams.process.detect import detect
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.load import load_rules

RULES = Path(__file__).parents[4] / "rules"
PACK = load_rules([RULES])
TEXT = """\
title: Failed
name: failed
logsource: {category: authentication}
detection:
  sel: {event.outcome: failure}
  condition: sel
level: low
"""
CORRELATION = """\
---
title: Correlated
name: correlated
correlation:
  type: event_count
  generate: true
  rules: failed
  group-by: user.name
  timespan: 10m
  condition: {gte: 2}
level: high
"""


def event(**changes) -> Event:
    fields = {
        "event.category": ["authentication"],
        "event.outcome": "failure",
        "user.name": "Jo",
        "source.ip": "203.0.113.1",
    } | {k.replace("__", "."): v for k, v in changes.pop("fields", {}).items()}
    result = Event(
        id="e1",
        time=datetime(2026, 11, 22, 10, tzinfo=UTC),
        arrived=datetime(2026, 11, 22, 10, tzinfo=UTC),
        dataset="linux.sshd",
        source="host",
        fields={k: v for k, v in fields.items() if v is not None},
        position=RecordPosition("j", 1),
        sha256="0",
        organization="acme",
    )
    return changed_event(result, **changes)


@pytest.fixture
def engine(tmp_path: Path):
    def make(text: str) -> RuleEngine:
        (tmp_path / "r.yml").write_text(text)
        return RuleEngine(load_rules([tmp_path], behaviours=False))

    return make


def keys(engine: RuleEngine, of: Event) -> list[tuple[str, str, tuple[str, ...]]]:
    return sorted(tuple(signal.key) for signal in engine.list_signals(of))


def test_a_match_feeds_its_own_alert_and_its_correlations_with_folded_case(engine) -> None:
    assert keys(engine(TEXT + CORRELATION), event()) == [
        ("correlated", "acme", ("jo",)),
        ("failed", "acme", ("203.0.113.1",)),
    ]


def test_a_missing_group_value_drops_the_event_from_a_correlation(engine) -> None:
    actual = keys(engine(TEXT + CORRELATION), event(fields={"user__name": None}))

    assert actual == [("failed", "acme", ("203.0.113.1",))]


def test_a_single_event_without_its_group_is_a_group_of_its_own(engine) -> None:
    text = TEXT + "breach: {group-by: [file.name]}\n"

    assert keys(engine(text), event()) == [("failed", "acme", ("event:e1",))]


def test_unknown_owners_are_correlated_apart_and_never_pooled(engine) -> None:
    contoso, fabrikam = (
        keys(engine(TEXT + CORRELATION), event(organization=None, unattributed=f"domain:{name}"))
        for name in ("contoso.example", "fabrikam.example")
    )

    assert contoso == [
        ("correlated", "?domain:contoso.example", ("jo",)),
        ("failed", "?domain:contoso.example", ("203.0.113.1",)),
    ]
    assert {key[1] for key in contoso}.isdisjoint(key[1] for key in fabrikam)


def test_provider_scope_counts_across_customers_and_unknown_owners(engine) -> None:
    text = TEXT + CORRELATION + "breach: {scope: provider}\n"
    actual = keys(engine(text), event(organization=None, unattributed="ip:192.0.2.1"))

    assert ("correlated", PROVIDER_SCOPE, ("jo",)) in actual


def test_what_a_window_holds_of_an_event_is_bounded_however_long_its_texts_are(engine) -> None:
    long = "n" * 1_000_000
    fields = {
        "user__name": long,
        "source__ip": [long, {"a": [long] * 3}, *[long] * 500],
        "url__path": "/" + long,
        "destination__port": 22,
    }

    signals = engine(TEXT + CORRELATION).list_signals(event(fields=fields))

    assert len(signals) == 2
    for signal in signals:
        assert len(repr(signal.key)) < 1_000
        assert len(repr(dict(signal.summary))) < 300_000
        assert signal.summary["destination.port"] == 22
    other = engine(TEXT).list_signals(event(fields=fields | {"source__ip": long + "x"}))
    assert other[0].key.group != signals[0].key.group


def test_names_that_senders_invent_make_no_plans_and_change_no_match(engine) -> None:
    of = engine(TEXT)
    for number in range(200):
        result = event(fields={"event__category": [f"c{number}", "authentication"]})
        assert len(of.list_matches(changed_event(result, dataset=f"d{number}"))) == 1
        other = event(fields={"event__category": [f"c{number}", {"odd": number}]})
        assert of.list_matches(changed_event(other, dataset=f"linux.{number}")) == []
    assert len(of.list_matches(event(fields={"event__category": None}))) == 0
    nameless = changed_event(event(fields={"event__category": None}), dataset="")
    assert len(of.list_matches(nameless)) == 1

    assert len(of._router._plans) < 10


def test_late_events_alert_alone_by_their_day_and_feed_no_correlation(engine) -> None:
    assert keys(engine(TEXT + CORRELATION), event(in_time=False)) == [
        ("failed", "acme", ("203.0.113.1", "late:2026-11-22"))
    ]


def test_behaviours_leave_late_events_alone() -> None:
    rules = {signal.key.rule for signal in RuleEngine(PACK).list_signals(event(in_time=False))}

    assert "password_spraying" not in rules


def test_aliases_name_the_group_field_of_each_rule(engine) -> None:
    text = (
        TEXT
        + "---\n"
        + TEXT.replace("failed", "opened").replace("failure", "success").replace("Failed", "Opened")
        + """---
title: Chain
name: chain
correlation:
  type: temporal_ordered
  rules: [failed, opened]
  aliases:
    who: {failed: user.name, opened: user.target.name}
  group-by: who
  timespan: 10m
"""
    )
    built = engine(text)
    opened = event(fields={"event__outcome": "success", "user__target__name": "JO"})

    assert keys(built, event()) == keys(built, opened) == [("chain", "acme", ("jo",))]


def test_the_log_source_gates_and_an_unnamed_origin_passes(engine) -> None:
    built = engine(TEXT)

    assert keys(built, event(fields={"event__category": ["web"]})) == []
    assert keys(built, event(dataset="", fields={"event__category": None})) != []


def test_no_candidate_that_could_match_is_left_out() -> None:
    engine = RuleEngine(PACK)
    for info in PACK.list_infos():
        for example in PACK.list_examples(info.id):
            for each in parse_events(example.events):
                categories = tuple(each.fields.get("event.category", ()))
                slow = {
                    rule.id
                    for rule in PACK.rules
                    if rule.gate.admits(each.dataset, categories) and rule.predicate(each.fields)
                }

                assert {rule.id for rule in engine.list_matches(each)} == slow


def test_the_summary_holds_only_what_the_table_shows(engine) -> None:
    (signal,) = engine(TEXT).list_signals(event(fields={"email__subject": "private"}))

    assert dict(signal.summary) == {
        "event.outcome": "failure",
        "user.name": "Jo",
        "source.ip": "203.0.113.1",
    }


def sign_in(second: int, **more) -> dict:
    return {
        "@timestamp": f"2026-11-22T10:00:{second:02}.5Z",
        "event": {"category": ["authentication"], "outcome": "failure", "id": f"v{second}"},
        "user.name": "jo",
    } | more


def test_detect_tells_each_match_and_then_each_correlation_once(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(TEXT + CORRELATION)
    book = load_rules([tmp_path], behaviours=False)
    actual = list(detect(book, [sign_in(9), sign_in(3), sign_in(5)]))

    assert [(f.rule, f.events) for f in actual] == [
        ("failed", ("v9",)),
        ("failed", ("v3",)),
        ("failed", ("v5",)),
        ("correlated", ("v3", "v5", "v9")),
    ]
    assert actual[-1].time == datetime(2026, 11, 22, 10, 0, 5, 500_000, UTC)
    assert actual[-1].organization is None


@pytest.mark.parametrize("offset", ["x", None, [1], 1e308, 10**18, 86_400])
def test_an_offset_that_a_sender_writes_moves_no_event(offset: object) -> None:
    document = {"@timestamp": "2026-11-22T10:00:00Z", "breach.example.offset": offset}

    assert [each.time.hour for each in parse_events([document])] == [10]


def test_detect_never_joins_two_organizations(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(TEXT + CORRELATION)
    book = load_rules([tmp_path], behaviours=False)
    events = [sign_in(i, **{"organization.id": f"c{i}"}) for i in range(4)]

    assert "correlated" not in {finding.rule for finding in detect(book, events)}


def test_an_event_without_a_time_is_named() -> None:
    with pytest.raises(BadInput, match="event 2"):
        list(detect(PACK, [sign_in(1), {"user.name": "jo"}]))
