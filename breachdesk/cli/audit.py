"""Commands `breachdesk audit …`: verify and export the chain, and record its head outside the
store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from breachdesk.bootstrap.anchoring import examine_chain, record_head
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json
from breachdesk.stores.audit.audit_anchors import parse_anchor
from breachdesk.stores.audit.audit_bundle import export_bundle, verify_bundle
from schemas.audit import AuditReport
from schemas.errors import BadInput, ConfigurationError

SHOWN = 50
"""Discrepancies printed; `--json` prints all of them."""

group = typer.Typer(no_args_is_help=True, help="The hash-chained record of acts.")


@group.command("verify")
def verify_chain(
    bundle: Annotated[Path | None, typer.Argument(metavar="[BUNDLE]")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="An earlier export: the chain must begin with it. Repeatable."),
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted earlier. Repeatable."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Verify every link of the chain, the store's content and the heads recorded outside. With
    BUNDLE, verify an exported bundle alone, offline. Exit 1 when anything differs."""
    if bundle is not None:
        if against or head:
            raise BadInput(
                "a bundle is verified alone",
                place="BUNDLE",
                remedy="Name it with --against to compare the store with it.",
            )
        _print_bundle(verify_bundle(bundle), as_json=as_json)
        return
    typed = [parse_anchor(text) for text in head or ()]
    with opened_container(data_dir) as container:
        report = examine_chain(container, bundles=against or (), typed=typed)
    if as_json:
        print_json({"entries": report.head.seq, "whole": report.whole, **report.model_dump()})
    else:
        _print_report(report)
    if not report.whole:
        raise typer.Exit(1)


def _print_bundle(entries: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"entries": entries, "whole": True})
    else:
        out.print(f"{entries:,} entries, the chain is whole")


def _print_report(report: AuditReport) -> None:
    for line in report.discrepancies[:SHOWN]:
        out.print(str(line), markup=False)
    count = len(report.discrepancies)
    if count > SHOWN:
        out.print(f"and {count - SHOWN:,} more; --json lists all of them")
    if count:
        out.print(f"{report.head.seq:,} entries; {count:,} differences")
    else:
        out.print(f"{report.head.seq:,} entries, the chain is whole, and the store agrees with it")
    if report.unrecorded:
        out.print(
            f"{report.unrecorded:,} rows were written by an older program that recorded no digests;"
            " the next act records them"
        )
    if report.compared:
        out.print(f"compared with {', '.join(report.compared)}", markup=False)
    else:
        out.print("nothing outside the store was compared: no anchor, no bundle, no typed head")
    out.print(f"head {report.head.typed}", markup=False)


@group.command("export")
def export_chain(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE")], data_dir: DataDir = None
) -> None:
    """Write the chain to a file that verifies without the store."""
    with opened_container(data_dir) as container:
        entries = container.store.read(lambda uow: export_bundle(uow, bundle))
    out.print(f"{entries:,} entries written to {bundle}", markup=False)


@group.command("head")
def print_head(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print the chain's head, to be noted where this machine cannot write."""
    with opened_container(data_dir) as container:
        head = container.store.read(lambda uow: uow.audit.get_head())
    if as_json:
        print_json(head)
    else:
        out.print(head.typed, markup=False)


@group.command("anchor")
def record_anchor(data_dir: DataDir = None) -> None:
    """Note the chain's head in audit.anchor_file now."""
    with opened_container(data_dir) as container:
        path = container.settings.audit.anchor_file
        if path is None:
            raise ConfigurationError(
                "no anchor file is named",
                place="audit.anchor_file",
                remedy="Name a file on another machine's mount; see docs/reference/audit.md.",
            )
        seq = record_head(container, path, "by hand")
    out.print(f"entry {seq:,} noted in {path}", markup=False)
