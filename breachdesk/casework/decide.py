"""Step 7, the decision record: four answers with reasons, frozen before approval."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import not_erased, require
from breachdesk.casework.sealing import document_hash, next_version
from breachdesk.gdpr import roles
from breachdesk.gdpr.severity import from_factors
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest
from schemas.customer import Pecr, Role
from schemas.decision import Answer, Basis, Decision
from schemas.errors import BadInput, Incomplete, NotAllowed
from schemas.times import in_utc
from schemas.user import Actor, Duty

LIMBS = ("", "a", "b", "c")
EXPLAINED = 40
"""Characters that a `no` against a presumption needs at least."""


def decide(uow: UnitOfWork, actor: Actor, decision: Decision, now: datetime) -> Decision:
    """File the next version, hashed. A later one voids an approval.

    Raises Incomplete naming every blank answer, BadInput for what contradicts itself, NotAllowed
    while the affected list is not frozen or a PECR question is open.
    """
    require(actor, Duty.RESPONDER, act="write the decision")
    breach = uow.breaches.get(decision.breach_id)
    not_erased(uow.cases.get(breach.case_id))
    manifest = uow.breaches.latest(Manifest, breach.id)
    if manifest is None:
        raise NotAllowed("the affected list is not frozen", place=breach.id, remedy="Freeze it.")
    _check_reasons(decision)
    _check_exemption(decision)
    _check_hold(decision, now)
    _check_severity(decision)
    _check_against(decision, manifest)
    version = next_version(uow.breaches.latest(Decision, breach.id))
    stamped = decision.model_copy(
        update={"version": version, "decided_by": actor.id, "decided_at": now, "hash": ""}
    )
    sealed = stamped.model_copy(update={"hash": document_hash(stamped)})
    uow.breaches.put(sealed)
    _audit(uow, sealed, breach.case_id, now)
    return sealed


def tensions(decision: Decision, manifest: Manifest) -> tuple[str, ...]:
    """Where the answers pull apart: shown to the approver, in words."""
    found = []
    ours = roles.in_ico_numbers(manifest.exposures)
    if ours and not decision.own_promise_binds.yes:
        found.append("Account data may have been exposed, and our own promise is said not to bind.")
    if decision.own_promise_binds.yes and not decision.tell_people.yes:
        found.append("Art. 34 does not demand it, but our own promise does: people are told.")
    if decision.art34_3_limb and decision.own_promise_binds.yes:
        found.append("An Art. 34(3) exemption does not cancel our own promise.")
    if decision.hold is not None:
        found.append("A law-enforcement hold is recorded; Art. 33 keeps running.")
    if decision.severity_score is not None and _diverges(decision):
        found.append("The severity score and the answer on high risk point different ways.")
    return tuple(found)


def _diverges(decision: Decision) -> bool:
    assert decision.severity_score is not None
    return (decision.severity_score >= 3) != decision.tell_people.yes


def _answers(decision: Decision) -> dict[str, Answer]:
    return {
        "report to the ICO": decision.report_to_ico,
        "tell people": decision.tell_people,
        "our own promise": decision.own_promise_binds,
        "PECR": decision.pecr,
    }


def _check_reasons(decision: Decision) -> None:
    blank = {
        name: "needs its reasons in writing"
        for name, answer in _answers(decision).items()
        if not answer.reasons.strip()
    }
    for name, text in (("risk", decision.risk), ("high risk", decision.high_risk)):
        if not text.strip():
            blank[name] = "needs the facts it rests on"
    if blank:
        raise Incomplete(blank, place="decision")


def _check_exemption(decision: Decision) -> None:
    if decision.art34_3_limb not in LIMBS:
        raise BadInput("no such limb of Art. 34(3)", place="exemption", remedy="Use a, b or c.")
    if not decision.art34_3_limb:
        return
    if decision.tell_people.yes:
        raise BadInput(
            "an exemption is relied on although people are told under Art. 34",
            place="exemption",
            remedy="Answer `tell people` with no, or take the exemption out.",
        )
    blank = {}
    if not decision.art34_3_evidence.strip():
        blank["exemption"] = "needs its evidence"
    if decision.art34_3_limb == "c" and not decision.public_communication.strip():
        blank["public communication"] = "limb (c) demands one that is equally effective"
    if blank:
        raise Incomplete(blank, place="decision")


def _check_hold(decision: Decision, now: datetime) -> None:
    hold = decision.hold
    if hold is None:
        return
    blank = {
        name: "is missing"
        for name, text in (("who asked for the hold", hold.asked_by), ("its basis", hold.basis))
        if not text.strip()
    }
    if not hold.stops:
        blank["what the hold stops"] = "no letter is named"
    if blank:
        raise Incomplete(blank, place="decision")
    if Basis.ART33_2 in hold.stops:
        raise BadInput(
            "a hold never stops what we tell a controller (Art. 33(2))",
            place="what the hold stops",
            remedy="Take it out.",
        )
    if in_utc(hold.asked_at) > in_utc(now):
        raise BadInput("it lies in the future", place="hold asked for at", remedy="Correct it.")
    if in_utc(hold.review_on) <= in_utc(now):
        raise BadInput("it lies in the past", place="hold reviewed on", remedy="Set a later day.")


def _check_severity(decision: Decision) -> None:
    """The score must be what its inputs give."""
    inputs = decision.severity_inputs
    if decision.severity_score is None or not {"dpc", "ei", "cb"} <= inputs.keys():
        return
    computed = from_factors(inputs["dpc"], inputs["ei"], inputs["cb"])
    if computed.score != decision.severity_score:
        raise BadInput(
            f"the factors give {computed.score:.2f}", place="severity", remedy="Correct the score."
        )


def _check_against(decision: Decision, manifest: Manifest) -> None:
    asked = roles.pecr(manifest.exposures)
    if asked is Pecr.ASK and not (decision.report_to_ico.yes or decision.pecr.yes):
        raise NotAllowed(
            "whether a service falls under PECR is still to be asked, and a PECR breach is "
            "reported whatever the risk",
            place="decision, report to the ICO",
            remedy="Answer yes or no for each service in the register and freeze the list again.",
        )
    if asked is Pecr.YES and not decision.pecr.yes:
        raise BadInput(
            "the register says that a reached service falls under PECR",
            place="decision, PECR",
            remedy="Answer yes, or correct the register and freeze the list again.",
        )
    _check_promise(decision, manifest)


def _check_promise(decision: Decision, manifest: Manifest) -> None:
    """A `no` against account data that may have been exposed needs more than a word."""
    ours = roles.reached(manifest.exposures, Role.CONTROLLER)
    answer = decision.own_promise_binds
    if ours and not answer.yes and len(answer.reasons.strip()) < EXPLAINED:
        raise Incomplete(
            {
                "our own promise": "account data may have been exposed; say fully why no promise "
                "of ours binds (for instance, that we publish none)"
            },
            place="decision",
        )


def _audit(uow: UnitOfWork, decision: Decision, case_id: str, now: datetime) -> None:
    answers = {name: answer.yes for name, answer in _answers(decision).items()}
    reasons = {f"reasons, {name}": a.reasons for name, a in _answers(decision).items()}
    uow.audit.record(
        at=now,
        actor=decision.decided_by,
        act="breach:decision:written",
        subject=decision.breach_id,
        facts={
            "version": decision.version,
            "hash": decision.hash,
            "answers": answers,
            "limb": decision.art34_3_limb,
            "hold": decision.hold is not None,
            "score_quarters": None
            if decision.severity_score is None
            else int(decision.severity_score * 4),
        },
        personal=reasons,
        case_id=case_id,
    )
