"""Obligation to send the next update that a letter promises, to each reader of that letter. Facts
that were never sent promise nothing and end nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.gdpr.roles import CORRECTED_BY
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation, ObligationKind, PendingReader

Reader = tuple[str, str, NoticeKind]


def build_update_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each sent version of the facts that promises an update."""
    for facts in dossier.facts:
        promised = _find_promised(dossier, facts)
        if facts.next_update is not None and promised:
            yield _build_update(dossier, facts, facts.next_update, promised)


def _find_promised(dossier: BreachDossier, facts: NoticeFacts) -> Mapping[Reader, datetime]:
    """Find when each reader was first notified by this version."""
    first: dict[Reader, datetime] = {}
    for telling in dossier.tellings:
        if telling.version == facts.version:
            first.setdefault(_get_reader(telling), telling.at)
    return first


def _build_update(
    dossier: BreachDossier, facts: NoticeFacts, due: datetime, promised: Mapping[Reader, datetime]
) -> Obligation:
    later = _find_first_later(dossier, facts.version)
    owed = tuple(
        PendingReader(
            customer_id=who[0],
            person_id=who[1],
            notice=who[2],
            because="no later letter reached them",
        )
        for who in promised
        if who not in later
    )
    ended_at = None if owed else max(later[who] for who in promised)
    return build_obligation(
        dossier,
        ObligationKind.NEXT_UPDATE,
        id=f"next_update:v{facts.version}",
        title="The next update that the letters promise",
        started_at=min(promised.values()),
        due=due,
        ended_at=ended_at,
        ended_by="a later letter reached each of them" if ended_at else None,
        owed=owed,
        source=f"our letters, version {facts.version} of their facts",
    )


def _find_first_later(dossier: BreachDossier, version: int) -> Mapping[Reader, datetime]:
    first: dict[Reader, datetime] = {}
    for telling in dossier.tellings:
        if telling.version > version:
            first.setdefault(_get_reader(telling), telling.at)
    return first


def _get_reader(telling: ReaderTelling) -> Reader:
    """Return the reader; a correction has the same reader as the letter that it corrects."""
    return telling.customer_id, telling.person_id, CORRECTED_BY.get(telling.kind, telling.kind)
