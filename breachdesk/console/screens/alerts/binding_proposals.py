"""Whose an unattributed name may be: proposals with their evidence, to accept or decline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.imports import binding_proposals
from breachdesk.casework.imports.service_presets import SERVICES, USUAL
from breachdesk.console.views import labels
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import REGISTRAR, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.binding_proposal import BindingProposal
from schemas.errors import BreachDeskError
from schemas.paging import Page

router = APIRouter()
PROPOSALS = 30
"""Of a page."""


@router.get("/binding-proposals")
@requires(REGISTRAR)
def show_proposals(context: SignedIn) -> Response:
    """Show the proposals, highest score first."""
    return _show(context)


@router.post("/binding-proposals/{proposal_id}/{verb}")
@requires(REGISTRAR)
def submit_decision(proposal_id: int, verb: str, context: SignedIn, form: Posted) -> Response:
    """Bind the asset to the customer, or decline."""
    return context.submit(
        lambda uow: _decide(uow, context, proposal_id, verb, form),
        then="/binding-proposals",
        message="bound" if verb == "accept" else "register_decided",
        on_error=lambda problem: _show(context, problem),
    )


def _decide(
    uow: UnitOfWork, context: RequestContext, proposal_id: int, verb: str, form: SubmittedForm
) -> None:
    if verb == "accept":
        binding_proposals.accept_proposal(
            uow,
            context.actor,
            proposal_id,
            form.get_text("service"),
            form.parse_time("valid_from", "Since"),
            context.now,
        )
    else:
        binding_proposals.decline_proposal(uow, context.actor, proposal_id, context.now)


def _show(context: RequestContext, problem: BreachDeskError | None = None) -> Response:
    request = parse_page_request(context, PROPOSALS)

    def read_page(
        uow: UnitOfWork,
    ) -> tuple[Page[BindingProposal], Mapping[str, Sequence[BindingProposal]], Mapping[str, str]]:
        page = uow.proposals.list_page(request)
        rivals = uow.proposals.list_rivals({each.asset for each in page.rows if each.rivals})
        customers = {each.customer_id for each in page.rows}
        customers |= {each.customer_id for several in rivals.values() for each in several}
        return page, rivals, uow.customers.get_names(customers)

    page, rivals, names = context.look(read_page)
    return context.render_page(
        "binding_proposals.html",
        page=page,
        rivals=rivals,
        names=names,
        evidence=labels.PROPOSAL_EVIDENCE,
        services=sorted(SERVICES),
        usual=USUAL,
        problem=problem,
    )


SCREEN = Screen(
    id="binding_proposals",
    router=router,
    navigation=NavigationEntry(
        "/binding-proposals",
        "Proposals",
        NavigationGroup.RECORDS,
        order=7,
    ),
)
