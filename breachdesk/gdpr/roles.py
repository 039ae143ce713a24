"""Which duties an exposure brings: they are computed for each exposure and never merged."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from schemas.affected import Certainty, Exposure, NoticeKind
from schemas.customer import Pecr, Role


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
    if exposure.certainty is Certainty.EXCLUDED:
        return frozenset()
    pecr = {Track.PECR} if exposure.pecr is Pecr.YES else set()
    if exposure.role is Role.PROCESSOR:
        return frozenset({Track.CONTROLLERS} | pecr)
    # The PECR report replaces the UK GDPR one, never both.
    return frozenset({Track.ACCOUNT_HOLDERS} | (pecr or {Track.ICO}))


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


def in_ico_numbers(exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """What we count in our own report: controller exposures only."""
    return reached(exposures, Role.CONTROLLER)


def pecr(exposures: Iterable[Exposure]) -> Pecr:
    """Of all reached exposures: yes if any is, else ask if any asks."""
    found = {e.pecr for e in reached(exposures)}
    return next((answer for answer in (Pecr.YES, Pecr.ASK) if answer in found), Pecr.NO)
