"""Telling more to those who were told less: the newest list says of them what no letter or call
that reached them could say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.obligations.dossier import Dossier, Reader
from breachdesk.casework.obligations.making import obligation, provision
from breachdesk.casework.told import Telling
from breachdesk.casework.told_exposures import ToldExposures
from breachdesk.gdpr.roles import CORRECTED_BY, bases, role_of
from schemas.affected import Certainty, Exposure, Surety
from schemas.obligation import Obligation, ObligationKind, Owed

SURE = (Certainty.CONFIRMED, Certainty.LIKELY)


def new_evidence(dossier: Dossier) -> Iterator[Obligation]:
    """Runs from the list that says more until a letter or call made of such a list reached each.
    Nobody is owed it whom the decision has us tell nothing."""
    if dossier.manifest is None or dossier.decision is None or not dossier.tellings:
        return
    lists = ToldExposures(dossier.uow, dossier.breach.id, dossier.rows)
    tellings: dict[Reader, list[Telling]] = defaultdict(list)
    for telling in dossier.tellings:
        tellings[telling.reader].append(telling)
    standings = [
        _standing(dossier, lists, (r.customer_id, r.person_id, r.kind), tellings)
        for r in dossier.manifest.recipients
        if r.kind not in CORRECTED_BY
    ]
    more = [s for s in standings if s is not None]
    if not more:
        return
    owed = tuple(s.owed for s in more if s.told_at is None)
    ended_at = None if owed else max(s.told_at for s in more if s.told_at)
    yield obligation(
        dossier,
        ObligationKind.NEW_EVIDENCE,
        title="Tell those of whom the newest list says more",
        law=provision(dossier, "uk_gdpr_art5_1_d"),
        started_at=min(s.since for s in more),
        ended_at=ended_at,
        ended_by="each of them was told again" if ended_at else None,
        owed=owed,
    )


def says_more(exposure: Exposure, told: Exposure) -> bool:
    """Is it surer, of further kinds of data, or of further or surer effects, than what was told?"""
    if exposure.certainty in SURE and told.certainty not in SURE:
        return True
    for category, effects in exposure.effects.items():
        before = told.effects.get(category)
        if before is None:
            return True
        for effect, surety in effects.items():
            happened = surety is Surety.HAPPENED
            if effect not in before or (happened and before[effect] is not Surety.HAPPENED):
                return True
    return False


@dataclass(frozen=True, slots=True)
class _Standing:
    """One reader who was told less than the newest list says."""

    owed: Owed
    since: datetime
    told_at: datetime | None
    """When a later letter or call told it; None: none has."""


def _standing(
    dossier: Dossier, lists: ToldExposures, reader: Reader, tellings: Mapping[Reader, list[Telling]]
) -> _Standing | None:
    """None: the reader was told nothing yet, or all that the newest list says from the first."""
    customer_id, person_id, kind = reader
    key = customer_id, role_of(kind)
    newest = lists.frozen[-1][1].get(key)
    if newest is None or dossier.decision is None or not bases(dossier.decision, newest):
        return None
    told = [(t.at, lists.of_telling(t).get(key)) for t in tellings.get(reader, ())]
    less = [(at, exposure) for at, exposure in told if exposure and says_more(newest, exposure)]
    if not less:
        return None
    at, exposure = less[-1]
    later = [moment for moment, _ in told if moment > at]
    since = next(
        frozen_at
        for frozen_at, exposures in lists.frozen
        if key in exposures and says_more(exposures[key], exposure)
    )
    owed = Owed(
        customer_id=customer_id,
        person_id=person_id,
        notice=kind,
        because="told before the newest list said more",
    )
    return _Standing(owed, since, min(later, default=None))
