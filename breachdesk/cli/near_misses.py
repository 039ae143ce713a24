"""Command `near-miss add`: record a near miss."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from breachdesk.casework.opening import near_misses
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json
from breachdesk.cli.people import OPERATOR
from breachdesk.console.views.times import SHAPE, TimeFormatter
from breachdesk.gdpr.causes import describe_cause
from schemas.casework.cause import BreachCause
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput

What = Annotated[str, typer.Argument(metavar="WHAT", help="What happened, in a sentence.")]
Noticed = Annotated[str, typer.Option(help=f"When it was noticed: {SHAPE}.")]
Why = Annotated[str, typer.Option(help="Why it was no breach; what shows it.")]
Causes = Annotated[BreachCause, typer.Option(help="What led to it.")]
Words = Annotated[str | None, typer.Option("--cause-words", help="Needed for `other`.")]
Data = Annotated[list[DataCategory] | None, typer.Option(help="Data it could have been; repeat.")]
People = Annotated[int | None, typer.Option(min=0, help="How many people it could have been.")]
About = Annotated[bool, typer.Option("--about", help="The number of people is approximate.")]
Done = Annotated[str | None, typer.Option(help="What was done.")]
Doubtful = Annotated[bool, typer.Option("--case", help="Not sure: open a case instead.")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="What nearly went wrong.")
    group.callback()(_describe_group)
    group.command("add")(add_near_miss)
    app.add_typer(group, name="near-miss")


def _describe_group() -> None:
    """Record near misses."""


def add_near_miss(
    what: What,
    *,
    noticed: Noticed,
    cause: Causes,
    why: Why = "",
    cause_in_words: Words = None,
    data: Data = None,
    people: People = None,
    about: About = False,
    done: Done = None,
    doubtful: Doubtful = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep a near miss in the register; with --case, open a case of it instead."""
    with opened_container(data_dir) as container:
        account = near_misses.NearMissForm(
            what=what,
            noticed_at=_parse_time(noticed, container.settings.profile.zone),
            cause=cause,
            cause_words=cause_in_words,
            categories=tuple(data or ()),
            people=_parse_people(people, about=about),
            why_no_breach=why,
            done=done,
        )
        act = near_misses.open_case_instead if doubtful else near_misses.record_near_miss
        now, drill = container.now(), container.settings.drill or container.settings.demo
        case = container.store.write(lambda uow: act(uow, OPERATOR, account, now, drill=drill))
    if as_json:
        print_json(case)
        return
    state_text = "is open" if doubtful else "is in the register as a near miss"
    out.print(f"{case.id} {state_text}: {case.title}. Cause: {describe_cause(cause).lower()}.")


def _parse_time(text: str, zone: str) -> datetime:
    moment = TimeFormatter(zone).parse_time(text, "--noticed")
    if moment is None:
        raise BadInput("no time is given", place="--noticed", remedy=SHAPE)
    return moment


def _parse_people(count: int | None, *, about: bool) -> ReportedQuantity:
    if count is None:
        return ReportedQuantity()
    return ReportedQuantity(
        value=count, precision=NumberPrecision.APPROXIMATE if about else NumberPrecision.EXACT
    )
