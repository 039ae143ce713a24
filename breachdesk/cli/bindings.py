"""Commands for bindings that are proposed from unattributed events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from breachdesk.casework.imports import binding_proposals
from breachdesk.cli.options import AsJson, DataDir, iterate_rows, opened_container, out, print_rows
from breachdesk.cli.people import OPERATOR
from schemas.binding_proposal import BindingProposal

ProposalId = Annotated[int, typer.Argument(metavar="ID")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    bindings = typer.Typer(no_args_is_help=True, help="Whose an unattributed name may be.")
    group = typer.Typer(no_args_is_help=True, help="Proposed bindings.")
    group.command("list")(list_proposals)
    group.command("accept")(accept_proposal)
    group.command("decline")(decline_proposal)
    bindings.add_typer(group, name="proposals")
    app.add_typer(bindings, name="bindings")


def list_proposals(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Propose anew from what nobody owns, then list the proposals, highest score first."""
    with opened_container(data_dir) as container:
        container.store.write(lambda uow: binding_proposals.refresh_proposals(uow, container.now()))
        rows = iterate_rows(container, lambda uow, page: uow.proposals.list_page(page))
        columns = ("id", "score", "asset", "customer", "rivals", "events", "evidence")
        print_rows(map(_describe, rows), columns, as_json=as_json)


def accept_proposal(
    proposal_id: ProposalId,
    service: Annotated[str, typer.Option(help="Service preset; default the usual one.")] = "",
    since: Annotated[
        datetime | None, typer.Option(help="UTC time from which it was theirs; default ever.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Bind the asset to the customer; events seen before are read again."""
    valid_from = None if since is None else since.replace(tzinfo=UTC)
    with opened_container(data_dir) as container:
        binding = container.store.write(
            lambda uow: binding_proposals.accept_proposal(
                uow, OPERATOR, proposal_id, service, valid_from, container.now()
            )
        )
    out.print(f"{binding.asset} is bound to {binding.customer_id} as {binding.service}")


def decline_proposal(proposal_id: ProposalId, data_dir: DataDir = None) -> None:
    """Decline; it comes back only with other evidence."""
    with opened_container(data_dir) as container:
        proposal = container.store.write(
            lambda uow: binding_proposals.decline_proposal(
                uow, OPERATOR, proposal_id, container.now()
            )
        )
    out.print(f"{proposal.asset} is not proposed for {proposal.customer_id} any more")


def _describe(proposal: BindingProposal) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "score": proposal.score,
        "asset": proposal.asset,
        "customer": proposal.customer_id,
        "rivals": proposal.rivals,
        "events": proposal.events,
        "evidence": [f"{each.kind.value} {each.value}" for each in proposal.evidence],
    }
