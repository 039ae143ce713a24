"""Register the makers, and apply waivers to the obligations that they yield."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.obligations.complaints import build_complaint_obligations
from breachdesk.casework.obligations.contract_hours import build_contract_obligations
from breachdesk.casework.obligations.controller_questions import (
    build_controller_question_obligations,
)
from breachdesk.casework.obligations.controllers import build_controller_obligations
from breachdesk.casework.obligations.corrections import build_correction_obligations
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.facts_owed import build_fact_obligations
from breachdesk.casework.obligations.groups import build_group_obligations
from breachdesk.casework.obligations.hold_review import build_hold_obligations
from breachdesk.casework.obligations.making import Maker
from breachdesk.casework.obligations.new_evidence import build_evidence_obligations
from breachdesk.casework.obligations.next_update import build_update_obligations
from breachdesk.casework.obligations.own_promise import build_promise_obligations
from breachdesk.casework.obligations.people import build_people_obligations
from breachdesk.casework.obligations.receipts import build_receipt_obligations
from breachdesk.casework.obligations.regulators import build_regulator_obligations
from breachdesk.casework.obligations.subscribers import build_subscriber_obligations
from breachdesk.casework.obligations.supplier_questions import build_supplier_question_obligations
from schemas.casework.obligation import Obligation, Waiver, WaiverRequest, WaiverUndone
from schemas.times import convert_to_utc

MAKERS: tuple[Maker, ...] = (
    build_regulator_obligations,
    build_promise_obligations,
    build_people_obligations,
    build_group_obligations,
    build_subscriber_obligations,
    build_controller_obligations,
    build_correction_obligations,
    build_evidence_obligations,
    build_update_obligations,
    build_hold_obligations,
    build_fact_obligations,
    build_contract_obligations,
    build_receipt_obligations,
    build_controller_question_obligations,
    build_supplier_question_obligations,
    build_complaint_obligations,
)


def compute_obligations(
    dossier: BreachDossier, makers: Sequence[Maker] = MAKERS
) -> tuple[Obligation, ...]:
    """Compute every obligation that these makers yield, ended and waived ones too: running ones
    first, and among these those with a due time first."""
    waived = _WaiverIndex(dossier)
    every = [waived.apply_waivers(duty) for make in makers for duty in make(dossier)]
    if dossier.case.erased:
        # Nothing runs in an erased case, though its list can no longer say that all were told.
        every = [duty for duty in every if not duty.running]
    return tuple(sorted(every, key=get_urgency_key))


def get_urgency_key(duty: Obligation) -> tuple[bool, bool, datetime, str, str]:
    """Return a sort key that puts the most urgent first."""
    moment = convert_to_utc(duty.due or duty.started_at)
    return (not duty.running, duty.due is None, moment, duty.breach_id, duty.id)


class _WaiverIndex:
    """The waivers and requests of one breach that were not undone."""

    def __init__(self, dossier: BreachDossier) -> None:
        book, breach_id = dossier.uow.breaches, dossier.breach.id
        undone = {u.obligation_id: u.undone_at for u in book.list_versions(WaiverUndone, breach_id)}
        self._waivers: dict[str, list[Waiver]] = defaultdict(list)
        for w in book.list_versions(Waiver, breach_id):
            if w.obligation_id not in undone or w.waived_at > undone[w.obligation_id]:
                self._waivers[w.obligation_id].append(w)
        self._requests: dict[str, list[WaiverRequest]] = defaultdict(list)
        for r in book.list_versions(WaiverRequest, breach_id):
            if r.obligation_id not in undone or r.asked_at > undone[r.obligation_id]:
                self._requests[r.obligation_id].append(r)

    def apply_waivers(self, duty: Obligation) -> Obligation:
        """Return the obligation without readers that waivers cover; waived when none remains."""
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
