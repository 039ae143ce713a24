"""Commands that show the store: `alerts|cases|breaches|notices list` and `show ID`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer

from breachdesk.bootstrap.container import Container, read_system_clock
from breachdesk.casework import obligations
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    iterate_rows,
    opened_container,
    print_facts,
    print_rows,
    to_plain,
)
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval
from schemas.casework.decision import Decision
from schemas.errors import BadInput
from schemas.pipeline.alert import AlertView

Identifier = Annotated[str, typer.Argument(metavar="ID")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    _register_pair(
        app,
        "alerts",
        lambda container: iterate_rows(
            container, lambda uow, request: uow.alerts.list_page_by_time(request)
        ),
        _build_alert,
        ALERT_COLUMNS,
    )
    _register_pair(
        app,
        "cases",
        lambda container: iterate_rows(
            container, lambda uow, request: uow.cases.list_page(request)
        ),
        lambda uow, i: uow.cases.get(i),
        CASE_COLUMNS,
    )
    _register_pair(
        app,
        "breaches",
        lambda container: iterate_rows(
            container, lambda uow, request: uow.breaches.list_page(request)
        ),
        _build_breach,
        BREACH_COLUMNS,
    )
    _register_pair(
        app,
        "notices",
        lambda container: iterate_rows(
            container, lambda uow, request: uow.notices.list_page(request)
        ),
        _get_notice,
        NOTICE_COLUMNS,
    )


ALERT_COLUMNS = ("id", "severity", "title", "organization", "customers", "evidence", "state")
CASE_COLUMNS = ("id", "state", "title", "origin", "opened_at", "lead", "breach_id")
BREACH_COLUMNS = ("id", "case_id", "title", "aware_at", "confirmed_by", "drill")
NOTICE_COLUMNS = ("id", "breach_id", "customer_id", "kind", "version", "status", "attempts")


def _register_pair(
    app: typer.Typer,
    name: str,
    rows: Callable[[Container], Iterable[Any]],
    one: Callable[[UnitOfWork, str], Any],
    columns: Sequence[str],
) -> None:
    group = typer.Typer(no_args_is_help=True, help=f"The {name} in the store.")

    @group.command("list", help=f"All {name}, in a stable order.")
    def list_rows(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        with opened_container(data_dir) as container:
            print_rows(rows(container), columns, as_json=as_json)

    @group.command("show", help=f"One of the {name}, whole.")
    def show_row(identifier: Identifier, data_dir: DataDir = None, as_json: AsJson = False) -> None:
        with opened_container(data_dir) as container:
            print_facts(container.store.read(lambda uow: one(uow, identifier)), as_json=as_json)

    app.add_typer(group, name=name)


def _build_alert_document(view: AlertView) -> dict[str, Any]:
    return view.model_dump(mode="json")


def _build_alert(uow: UnitOfWork, identifier: str) -> dict[str, Any]:
    view = uow.alerts.get(int(identifier) if identifier.isdecimal() else identifier)
    events = [to_plain(event) for event in uow.alerts.list_evidence(view.pk)]
    comments = [to_plain(note) for note in uow.alerts.list_comments(view.pk)]
    return {**_build_alert_document(view), "events": events, "comments": comments}


def _build_breach(uow: UnitOfWork, identifier: str) -> dict[str, Any]:
    """Build a breach with its customers (counts by certainty, and each one), obligations, decision
    and approval."""
    breach = uow.breaches.get(identifier)
    manifest = uow.breaches.find_latest(Manifest, identifier)
    return {
        **to_plain(breach),
        "obligations": [
            to_plain(o) for o in obligations.list_obligations(uow, identifier, read_system_clock())
        ],
        "exposures": [to_plain(e) for e in manifest.exposures] if manifest else [],
        "manifest": {"version": manifest.version, "hash": manifest.hash} if manifest else None,
        "decision": to_plain(uow.breaches.find_latest(Decision, identifier)),
        "approval": to_plain(uow.breaches.find_latest(Approval, identifier)),
        "paused": uow.breaches.is_paused(identifier),
    }


def _get_notice(uow: UnitOfWork, identifier: str) -> Any:
    if not identifier.isdecimal():
        raise BadInput(
            "a notice is named by its number", place=identifier, remedy="See `notices list`."
        )
    return uow.notices.get(int(identifier))
