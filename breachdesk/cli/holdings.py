"""What the store holds: `alerts|cases|breaches|notices list` and `show ID`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer

from breachdesk.bootstrap.house import Premises, system_now
from breachdesk.casework import obligations
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    every_row,
    plain,
    premises,
    print_facts,
    print_rows,
)
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest
from schemas.alert import AlertView
from schemas.approval import Approval
from schemas.decision import Decision
from schemas.errors import BadInput

Identifier = Annotated[str, typer.Argument(metavar="ID")]


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    _pair(
        app,
        "alerts",
        lambda house: every_row(house, lambda uow, request: uow.alerts.by_time(request)),
        _alert,
        ALERT_COLUMNS,
    )
    _pair(
        app,
        "cases",
        lambda house: every_row(house, lambda uow, request: uow.cases.page(request)),
        lambda uow, i: uow.cases.get(i),
        CASE_COLUMNS,
    )
    _pair(
        app,
        "breaches",
        lambda house: every_row(house, lambda uow, request: uow.breaches.page(request)),
        _breach,
        BREACH_COLUMNS,
    )
    _pair(
        app,
        "notices",
        lambda house: every_row(house, lambda uow, request: uow.notices.page(request)),
        _notice,
        NOTICE_COLUMNS,
    )


ALERT_COLUMNS = ("id", "severity", "title", "organization", "customers", "evidence", "state")
CASE_COLUMNS = ("id", "state", "title", "origin", "opened_at", "lead", "breach_id")
BREACH_COLUMNS = ("id", "case_id", "title", "aware_at", "confirmed_by", "drill")
NOTICE_COLUMNS = ("id", "breach_id", "customer_id", "kind", "version", "status", "attempts")


def _pair(
    app: typer.Typer,
    name: str,
    rows: Callable[[Premises], Iterable[Any]],
    one: Callable[[UnitOfWork, str], Any],
    columns: Sequence[str],
) -> None:
    group = typer.Typer(no_args_is_help=True, help=f"The {name} in the store.")

    @group.command("list", help=f"All {name}, in a stable order.")
    def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        with premises(data_dir) as house:
            print_rows(rows(house), columns, as_json=as_json)

    @group.command("show", help=f"One of the {name}, whole.")
    def show(identifier: Identifier, data_dir: DataDir = None, as_json: AsJson = False) -> None:
        with premises(data_dir) as house:
            print_facts(house.store.look(lambda uow: one(uow, identifier)), as_json=as_json)

    app.add_typer(group, name=name)


def _alert_document(view: AlertView) -> dict[str, Any]:
    return view.model_dump(mode="json")


def _alert(uow: UnitOfWork, identifier: str) -> dict[str, Any]:
    view = uow.alerts.get(int(identifier) if identifier.isdecimal() else identifier)
    events = [plain(event) for event in uow.alerts.evidence(view.pk)]
    comments = [plain(note) for note in uow.alerts.comments(view.pk)]
    return {**_alert_document(view), "events": events, "comments": comments}


def _breach(uow: UnitOfWork, identifier: str) -> dict[str, Any]:
    """With its customers (counts by certainty and each one's), obligations, decision and approval."""
    breach = uow.breaches.get(identifier)
    manifest = uow.breaches.latest(Manifest, identifier)
    return {
        **plain(breach),
        "obligations": [
            plain(o) for o in obligations.obligations_of(uow, identifier, system_now())
        ],
        "exposures": [plain(e) for e in manifest.exposures] if manifest else [],
        "manifest": {"version": manifest.version, "hash": manifest.hash} if manifest else None,
        "decision": plain(uow.breaches.latest(Decision, identifier)),
        "approval": plain(uow.breaches.latest(Approval, identifier)),
        "paused": uow.breaches.paused(identifier),
    }


def _notice(uow: UnitOfWork, identifier: str) -> Any:
    if not identifier.isdecimal():
        raise BadInput(
            "a notice is named by its number", place=identifier, remedy="See `notices list`."
        )
    return uow.notices.get(int(identifier))
