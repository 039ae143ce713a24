"""Commands `breachdesk rules check|test|list|explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from breachdesk.bootstrap import data_paths
from breachdesk.cli.feed import read_bytes
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json, print_rows
from schemas.errors import BadInput
from schemas.pipeline.event import flatten
from streams.sigma.examples import check_examples
from streams.sigma.explain import explain as explain_rule
from streams.sigma.load import RuleBook, load_rules

Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH…]", help="Default: the pack.")]
COLUMNS = ("id", "severity", "kind", "scope", "title", "origin")


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="The detection rules.")
    group.command("check")(check_rules)
    group.command("test")(run_examples)
    group.command("list")(list_rules)
    group.command("explain")(explain_matches)
    app.add_typer(group, name="rules")


def _load_book(rule_paths: list[Path] | None, data_dir: Path | None) -> RuleBook:
    if rule_paths:
        return load_rules(rule_paths, behaviours=False)
    with opened_container(data_dir) as container:
        return load_rules(data_paths.list_rules_dirs(container.settings))


def check_rules(paths: Paths = None, data_dir: DataDir = None) -> None:
    """Read and compile every rule; the first that cannot be kept is named, and why."""
    book = _load_book(paths, data_dir)
    out.print(f"{len(book.list_infos())} rules read, all of them can be kept")


def run_examples(paths: Paths = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Run the examples in the rule files."""
    results = list(check_examples(_load_book(paths, data_dir)))
    broken = [result for result in results if not result.passed]
    if as_json:
        for result in results:
            print_json(
                {
                    "rule": result.rule,
                    "example": result.title,
                    "held": result.passed,
                    "problem": result.problem,
                }
            )
    else:
        for result in broken:
            out.print(f"{result.rule}, {result.title}: {result.problem}", markup=False)
        out.print(f"{len(results)} examples, {len(broken)} broken")
    if broken:
        raise typer.Exit(1)


def list_rules(paths: Paths = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every rule, by id."""
    print_rows(_load_book(paths, data_dir).list_infos(), COLUMNS, as_json=as_json)


def explain_matches(
    rule: Annotated[str, typer.Argument(metavar="RULE")],
    events: Annotated[Path, typer.Option(help="ECS JSON, one a line; - is stdin.")] = Path("-"),
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say, condition by condition, why a rule did or did not match each event."""
    book = _load_book(None, data_dir)
    for number, line in enumerate(read_bytes(events).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            event = flatten(orjson.loads(line))
        except (orjson.JSONDecodeError, AttributeError):
            raise BadInput(
                "not a JSON object",
                place=f"{events}, line {number}",
                remedy="Give one ECS JSON object a line (breachdesk parse makes them).",
            ) from None
        explanation = explain_rule(book, rule, event)
        print_json(explanation) if as_json else out.print(explanation.text, markup=False)
