"""Which duties an exposure brings: they are computed for each exposure and never merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.casework.affected import Certainty, Exposure, NoticeKind
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.obligation import ObligationKind
from schemas.customer import DataRole, PecrStatus


class NotificationTrack(StrEnum):
    """Who has to be told of an exposure."""

    ICO = "ico"
    """Art. 33(1): we are controller."""
    ACCOUNT_HOLDERS = "account_holders"
    """Art. 34, or our own promise."""
    CONTROLLERS = "controllers"
    """Art. 33(2): we are processor; no risk threshold."""
    PECR = "pecr"
    """Regulation 5A."""


def compute_tracks(exposure: Exposure) -> frozenset[NotificationTrack]:
    """Empty for an excluded exposure. `ask` brings no PECR track, but blocks a `no report`."""
    return _compute_tracks_by_pecr(exposure, under_pecr=exposure.pecr is PecrStatus.YES)


def _compute_tracks_by_pecr(
    exposure: Exposure, *, under_pecr: bool
) -> frozenset[NotificationTrack]:
    if exposure.certainty is Certainty.EXCLUDED:
        return frozenset()
    pecr = {NotificationTrack.PECR} if under_pecr else set()
    if exposure.role is DataRole.PROCESSOR:
        return frozenset({NotificationTrack.CONTROLLERS} | pecr)
    # The PECR report replaces the UK GDPR one, never both.
    return frozenset({NotificationTrack.ACCOUNT_HOLDERS} | (pecr or {NotificationTrack.ICO}))


@dataclass(frozen=True, slots=True)
class RegulatorTrack:
    """One report to the ICO: what stands in it, and its clock."""

    track: NotificationTrack
    duty: ObligationKind
    """The clock that this report stops."""
    jurisdiction: str
    exposures: tuple[Exposure, ...]
    owed: bool | None
    """None: nobody has decided it yet. What is under PECR is reported whatever the risk."""


def is_pecr(decision: Decision | None, exposure: Exposure) -> bool:
    """By the register; where it asks, by the decision."""
    if exposure.pecr is PecrStatus.ASK:
        return decision is not None and decision.pecr.yes
    return exposure.pecr is PecrStatus.YES


def compute_bases(decision: Decision, exposure: Exposure) -> frozenset[NotificationBasis]:
    """On which grounds this exposure's people are told; empty: they are not. A hold takes away
    what it names."""
    duties = _compute_decided_tracks(decision, exposure)
    owed: set[NotificationBasis] = set()
    if NotificationTrack.CONTROLLERS in duties:
        owed.add(NotificationBasis.ART33_2)
    if NotificationTrack.ACCOUNT_HOLDERS in duties:
        if decision.own_promise_binds.yes:
            owed.add(NotificationBasis.OWN_PROMISE)
        if decision.tell_people.yes and NotificationTrack.PECR not in duties:
            owed.add(NotificationBasis.ART34)
    if NotificationTrack.PECR in duties and decision.pecr_subscribers.yes:
        owed.add(NotificationBasis.PECR_5A3)
    stopped = decision.hold.stops if decision.hold else frozenset()
    return frozenset(owed - (stopped - {NotificationBasis.ART33_2}))


def compute_regulator_tracks(
    decision: Decision | None, exposures: Iterable[Exposure], *, groups: bool = False
) -> tuple[RegulatorTrack, ...]:
    """The reports that these exposures bring, none of them empty: an exposure stands in one report
    or in none, and a breach may bring both. `groups`: people who are no customers are affected,
    and stand in the report under Art. 33."""
    art33: list[Exposure] = []
    pecr: list[Exposure] = []
    for exposure in exposures:
        duties = _compute_decided_tracks(decision, exposure)
        if NotificationTrack.PECR in duties:
            pecr.append(exposure)
        elif NotificationTrack.ICO in duties:
            art33.append(exposure)
    is_decided = decision is not None and decision.report_to_ico.asked
    owed = decision.report_to_ico.yes if decision and is_decided else None
    regulator = (
        RegulatorTrack(
            NotificationTrack.ICO, ObligationKind.ICO_ART33, "uk_ico", tuple(art33), owed
        ),
        RegulatorTrack(
            NotificationTrack.PECR, ObligationKind.ICO_PECR, "uk_pecr", tuple(pecr), True
        ),
    )
    return tuple(
        t for t in regulator if t.exposures or (groups and t.track is NotificationTrack.ICO)
    )


def _compute_decided_tracks(
    decision: Decision | None, exposure: Exposure
) -> frozenset[NotificationTrack]:
    return _compute_tracks_by_pecr(exposure, under_pecr=is_pecr(decision, exposure))


CORRECTION_OF = {
    NoticeKind.ACCOUNT_HOLDER: NoticeKind.ACCOUNT_HOLDER_CORRECTION,
    NoticeKind.CONTROLLER_PACK: NoticeKind.CONTROLLER_CORRECTION,
}
"""Which letter corrects which."""
CORRECTED_BY = {correction: kind for kind, correction in CORRECTION_OF.items()}
"""Which letter a correction corrects."""
_ROLE_OF = {
    NoticeKind.ACCOUNT_HOLDER: DataRole.CONTROLLER,
    NoticeKind.ACCOUNT_HOLDER_CORRECTION: DataRole.CONTROLLER,
    NoticeKind.CONTROLLER_PACK: DataRole.PROCESSOR,
    NoticeKind.CONTROLLER_CORRECTION: DataRole.PROCESSOR,
}


def get_role(kind: NoticeKind) -> DataRole:
    """Our role for the exposure that a letter of this kind is about; the witness's has none."""
    return _ROLE_OF[kind]


def get_letter_kind(exposure: Exposure) -> NoticeKind:
    """Which of the two letters tells of it."""
    if exposure.role is DataRole.CONTROLLER:
        return NoticeKind.ACCOUNT_HOLDER
    return NoticeKind.CONTROLLER_PACK


def select_reached(
    exposures: Iterable[Exposure], role: DataRole | None = None
) -> tuple[Exposure, ...]:
    """Those not excluded, of one role if it is named."""
    return tuple(
        e
        for e in exposures
        if e.certainty is not Certainty.EXCLUDED and (role is None or e.role is role)
    )


def select_excluded(exposures: Iterable[Exposure]) -> frozenset[tuple[str, DataRole]]:
    """Customers and roles of those that are excluded."""
    return frozenset(
        (e.customer_id, e.role) for e in exposures if e.certainty is Certainty.EXCLUDED
    )


def compute_pecr(exposures: Iterable[Exposure]) -> PecrStatus:
    """Of all reached exposures: yes if any is, else ask if any asks."""
    statuses = {e.pecr for e in select_reached(exposures)}
    return next(
        (answer for answer in (PecrStatus.YES, PecrStatus.ASK) if answer in statuses), PecrStatus.NO
    )
