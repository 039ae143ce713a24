"""Determine on which grounds people are notified of an exposure, and by which letter."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.regulators import answered_yes, find_communication, list_applicable
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataRole, PecrStatus


def compute_bases(decision: Decision, exposure: Exposure) -> frozenset[NotificationBasis]:
    """Compute the grounds on which this exposure's people are notified; empty: they are not. A hold
    removes the grounds that it names."""
    if exposure.certainty is Certainty.EXCLUDED:
        return frozenset()
    owed: set[NotificationBasis] = set()
    own_rule = find_communication(
        exposure, list_applicable(decision=decision), answered_yes(decision)
    )
    if exposure.role is DataRole.PROCESSOR:
        owed.add(NotificationBasis.ART33_2)
    else:
        if decision.own_promise_binds.yes:
            owed.add(NotificationBasis.OWN_PROMISE)
        if decision.tell_people.yes and own_rule is None:
            owed.add(NotificationBasis.ART34)
    if own_rule is not None and decision.pecr_subscribers.yes:
        owed.add(own_rule)
    stopped = decision.hold.stops if decision.hold else frozenset()
    return frozenset(owed - (stopped - {NotificationBasis.ART33_2}))


CORRECTION_OF = {kind: kind.correction for kind in NoticeKind if kind.correction}
"""Which letter corrects which."""
CORRECTED_BY = {correction: kind for kind, correction in CORRECTION_OF.items()}
"""Which letter a correction corrects."""


def under_own_rule(
    decision: Decision | None, exposures: Iterable[Exposure], rule: NotificationBasis | None
) -> tuple[Exposure, ...]:
    """Select exposures whose people are notified under a rule that replaces Art. 34; `rule` None:
    those of which we are controller and to which Art. 34 applies."""
    applicable, yes = list_applicable(decision=decision), answered_yes(decision)
    return tuple(
        e
        for e in select_reached(exposures)
        if find_communication(e, applicable, yes) is rule
        and (rule is not None or e.role is DataRole.CONTROLLER)
    )


def get_role(kind: NoticeKind) -> DataRole:
    """Return our role for the exposure that a letter of this kind is about. Raises KeyError for a
    kind that is about no exposure."""
    role = kind.spec.role
    if role is None:
        raise KeyError(kind)
    return role


def list_letter_kinds(exposure: Exposure) -> tuple[NoticeKind, ...]:
    """Return the kinds of letter that each reader of the exposure gets."""
    return tuple(k for k in NoticeKind if k.spec.is_owed and k.spec.role is exposure.role)


def select_reached(
    exposures: Iterable[Exposure], role: DataRole | None = None
) -> tuple[Exposure, ...]:
    """Select exposures that are not excluded, of one role if it is named."""
    return tuple(
        e
        for e in exposures
        if e.certainty is not Certainty.EXCLUDED and (role is None or e.role is role)
    )


def select_excluded(exposures: Iterable[Exposure]) -> frozenset[tuple[str, DataRole]]:
    """Select customers and roles of exposures that are excluded."""
    return frozenset(
        (e.customer_id, e.role) for e in exposures if e.certainty is Certainty.EXCLUDED
    )


def compute_pecr(exposures: Iterable[Exposure]) -> PecrStatus:
    """Combine the PECR status of all reached exposures: yes if any is, else ask if any asks."""
    statuses = {e.pecr for e in select_reached(exposures)}
    return next(
        (answer for answer in (PecrStatus.YES, PecrStatus.ASK) if answer in statuses), PecrStatus.NO
    )
