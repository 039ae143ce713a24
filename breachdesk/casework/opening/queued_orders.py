"""Apply orders from an external queue: the only acts that an integrator may request.

No order confirms a breach, decides or releases mail: a named human does."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, model_validator

from breachdesk.casework.opening import triage
from breachdesk.ports import Now, Store, UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.customer import FrozenModel
from schemas.errors import BadInput
from schemas.pipeline.source import BlindInterval
from schemas.user import Actor, Permission

INTEGRATOR = Actor(id="integrator", permissions=frozenset({Permission.ANALYST}))


TEXT = r"^[^\x00]*$"
"""PostgreSQL holds no NUL in a text."""
MOST_LOST = 2**63 - 1


class NoteGap(FrozenModel):
    """A shipper or a monitor reports that a source was blind: gaps widen `possible`."""

    order: Literal["note-gap"]
    source: str = Field(min_length=1, max_length=200, pattern=TEXT)
    begin: AwareDatetime
    end: AwareDatetime | None = None
    reason: str = Field(min_length=1, max_length=500, pattern=TEXT)
    lost: int | None = Field(default=None, ge=0, le=MOST_LOST)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end is not None and self.end < self.begin:
            raise ValueError("the end lies before the beginning")
        return self


class CommentOrder(FrozenModel):
    """A playbook's finding, as a note on an alert."""

    order: Literal["comment"]
    alert: str = Field(min_length=1, max_length=40, pattern=TEXT)
    text: str = Field(min_length=1, max_length=4000)


_ORDER: TypeAdapter[NoteGap | CommentOrder] = TypeAdapter(
    Annotated[NoteGap | CommentOrder, Field(discriminator="order")]
)


class StoreOrders:
    """Implements streams.ports.OrderHandler over the store."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def follow(self, order: bytes, place: str) -> None:
        """Apply an order. Raises BadInput for an unknown one, NotFound for an unknown alert."""
        parsed = _read(order, place)
        self._store.write(lambda uow: _follow(uow, parsed, self._now()))


def _read(order: bytes, place: str) -> NoteGap | CommentOrder:
    try:
        return _ORDER.validate_json(order)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'order'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise BadInput(
            f"not an order ({faults})", place=place, remedy="See docs/reference/topics.md."
        ) from None


def _follow(uow: UnitOfWork, order: NoteGap | CommentOrder, now: datetime) -> None:
    if isinstance(order, CommentOrder):
        _add_comment(uow, order, now)
        return
    gap = BlindInterval(**order.model_dump(exclude={"order"}))
    if gap in uow.sources.list_gaps():
        return
    uow.sources.add_gap(gap)
    uow.audit.record(
        at=now,
        actor=INTEGRATOR.id,
        action=AuditAction.SOURCE_GAP_NOTED,
        subject=gap.source,
        facts={"begin": gap.begin, "end": gap.end, "lost": gap.lost},
    )


def _add_comment(uow: UnitOfWork, order: CommentOrder, now: datetime) -> None:
    """Add the comment once: an order may be delivered twice, and a note with the same words is not
    repeated."""
    alert = uow.alerts.get(order.alert)
    notes = uow.alerts.list_comments(alert.pk)
    if all((note.by, note.text) != (INTEGRATOR.id, order.text.strip()) for note in notes):
        triage.add_comment(uow, INTEGRATOR, alert.pk, order.text, now)
