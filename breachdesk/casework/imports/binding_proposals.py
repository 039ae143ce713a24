"""Propose whose an unattributed name may be. A person accepts or declines; nothing is bound by
itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.attribution import bind_asset
from breachdesk.casework.imports.proposal_evidence import EvidenceIndex, compute_score
from breachdesk.casework.imports.register_changes import ASSETS
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.binding_proposal import BindingProposal, ProposalEvidence
from schemas.customer import Binding, UnattributedEvents
from schemas.errors import EditConflict
from schemas.register_import import HeldState
from schemas.user import Actor, Permission

LEAST_SCORE = 30
MOST_RIVALS = 5
"""Customers that one asset is proposed for."""


def refresh_proposals(uow: UnitOfWork, now: datetime) -> int:
    """Propose anew from the names that nobody owns; how many proposals that makes."""
    names = uow.customers.list_unattributed()
    index = EvidenceIndex(uow.customers.list(), uow.customers.list_bindings())
    together = uow.proposals.list_seen_together({name.key for name in names}) if names else {}
    proposals = [
        proposal
        for name in names
        for proposal in _propose(index, name, together.get(name.key, ()), now)
    ]
    uow.proposals.replace_waiting(proposals)
    return len(proposals)


def accept_proposal(
    uow: UnitOfWork,
    actor: Actor,
    proposal_id: int,
    service: str,
    valid_from: datetime | None,
    now: datetime,
) -> Binding:
    """Bind the asset to the proposed customer, as `bind_asset` does; other proposals for it go."""
    require_permission(actor, Permission.REGISTRAR, act="say whose an asset is")
    proposal = uow.proposals.get(proposal_id)
    if proposal.state is not HeldState.WAITING:
        raise EditConflict(
            "somebody decided this meanwhile",
            place=f"proposal {proposal_id}",
            remedy="Open the list again.",
        )
    binding = bind_asset(uow, actor, proposal.asset, proposal.customer_id, service, valid_from, now)
    uow.proposals.decide(proposal_id, HeldState.ACCEPTED, actor.id, now)
    uow.proposals.drop_rivals(proposal.asset)
    _record_decision(uow, actor, proposal, AuditAction.REGISTER_PROPOSAL_ACCEPTED, now)
    return binding


def decline_proposal(
    uow: UnitOfWork, actor: Actor, proposal_id: int, now: datetime
) -> BindingProposal:
    """Decline; the proposal comes back only with other evidence."""
    require_permission(actor, Permission.REGISTRAR, act="say whose an asset is")
    proposal = uow.proposals.get(proposal_id)
    uow.proposals.decide(proposal_id, HeldState.DECLINED, actor.id, now)
    _record_decision(uow, actor, proposal, AuditAction.REGISTER_PROPOSAL_DECLINED, now)
    return proposal


def _propose(
    index: EvidenceIndex,
    name: UnattributedEvents,
    together: Collection[tuple[str, str]],
    now: datetime,
) -> list[BindingProposal]:
    scored = sorted(
        (
            (-score, customer_id, evidence)
            for customer_id, evidence in index.find(name.key, together).items()
            if (score := compute_score(evidence)) >= LEAST_SCORE
        ),
        key=lambda row: row[:2],
    )[:MOST_RIVALS]
    return [
        BindingProposal(
            asset=name.key,
            customer_id=customer_id,
            score=-score,
            evidence=_sort_evidence(evidence),
            digest=_compute_digest(evidence),
            rivals=len(scored) - 1,
            events=name.events,
            first=name.first,
            last=name.last,
            found_at=now,
        )
        for score, customer_id, evidence in scored
    ]


def _sort_evidence(evidence: Collection[ProposalEvidence]) -> tuple[ProposalEvidence, ...]:
    return tuple(sorted(evidence, key=lambda each: (each.kind, each.value)))


def _compute_digest(evidence: Collection[ProposalEvidence]) -> str:
    pairs = [[each.kind, each.value] for each in _sort_evidence(evidence)]
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def _record_decision(
    uow: UnitOfWork, actor: Actor, proposal: BindingProposal, action: AuditAction, now: datetime
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=ASSETS,
        facts={
            "customer": proposal.customer_id,
            "kind": proposal.asset.partition(":")[0],
            "score": proposal.score,
            "evidence": sorted({each.kind.value for each in proposal.evidence}),
        },
    )
