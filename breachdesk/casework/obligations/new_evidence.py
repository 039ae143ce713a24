"""Obligation to notify readers again when the newest list says more than any letter or call that
reached them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.casework.affected.notified_exposures import NotifiedExposures
from breachdesk.casework.obligations.dossier import BreachDossier, Reader
from breachdesk.casework.obligations.making import build_obligation, get_provision
from breachdesk.gdpr.roles import CORRECTED_BY, compute_bases, get_role
from schemas.casework.affected import Certainty, EffectCertainty, Exposure
from schemas.casework.obligation import Obligation, ObligationKind, PendingReader

SURE = (Certainty.CONFIRMED, Certainty.LIKELY)


def build_evidence_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation from the list that says more until a letter or call based on such a list
    reached each reader. Readers whom the decision leaves out are not owed it."""
    if dossier.manifest is None or dossier.decision is None or not dossier.tellings:
        return
    lists = NotifiedExposures(dossier.uow, dossier.breach.id, dossier.rows)
    tellings: dict[Reader, list[ReaderTelling]] = defaultdict(list)
    for telling in dossier.tellings:
        tellings[telling.reader].append(telling)
    standings = [
        _find_outdated(dossier, lists, (r.customer_id, r.person_id, r.kind), tellings)
        for r in dossier.manifest.recipients
        if r.kind not in CORRECTED_BY
    ]
    more = [s for s in standings if s is not None]
    if not more:
        return
    owed = tuple(s.owed for s in more if s.told_at is None)
    ended_at = None if owed else max(s.told_at for s in more if s.told_at)
    yield build_obligation(
        dossier,
        ObligationKind.NEW_EVIDENCE,
        title="Tell those of whom the newest list says more",
        law=get_provision(dossier, "uk_gdpr_art5_1_d"),
        started_at=min(s.since for s in more),
        ended_at=ended_at,
        ended_by="each of them was told again" if ended_at else None,
        owed=owed,
    )


def is_graver(exposure: Exposure, earlier: Exposure) -> bool:
    """Whether the exposure is more certain, of further kinds of data, or of further or more certain
    effects, than what was told."""
    if exposure.certainty in SURE and earlier.certainty not in SURE:
        return True
    for category, effects in exposure.effects.items():
        before = earlier.effects.get(category)
        if before is None:
            return True
        for effect, surety in effects.items():
            happened = surety is EffectCertainty.HAPPENED
            if effect not in before or (
                happened and before[effect] is not EffectCertainty.HAPPENED
            ):
                return True
    return False


@dataclass(frozen=True, slots=True)
class _OutdatedReader:
    """One reader who was told less than the newest list says."""

    owed: PendingReader
    since: datetime
    told_at: datetime | None
    """When a later letter or call told it; None: none has."""


def _find_outdated(
    dossier: BreachDossier,
    lists: NotifiedExposures,
    reader: Reader,
    tellings: Mapping[Reader, list[ReaderTelling]],
) -> _OutdatedReader | None:
    """Find the reader's gap. None: the reader was told nothing yet, or all that the newest list
    says."""
    customer_id, person_id, kind = reader
    key = customer_id, get_role(kind)
    newest = lists.frozen[-1][1].get(key)
    if newest is None or dossier.decision is None or not compute_bases(dossier.decision, newest):
        return None
    exposures = [(t.at, lists.list_of_telling(t).get(key)) for t in tellings.get(reader, ())]
    less = [
        (at, exposure) for at, exposure in exposures if exposure and is_graver(newest, exposure)
    ]
    if not less:
        return None
    at, exposure = less[-1]
    later = [moment for moment, _ in exposures if moment > at]
    since = next(
        frozen_at
        for frozen_at, exposures in lists.frozen
        if key in exposures and is_graver(exposures[key], exposure)
    )
    owed = PendingReader(
        customer_id=customer_id,
        person_id=person_id,
        notice=kind,
        because="told before the newest list said more",
    )
    return _OutdatedReader(owed, since, min(later, default=None))
