"""The state machine of a notice: its transitions and the sets of states that code asks for.

`DeliveryStatus` lists the states. A store refuses to write a transition that `TRANSITIONS` lacks.
docs/reference/notice-states.md is printed from this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from schemas.casework.notice import DeliveryStatus, SendOutcome
from schemas.errors import NotAllowed

QUEUED, SENDING, HANDED_OVER, DELIVERED, DEFERRED, BOUNCED, UNKNOWN, EXPIRED, SKIPPED = (
    DeliveryStatus
)


@dataclass(frozen=True, slots=True)
class Transition:
    """One reason for which a notice changes its state."""

    cause: str
    before: tuple[DeliveryStatus, ...]
    after: tuple[DeliveryStatus, ...]


WAITING = (QUEUED, DEFERRED)
"""No attempt runs, and no earlier one can have reached the reader."""
STARTABLE = (*WAITING, UNKNOWN)
"""No attempt runs, and a further one can begin. Policy or a person allows it for `unknown`."""
IN_FLIGHT = (QUEUED, SENDING)
"""The first attempt has not ended."""
PENDING = (QUEUED, SENDING, DEFERRED)
"""The dispatcher goes on by itself: an attempt runs or is to come."""
IN_DOUBT = (SENDING, UNKNOWN)
"""The reader may have the letter, and nobody knows."""
UNSETTLED = (QUEUED, SENDING, DEFERRED, UNKNOWN)
"""No end is known: a case with such a notice is not closed."""
NOTIFIED = (HANDED_OVER, DELIVERED)
"""The reader counts as notified."""
SENT = (*NOTIFIED, UNKNOWN)
"""An attempt has ended, and the letter left or may have left."""
POSSIBLY_RECEIVED = (*SENT, SENDING)
"""The reader has the letter or may have it."""
BOUNCEABLE = (*SENT, DEFERRED)
"""A mail server has had the letter, so that a bounce message can come back."""
CONFIRMABLE = (HANDED_OVER, UNKNOWN)
"""The reader can confirm receipt, and has not yet."""
NOT_SENT = (QUEUED, DEFERRED, SKIPPED, EXPIRED)
"""The reader surely does not have the letter: a new approval queues the notice again."""
ENDED_UNSENT = (EXPIRED, SKIPPED)
"""The notice has ended, and only a new approval queues it again."""
RESOLUTIONS = (HANDED_OVER, BOUNCED, QUEUED)
"""What a person records of an `unknown` notice, by the mail server's log."""
LATE_ENDS = (HANDED_OVER, BOUNCED)
"""Ends of an attempt that still count when the notice has become `unknown` meanwhile."""

STATUS_AFTER: Mapping[SendOutcome, DeliveryStatus] = MappingProxyType(
    {
        SendOutcome.HANDED_OVER: HANDED_OVER,
        SendOutcome.DEFERRED: DEFERRED,
        SendOutcome.BOUNCED: BOUNCED,
        SendOutcome.UNKNOWN: UNKNOWN,
        SendOutcome.UNSENDABLE: SKIPPED,
    }
)
"""The state in which an attempt with this outcome leaves the notice."""

TRANSITIONS: tuple[Transition, ...] = (
    Transition("an attempt begins", STARTABLE, (SENDING,)),
    Transition("the attempt ends", (SENDING,), tuple(STATUS_AFTER.values())),
    Transition("the dispatcher dies during the attempt", (SENDING,), (UNKNOWN,)),
    Transition("the attempt's end arrives late", (UNKNOWN,), LATE_ENDS),
    Transition("the database lost the attempt", UNSETTLED, tuple(STATUS_AFTER.values())),
    Transition("it is not sent: a check refuses it", WAITING, (SKIPPED,)),
    Transition("it is not sent: its time is over", WAITING, (EXPIRED,)),
    Transition("a new approval queues it again", NOT_SENT, (QUEUED,)),
    Transition("a person resolves an unknown end", (UNKNOWN,), RESOLUTIONS),
    Transition("a person finds it in the log while mail is held", STARTABLE, (HANDED_OVER,)),
    Transition("a person records a bounce message", BOUNCEABLE, (BOUNCED,)),
    Transition("the reader confirms receipt", CONFIRMABLE, (DELIVERED,)),
)


def list_sources(after: DeliveryStatus) -> Sequence[DeliveryStatus]:
    """The states from which a notice may be written in state `after`. A notice may always be
    written without a change of its state."""
    sources = {before for step in TRANSITIONS if after in step.after for before in step.before}
    return [status for status in DeliveryStatus if status in sources or status is after]


def check_transition(before: DeliveryStatus, after: DeliveryStatus, *, place: str) -> None:
    """Raises NotAllowed for a transition that the table lacks."""
    if before not in list_sources(after):
        raise NotAllowed(
            f"a notice that is {before.value} does not become {after.value}",
            place=place,
            remedy="docs/reference/notice-states.md lists the transitions.",
        )
