"""Commands for imports from folders and addresses, and for the changes that wait for a person."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.customer_sources.reading import find_source, import_source, plan_source
from breachdesk.bootstrap.customer_sources.schedule import describe_outcome
from breachdesk.casework.imports import delivery_import
from breachdesk.casework.imports.import_plan import ImportPlan, PlannedChange
from breachdesk.casework.imports.register_changes import list_contact_values
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    err,
    iterate_rows,
    opened_container,
    out,
    print_json,
    print_rows,
)
from breachdesk.cli.people import OPERATOR
from schemas.customer import Customer
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BadInput
from schemas.register_import import HeldChange

HeldId = Annotated[int, typer.Argument(metavar="ID")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Changes of the register that wait for a person."
    )

    @group.command("list")
    def list_held(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List what waits, oldest first."""
        with opened_container(data_dir) as container:
            rows = iterate_rows(container, lambda uow, page: uow.imports.list_held_page(page))
            columns = ("id", "source", "kind", "customer", "reasons", "changes")
            print_rows(map(describe_held, rows), columns, as_json=as_json)

    @group.command("accept")
    def accept(held_id: HeldId, data_dir: DataDir = None) -> None:
        """Apply the change to the customer."""
        _decide(delivery_import.accept_change, held_id, data_dir)

    @group.command("decline")
    def decline(held_id: HeldId, data_dir: DataDir = None) -> None:
        """Leave the register as it is."""
        _decide(delivery_import.decline_change, held_id, data_dir)

    app.add_typer(group, name="held-changes")


def import_from(
    place: str, vendor: str, data_dir: Path | None, *, plan_only: bool, as_json: bool
) -> None:
    """Import once from a source of the settings, a folder or an address. Exit code 1: rows were
    refused, or changes wait for a person."""
    with opened_container(data_dir) as container:
        source = _find_place(container, place, vendor)
        if plan_only:
            print_plan(plan_source(container, source), as_json=as_json)
            return
        outcome = import_source(container, source, OPERATOR, always=True)
    assert outcome is not None
    print_plan(outcome.plan, as_json=as_json)
    for problem in outcome.assets.problems:
        err.print("  record {line}, {column}: {problem}. {remedy}".format(**problem.model_dump()))
    if not as_json:
        out.print(describe_outcome(outcome))
    if outcome.plan.problems or outcome.waiting:
        raise typer.Exit(1)


def print_plan(plan: ImportPlan, *, as_json: bool) -> None:
    """Print each change, and which columns were read."""
    if as_json:
        print_json(_build_plan_row(plan))
        return
    out.print(f"read: {', '.join(plan.used) or 'nothing'}")
    out.print(f"ignored: {', '.join(plan.ignored) or 'nothing'}")
    for change in plan.changes:
        row = describe_change(change.kind.value, change.customer_id, change.before, change.after)
        waits = f"; waits: {', '.join(change.reasons)}" if change.reasons else ""
        out.print(f"  {change.kind} {change.customer_id}: {', '.join(row['changes'])}{waits}")
    for problem in plan.problems:
        err.print("  record {line}, {column}: {problem}. {remedy}".format(**problem.model_dump()))


def describe_held(change: HeldChange) -> dict[str, Any]:
    """Describe a change that waits as a row of a list."""
    row = describe_change(change.kind.value, change.customer_id, change.before, change.after)
    reasons = [reason.value for reason in change.reasons]
    return {"id": change.id, "source": change.source, **row, "reasons": reasons}


def describe_change(
    kind: str, customer_id: str, before: Customer | None, after: Customer | None
) -> dict[str, Any]:
    """Describe which fields a change gives which values."""
    old = {} if before is None else list_contact_values(before)
    new = {} if after is None else list_contact_values(after)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    changes = [f"{name}: {old.get(name, '–')} → {new.get(name, '–')}" for name in names]
    return {"kind": kind, "customer": customer_id, "changes": changes if after else []}


def _build_plan_row(plan: ImportPlan) -> dict[str, Any]:
    def build_change(change: PlannedChange) -> dict[str, Any]:
        row = describe_change(change.kind.value, change.customer_id, change.before, change.after)
        return {**row, "reasons": [reason.value for reason in change.reasons]}

    return {
        "rows": plan.rows,
        "unchanged": plan.unchanged,
        "refused": plan.refused,
        "used": list(plan.used),
        "ignored": list(plan.ignored),
        "changes": [build_change(change) for change in plan.changes],
        "problems": [problem.model_dump() for problem in plan.problems],
    }


def _find_place(container: Container, place: str, vendor: str) -> CustomerSourceSettings:
    if any(place == source.name for source in container.settings.customers):
        return find_source(container, place)
    is_address = place.startswith(("https://", "http://"))
    if not is_address and not Path(place).exists():
        return find_source(container, place)
    where: dict[str, Any] = {"addresses": (place,)} if is_address else {"folder": Path(place)}
    try:
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        return CustomerSourceSettings(name=f"by-hand-{digest}", vendor=vendor, **where)
    except ValueError:
        raise BadInput(
            "not an address to import from", place="--from", remedy="Write an https address."
        ) from None


def _decide(act: Any, held_id: int, data_dir: Path | None) -> None:
    with opened_container(data_dir) as container:
        change = container.store.write(lambda uow: act(uow, OPERATOR, held_id, container.now()))
    out.print(f"{change.kind} {change.customer_id}: decided")
