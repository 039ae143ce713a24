"""Which duties an exposure brings: they are computed for each exposure and never merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.affected import Certainty, Exposure, NoticeKind
from schemas.customer import Pecr, Role
from schemas.decision import Basis, Decision
from schemas.obligation import ObligationKind


class Track(StrEnum):
    """Who has to be told of an exposure."""

    ICO = "ico"
    """Art. 33(1): we are controller."""
    ACCOUNT_HOLDERS = "account_holders"
    """Art. 34, or our own promise."""
    CONTROLLERS = "controllers"
    """Art. 33(2): we are processor; no risk threshold."""
    PECR = "pecr"
    """Regulation 5A."""


def tracks(exposure: Exposure) -> frozenset[Track]:
    """Empty for an excluded exposure. `ask` brings no PECR track, but blocks a `no report`."""
    return _tracks(exposure, under_pecr=exposure.pecr is Pecr.YES)


def _tracks(exposure: Exposure, *, under_pecr: bool) -> frozenset[Track]:
    if exposure.certainty is Certainty.EXCLUDED:
        return frozenset()
    pecr = {Track.PECR} if under_pecr else set()
    if exposure.role is Role.PROCESSOR:
        return frozenset({Track.CONTROLLERS} | pecr)
    # The PECR report replaces the UK GDPR one, never both.
    return frozenset({Track.ACCOUNT_HOLDERS} | (pecr or {Track.ICO}))


@dataclass(frozen=True, slots=True)
class RegulatorTrack:
    """One report to the ICO: what stands in it, and its clock."""

    track: Track
    duty: ObligationKind
    """The clock that this report stops."""
    jurisdiction: str
    exposures: tuple[Exposure, ...]
    owed: bool | None
    """None: nobody has decided it yet. What is under PECR is reported whatever the risk."""


def is_pecr(decision: Decision | None, exposure: Exposure) -> bool:
    """By the register; where it asks, by the decision."""
    if exposure.pecr is Pecr.ASK:
        return decision is not None and decision.pecr.yes
    return exposure.pecr is Pecr.YES


def bases(decision: Decision, exposure: Exposure) -> frozenset[Basis]:
    """On which grounds this exposure's people are told; empty: they are not. A hold takes away
    what it names."""
    duties = _decided_tracks(decision, exposure)
    owed: set[Basis] = set()
    if Track.CONTROLLERS in duties:
        owed.add(Basis.ART33_2)
    if Track.ACCOUNT_HOLDERS in duties:
        if decision.own_promise_binds.yes:
            owed.add(Basis.OWN_PROMISE)
        if decision.tell_people.yes and Track.PECR not in duties:
            owed.add(Basis.ART34)
    if Track.PECR in duties and decision.pecr_subscribers.yes:
        owed.add(Basis.PECR_5A3)
    held = decision.hold.stops if decision.hold else frozenset()
    return frozenset(owed - (held - {Basis.ART33_2}))


def regulator_tracks(
    decision: Decision | None, exposures: Iterable[Exposure], *, groups: bool = False
) -> tuple[RegulatorTrack, ...]:
    """The reports that these exposures bring, none of them empty: an exposure stands in one report
    or in none, and a breach may bring both. `groups`: people who are no customers are affected,
    and stand in the report under Art. 33."""
    art33: list[Exposure] = []
    pecr: list[Exposure] = []
    for exposure in exposures:
        duties = _decided_tracks(decision, exposure)
        if Track.PECR in duties:
            pecr.append(exposure)
        elif Track.ICO in duties:
            art33.append(exposure)
    asked = decision is not None and decision.report_to_ico.asked
    owed = decision.report_to_ico.yes if decision and asked else None
    found = (
        RegulatorTrack(Track.ICO, ObligationKind.ICO_ART33, "uk_ico", tuple(art33), owed),
        RegulatorTrack(Track.PECR, ObligationKind.ICO_PECR, "uk_pecr", tuple(pecr), True),
    )
    return tuple(t for t in found if t.exposures or (groups and t.track is Track.ICO))


def _decided_tracks(decision: Decision | None, exposure: Exposure) -> frozenset[Track]:
    return _tracks(exposure, under_pecr=is_pecr(decision, exposure))


CORRECTION_OF = {
    NoticeKind.ACCOUNT_HOLDER: NoticeKind.ACCOUNT_HOLDER_CORRECTION,
    NoticeKind.CONTROLLER_PACK: NoticeKind.CONTROLLER_CORRECTION,
}
"""Which letter corrects which."""
CORRECTED_BY = {correction: kind for kind, correction in CORRECTION_OF.items()}
"""Which letter a correction corrects."""
_ROLE_OF = {
    NoticeKind.ACCOUNT_HOLDER: Role.CONTROLLER,
    NoticeKind.ACCOUNT_HOLDER_CORRECTION: Role.CONTROLLER,
    NoticeKind.CONTROLLER_PACK: Role.PROCESSOR,
    NoticeKind.CONTROLLER_CORRECTION: Role.PROCESSOR,
}


def role_of(kind: NoticeKind) -> Role:
    """Our role for the exposure that a letter of this kind is about; the witness's has none."""
    return _ROLE_OF[kind]


def letter_kind(exposure: Exposure) -> NoticeKind:
    """Which of the two letters tells of it."""
    if exposure.role is Role.CONTROLLER:
        return NoticeKind.ACCOUNT_HOLDER
    return NoticeKind.CONTROLLER_PACK


def reached(exposures: Iterable[Exposure], role: Role | None = None) -> tuple[Exposure, ...]:
    """Those not excluded, of one role if it is named."""
    return tuple(
        e
        for e in exposures
        if e.certainty is not Certainty.EXCLUDED and (role is None or e.role is role)
    )


def excluded(exposures: Iterable[Exposure]) -> frozenset[tuple[str, Role]]:
    """Customers and roles of those that are excluded."""
    return frozenset(
        (e.customer_id, e.role) for e in exposures if e.certainty is Certainty.EXCLUDED
    )


def pecr(exposures: Iterable[Exposure]) -> Pecr:
    """Of all reached exposures: yes if any is, else ask if any asks."""
    found = {e.pecr for e in reached(exposures)}
    return next((answer for answer in (Pecr.YES, Pecr.ASK) if answer in found), Pecr.NO)
