"""Alert rules and dashboard name metrics that exist, and tell the operator what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
PAGE = ROOT / "docs/reference/metrics.md"
METRIC = re.compile(r"\bbreachdesk_[a-z_]+\b")
GROUPS = yaml.safe_load((DEPLOY / "alert-rules.yml").read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/breachdesk.json").read_text(encoding="utf-8"))
QUERIES = [t["expr"] for panel in DASHBOARD["panels"] for t in panel.get("targets", [])]


def known() -> set[str]:
    """Of the page that documents the metrics; a histogram has three names more."""
    plain = set(METRIC.findall(PAGE.read_text(encoding="utf-8")))
    return plain | {f"{name}{end}" for name in plain for end in ("_bucket", "_sum", "_count")}


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    named = set(METRIC.findall(" ".join([*QUERIES, *(rule["expr"] for rule in RULES)])))

    assert len(named) > 15
    assert named - known() == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_a_rule_says_how_urgent_it_is_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "action"}
    assert len(rule["annotations"]["action"]) > 40


def test_every_command_and_page_that_a_rule_names_exists() -> None:
    actions = " ".join(rule["annotations"]["action"] for rule in RULES)
    pages = set(re.findall(r"docs/[a-z/-]+\.md", actions))

    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_names_are_unique() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(names) == len(set(names))


def test_prometheus_reads_the_rules_and_asks_every_part() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"] for job in config["scrape_configs"]}

    assert config["rule_files"] == ["alert-rules.yml"]
    assert jobs == {"worker", "dispatcher", "console"}
    assert jobs >= set(re.findall(r"[a-z]+", re.findall(r'job=~"(.*?)"', str(RULES))[0]))


def test_the_dashboard_uses_the_source_that_is_provisioned() -> None:
    file = DEPLOY / "grafana/provisioning/datasources/prometheus.yml"
    source = yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"][0]["uid"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if panel.get("targets")}

    assert used == {source}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
