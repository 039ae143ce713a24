"""Obligation to correct letters: readers who were notified of an exposure that was excluded
later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.affected.corrections import Reader, find_wrongly_told
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation, get_provision
from breachdesk.casework.obligations.readers import build_owed
from breachdesk.gdpr.roles import CORRECTED_BY, get_role
from schemas.casework.affected import Recipient
from schemas.casework.list_outline import ListOutline
from schemas.casework.obligation import Obligation, ObligationKind


def build_correction_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build the obligation from the list that excluded them until each was notified. It does not
    run for readers whom the newest list includes again."""
    readers = _list_correction_readers(dossier)
    if not readers or dossier.manifest is None:
        return
    wrong = find_wrongly_told(dossier.tellings, dossier.rows, dossier.manifest.excluded)
    owed = tuple(
        build_owed(dossier, recipient) for key, (recipient, _) in readers.items() if key in wrong
    )
    ended_at = None if owed else _compute_ended_at(dossier, readers)
    yield build_obligation(
        dossier,
        ObligationKind.CORRECTIONS,
        title="Tell those who were told wrongly",
        law=get_provision(dossier, "uk_gdpr_art5_1_d"),
        started_at=min(since for _, since in readers.values()),
        ended_at=ended_at,
        ended_by="nobody is left who was told wrongly" if ended_at else None,
        owed=owed,
    )


def _list_correction_readers(dossier: BreachDossier) -> dict[Reader, tuple[Recipient, datetime]]:
    """List the recipients of corrections on any list whose exposure is still excluded, and since
    when."""
    excluded = dossier.manifest.excluded if dossier.manifest else ()
    listed: dict[Reader, tuple[Recipient, datetime]] = {}
    for manifest in dossier.uow.breaches.list_versions(ListOutline, dossier.breach.id):
        for recipient in manifest.recipients:
            kind = CORRECTED_BY.get(recipient.kind)
            if kind is None or (recipient.customer_id, get_role(kind)) not in excluded:
                continue
            key = (recipient.customer_id, recipient.person_id, kind)
            since = listed[key][1] if key in listed else manifest.frozen_at
            listed[key] = (recipient, since)
    return listed


def _compute_ended_at(
    dossier: BreachDossier, readers: dict[Reader, tuple[Recipient, datetime]]
) -> datetime:
    """Compute when the last correction reached its reader. Without any, no letter had reached a
    reader: the exclusion came after the list was frozen."""
    times = [t.at for t in dossier.tellings if t.kind in CORRECTED_BY]
    return max(times, default=max(since for _, since in readers.values()))
