"""Commands for the topics on Kafka: create, check, lag."""

from __future__ import annotations

from dataclasses import asdict

import typer

from breachdesk.bootstrap.settings import get_data_dir, load_settings
from breachdesk.cli.options import AsJson, DataDir, out, print_json, print_rows
from streams.kafka import topics


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="The topics on Kafka.")
    group.command("create")(create_topics)
    group.command("check")(check_topics)
    group.command("lag")(print_lag)
    app.add_typer(group, name="topics")


def create_topics(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make missing topics, raise partitions, mend settings. Run it again: it changes nothing."""
    changes = topics.create_topics(load_settings(get_data_dir(data_dir)))
    print_rows(
        (asdict(change) for change in changes),
        ("topic", "what", "before", "after"),
        as_json=as_json,
        empty="Every topic is as it must be.",
    )


def check_topics(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check that the topics exist and are configured as required. Exit 1 when something is
    wrong."""
    topic_checks = topics.check_topics(load_settings(get_data_dir(data_dir)))
    for finding in topic_checks:
        if as_json:
            print_json(asdict(finding))
        else:
            mark = "LOOK" if finding.wrong else "note"
            text = f"{finding.topic} {finding.problem}. {finding.remedy}".strip()
            out.print(f"{mark} {text}", markup=False)
    if any(finding.wrong for finding in topic_checks):
        raise typer.Exit(1)
    if not as_json:
        out.print("Every topic is as it must be.")


def print_lag(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print how many records of each partition wait for the workers."""
    rows = topics.list_lags(load_settings(get_data_dir(data_dir)))
    print_rows(
        (asdict(row) for row in rows),
        ("topic", "partition", "begin", "end", "committed", "lag"),
        as_json=as_json,
        empty="No raw topic exists: run breachdesk topics create.",
    )
