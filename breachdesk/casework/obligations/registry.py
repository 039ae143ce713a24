"""The makers, and what waivers make of what they yield."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.obligations.complaints import complaints
from breachdesk.casework.obligations.contract_hours import contract_hours
from breachdesk.casework.obligations.controller_questions import controller_questions
from breachdesk.casework.obligations.controllers import controllers
from breachdesk.casework.obligations.corrections import corrections
from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.facts_owed import facts_owed
from breachdesk.casework.obligations.groups import groups
from breachdesk.casework.obligations.hold_review import hold_review
from breachdesk.casework.obligations.making import Maker
from breachdesk.casework.obligations.new_evidence import new_evidence
from breachdesk.casework.obligations.next_update import next_update
from breachdesk.casework.obligations.own_promise import own_promise
from breachdesk.casework.obligations.people import people
from breachdesk.casework.obligations.receipts import receipts
from breachdesk.casework.obligations.regulators import regulators
from breachdesk.casework.obligations.subscribers import subscribers
from breachdesk.casework.obligations.supplier_questions import supplier_questions
from schemas.obligation import Obligation, Waiver, WaiverRequest, WaiverUndone
from schemas.times import in_utc

MAKERS: tuple[Maker, ...] = (
    regulators,
    own_promise,
    people,
    groups,
    subscribers,
    controllers,
    corrections,
    new_evidence,
    next_update,
    hold_review,
    facts_owed,
    contract_hours,
    receipts,
    controller_questions,
    supplier_questions,
    complaints,
)


def computed(dossier: Dossier, makers: Sequence[Maker] = MAKERS) -> tuple[Obligation, ...]:
    """Every obligation of the breach that these makers yield, ended and waived ones too: those that
    run first, and of these those with a due time first."""
    waived = _Waivers(dossier)
    every = [waived.applied(duty) for make in makers for duty in make(dossier)]
    if dossier.case.erased:
        # Nothing runs in an erased case, though its list can no longer say that all were told.
        every = [duty for duty in every if not duty.running]
    return tuple(sorted(every, key=urgency))


def urgency(duty: Obligation) -> tuple[bool, bool, datetime, str, str]:
    """The most pressing first."""
    moment = in_utc(duty.due or duty.started_at)
    return (not duty.running, duty.due is None, moment, duty.breach_id, duty.id)


class _Waivers:
    """The waivers and requests of one breach that were not undone."""

    def __init__(self, dossier: Dossier) -> None:
        book, breach_id = dossier.uow.breaches, dossier.breach.id
        undone = {u.obligation_id: u.undone_at for u in book.all(WaiverUndone, breach_id)}
        self._waivers: dict[str, list[Waiver]] = defaultdict(list)
        for w in book.all(Waiver, breach_id):
            if w.obligation_id not in undone or w.waived_at > undone[w.obligation_id]:
                self._waivers[w.obligation_id].append(w)
        self._requests: dict[str, list[WaiverRequest]] = defaultdict(list)
        for r in book.all(WaiverRequest, breach_id):
            if r.obligation_id not in undone or r.asked_at > undone[r.obligation_id]:
                self._requests[r.obligation_id].append(r)

    def applied(self, duty: Obligation) -> Obligation:
        """The obligation without the readers that waivers cover; waived when none is left."""
        if duty.ended_at is not None:
            return duty
        waivers = self._waivers.get(duty.id, [])
        covered = {key for waiver in waivers for key in waiver.covers}
        owed = tuple(reader for reader in duty.owed if reader.key not in covered)
        if waivers and not owed:
            return duty.model_copy(update={"owed": (), "waiver": waivers[-1]})
        requests = self._requests.get(duty.id, [])
        later = [r for r in requests if not waivers or r.asked_at > waivers[-1].waived_at]
        return duty.model_copy(update={"owed": owed, "requested": later[-1] if later else None})
