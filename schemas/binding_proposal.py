"""Model bindings that are proposed from unattributed events, and the replay after a binding."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.customer import FrozenModel
from schemas.pipeline.event import RecordPosition
from schemas.register_import import HeldState


class EvidenceKind(StrEnum):
    """Why an asset may be a customer's."""

    MAIL_DOMAIN = "mail_domain"
    """A person of the customer has an address in the domain."""
    BOUND_SITE = "bound_site"
    """A site of the same domain is bound to the customer."""
    NAME = "name"
    """The name contains the customer's name."""
    CUSTOMER_ID = "customer_id"
    """The name contains the customer's id."""
    SEEN_TOGETHER = "seen_together"
    """Alerts name it beside assets of the customer."""


class ProposalEvidence(FrozenModel):
    """One reason for a proposal."""

    kind: EvidenceKind
    value: str
    """What matches: a domain, a part of the name."""


class BindingProposal(FrozenModel):
    """An asset without an owner that may be this customer's."""

    id: int = 0
    asset: str
    """`kind:value`"""
    customer_id: str
    score: int
    """0 to 100."""
    evidence: tuple[ProposalEvidence, ...]
    digest: str
    """Identifies the evidence: a declined proposal comes back only with another."""
    rivals: int = 0
    """How many other customers the asset is proposed for."""
    events: int
    first: datetime
    last: datetime
    state: HeldState = HeldState.WAITING
    found_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None


class ReplayState(StrEnum):
    """waiting → running → done."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


class BindingReplay(FrozenModel):
    """Records of one partition that are read again after a binding."""

    id: int = 0
    partition: str = ""
    assets: tuple[str, ...]
    """Unattributed names, `kind:value`, that are bound now."""
    known_at: datetime
    """When the binding became known."""
    since: datetime
    """No event that names the assets is older."""
    state: ReplayState = ReplayState.WAITING
    position: RecordPosition | None = None
    """The last record that was read again."""
    end: RecordPosition | None = None
    """The last one to be read."""
    events: int = 0
    ended_at: datetime | None = None
