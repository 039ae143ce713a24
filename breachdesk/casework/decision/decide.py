"""Record the decision on notification (step 7): answers to what the list raises, with reasons,
sealed before approval."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from breachdesk.casework.affected.group_records import (
    format_group_kind,
    list_affected,
    list_categories,
)
from breachdesk.casework.authority import check_not_erased, require_permission
from breachdesk.casework.digests import compute_document_hash, compute_next_version
from breachdesk.gdpr import roles
from breachdesk.gdpr.edpb import get_edpb_case
from breachdesk.gdpr.jurisdiction import QUESTION_PREFIX, Jurisdiction
from breachdesk.gdpr.raised import (
    DecisionQuestion,
    find_jurisdiction,
    get_answer,
    get_title,
    list_question_keys,
    list_raised_questions,
    list_scored_categories,
)
from breachdesk.gdpr.regulators import list_applicable
from breachdesk.gdpr.severity import compute_factor_severity
from breachdesk.gdpr.tensions import list_tensions, list_unexplained
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Certainty, Exposure, Manifest
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.list_outline import FrozenList
from schemas.customer import DataCategory
from schemas.errors import BadInput, IncompleteDocument, NotAllowed
from schemas.law import Provision
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

EXPLAINED = 40
"""Characters that a `no` against a presumption needs at least."""
REQUIRED_TEXTS = {
    "risk": ("risk", "needs the facts it rests on"),
    "high_risk": ("high risk", "needs the facts it rests on"),
    "likely_harm": ("likely harm", "say what can happen to people"),
    "safeguards_before": ("safeguards before", "say what protected the data, or that nothing did"),
    "safeguards_after": ("safeguards after", "say what has lessened the risk, or that nothing has"),
    "edpb_comparison": (
        "comparison with the EDPB's cases",
        "say in what ours is like the case and in what it differs, or why none is alike",
    ),
}


def record_decision(uow: UnitOfWork, actor: Actor, decision: Decision, now: datetime) -> Decision:
    """File the next version, hashed. A later one voids an approval. The severity score is computed
    from the factors, and is there only when all of them are scored.

    Raises IncompleteDocument naming every blank answer and every contradiction without a reason,
    BadInput for what cannot be, NotAllowed while the affected list is not frozen or a PECR question
    is open."""
    require_permission(actor, Permission.RESPONDER, act="write the decision")
    breach = uow.breaches.get(decision.breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    manifest = uow.breaches.find_latest(Manifest, breach.id)
    if manifest is None:
        raise NotAllowed("the affected list is not frozen", place=breach.id, remedy="Freeze it.")
    beside = list_affected(uow, breach.case_id)
    groups = bool(beside)
    applicable = list_applicable(uow.law.reported_to, decision)
    decision = _with_every_answer(decision, applicable)
    _check_against(decision, manifest, applicable)
    _check_reasons(decision, manifest, groups=groups)
    _check_exemptions(decision, _get_limbs(uow, breach))
    _check_hold(decision, now)
    whole = _set_tension_reasons(
        _add_score(decision, manifest, list_categories(beside)), manifest, groups=groups
    )
    version = compute_next_version(uow.breaches.find_latest(Decision, breach.id))
    stamped = whole.model_copy(
        update={"version": version, "decided_by": actor.id, "decided_at": now, "hash": ""}
    )
    sealed = stamped.model_copy(update={"hash": compute_document_hash(stamped)})
    uow.breaches.add_document(sealed)
    _record_audit(uow, sealed, breach.case_id, now)
    return sealed


def _with_every_answer(decision: Decision, applicable: Iterable[Jurisdiction]) -> Decision:
    """Return the decision with an answer for each jurisdiction that was considered, in order."""
    report = {j.id: decision.report_answer(j.id) for j in applicable}
    return decision.model_copy(update={"report": report})


def _get_limbs(uow: UnitOfWork, breach: Breach) -> Mapping[str, Provision]:
    limbs = uow.law.list_limbs("uk_gdpr_art34_3", breach.aware_at)
    return {limb.limb: limb for limb in limbs if limb.limb}


def _check_reasons(decision: Decision, manifest: Manifest, *, groups: bool) -> None:
    questions = list_raised_questions(manifest.exposures, decision=decision, groups=groups)
    blank = dict(_list_blank_answers(decision, questions))
    for field, (name, problem) in REQUIRED_TEXTS.items():
        if not (getattr(decision, field) or "").strip():
            blank[name] = problem
    if blank:
        raise IncompleteDocument(blank, place="decision")
    for key in list_question_keys(decision):
        rule = _rule_of(key)
        if rule is not None and key not in questions and get_answer(decision, key).yes:
            raise BadInput(
                f"nothing on the frozen list falls under {rule}",
                place=f"decision, {get_title(key)}",
                remedy="Say in the register which service does, and freeze the list again.",
            )


def _rule_of(key: str) -> str | None:
    """Return the rule that covers a part of the breach if the question is answered with yes. None:
    it is another question."""
    if key == DecisionQuestion.PECR_SUBSCRIBERS:
        return "PECR"
    jurisdiction = find_jurisdiction(key)
    if jurisdiction is None or not jurisdiction.whatever_the_risk:
        return None
    return jurisdiction.words.rule


def _list_blank_answers(
    decision: Decision, questions: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for question in questions:
        answer = get_answer(decision, question)
        if not answer.asked:
            yield get_title(question), "is not answered"
        elif not answer.reasons.strip():
            yield get_title(question), "needs its reasons in writing"
    ours = decision.own_promise_binds
    too_short = len(ours.reasons.strip()) < EXPLAINED
    if DecisionQuestion.OWN_PROMISE in questions and ours.asked and not ours.yes and too_short:
        yield (
            get_title(DecisionQuestion.OWN_PROMISE),
            (
                "our own promise is said not to bind, though account data may have been exposed; "
                "say fully why (for instance, that we publish none)"
            ),
        )


def _check_exemptions(decision: Decision, limbs: Mapping[str, Provision]) -> None:
    blank = {}
    if decision.pecr_unintelligible is not None:
        if decision.pecr_subscribers.yes:
            raise BadInput(
                "an exemption is relied on although subscribers are told",
                place="PECR exemption",
                remedy="Answer `tell subscribers` with no, or take the exemption out.",
            )
        if not decision.pecr_unintelligible.strip():
            blank["PECR exemption"] = "needs its evidence"
    blank |= _check_art34_3(decision, limbs)
    if blank:
        raise IncompleteDocument(blank, place="decision")


def _check_art34_3(decision: Decision, limbs: Mapping[str, Provision]) -> dict[str, str]:
    """List what the Art. 34(3) exemption lacks. Raises BadInput for an exemption that does not
    exist."""
    if not decision.art34_3_limb:
        return {}
    limb = limbs.get(decision.art34_3_limb)
    if limb is None:
        raise BadInput(
            "no such limb of Art. 34(3)",
            place="exemption",
            remedy=f"Use {' or '.join(limbs)}.",
        )
    if decision.tell_people.yes:
        raise BadInput(
            "an exemption is relied on although people are told under Art. 34",
            place="exemption",
            remedy="Answer `tell people` with no, or take the exemption out.",
        )
    blank = {}
    if not decision.art34_3_evidence.strip():
        blank["exemption"] = "needs its evidence"
    if "public_communication" in limb.needs and not decision.public_communication.strip():
        blank["public communication"] = (
            f"limb ({decision.art34_3_limb}) demands one that is equally effective"
        )
    return blank


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
        raise IncompleteDocument(blank, place="decision")
    if NotificationBasis.ART33_2 in hold.stops:
        raise BadInput(
            "a hold never stops what we tell a controller (Art. 33(2))",
            place="what the hold stops",
            remedy="Take it out.",
        )
    if convert_to_utc(hold.asked_at) > convert_to_utc(now):
        raise BadInput("it lies in the future", place="hold asked for at", remedy="Correct it.")
    if convert_to_utc(hold.review_on) <= convert_to_utc(now):
        raise BadInput("it lies in the past", place="hold reviewed on", remedy="Set a later day.")


def _add_score(decision: Decision, manifest: Manifest, beside: Iterable[DataCategory]) -> Decision:
    """Add the score that the decision's factors give. Raises BadInput when the decision states a
    different one."""
    categories = list_scored_categories(decision, manifest.exposures, beside=beside)
    severity = compute_factor_severity(decision.severity, categories) if decision.severity else None
    score = severity.score if severity else None
    if decision.severity_score not in (None, score):
        raise BadInput(
            f"the factors give {score:.2f}" if score is not None else "a factor is not scored",
            place="severity",
            remedy="Leave the score out: it is computed.",
        )
    return decision.model_copy(update={"severity_score": score})


def _set_tension_reasons(decision: Decision, manifest: Manifest, *, groups: bool) -> Decision:
    """Keep exactly the reasons that the tensions need. Raises IncompleteDocument naming each
    missing one."""
    if decision.edpb_case is not None:
        get_edpb_case(decision.edpb_case)
    bare = _list_unexplained(decision, manifest, groups=groups)
    if bare:
        raise IncompleteDocument(
            bare,
            place="contradictions",
            remedy="Give the reason for each, or change an answer.",
        )
    raised_now = [t.id for t in list_tensions(decision, manifest.exposures, groups=groups)]
    reasons = {name: decision.departures[name].strip() for name in raised_now}
    return decision.model_copy(update={"departures": reasons})


def _list_unexplained(decision: Decision, manifest: FrozenList, *, groups: bool) -> dict[str, str]:
    unexplained_tensions = list_unexplained(decision, manifest.exposures, groups=groups)
    return {
        t.title: f"{t.words} Say why the decision is right nevertheless"
        for t in unexplained_tensions
    }


def list_unsettled(
    decision: Decision,
    manifest: FrozenList,
    *,
    groups: bool,
    reported_to: Iterable[str] = (),
) -> dict[str, str]:
    """List what the list and the groups raise and the decision leaves open; empty when it answers
    all. A list frozen, or a group recorded, after the decision may raise more, and so may a
    jurisdiction of the settings (`reported_to`) that was added later."""
    questions = list_raised_questions(
        manifest.exposures, decision=decision, groups=groups, reported_to=reported_to
    )
    return dict(_list_blank_answers(decision, questions)) | _list_unexplained(
        decision, manifest, groups=groups
    )


def list_growth(
    decision: Decision, lists: Sequence[FrozenList], groups: Sequence[AffectedGroup]
) -> Iterator[str]:
    """List what is affected now and was unknown when the decision answered no, so that its no may
    not cover it. `lists` are all frozen lists, oldest first."""
    answers = [get_answer(decision, key) for key in list_question_keys(decision)]
    if not any(answer.asked and not answer.yes for answer in answers):
        return
    more = _count_reached_since(decision, lists)
    if more:
        customers = "1 customer" if more == 1 else f"{more} customers"
        yield f"a later list reaches {customers} more, or further"
    for group in groups:
        if group.recorded_at > decision.decided_at:
            yield f"people were recorded as affected later: {format_group_kind(group)}"


def _count_reached_since(decision: Decision, lists: Sequence[FrozenList]) -> int:
    before = [m for m in lists if m.frozen_at <= decision.decided_at]
    if not before or before[-1].version == lists[-1].version:
        return 0
    known = {(e.customer_id, e.role): e for e in roles.select_reached(before[-1].exposures)}
    return len(
        {
            e.customer_id
            for e in roles.select_reached(lists[-1].exposures)
            if _is_further_reached(known.get((e.customer_id, e.role)), e)
        }
    )


def _is_further_reached(before: Exposure | None, now: Exposure) -> bool:
    if before is None:
        return True
    surer = list(Certainty).index(now.certainty) < list(Certainty).index(before.certainty)
    return surer or bool(set(now.categories) - set(before.categories))


def _check_against(
    decision: Decision, manifest: Manifest, applicable: Iterable[Jurisdiction]
) -> None:
    reached = roles.select_reached(manifest.exposures)
    for jurisdiction in applicable:
        if jurisdiction.whatever_the_risk:
            _check_coverage(decision, jurisdiction, {jurisdiction.covers(e) for e in reached})


def _check_coverage(
    decision: Decision, jurisdiction: Jurisdiction, covered: Collection[bool | None]
) -> None:
    """Compare the answer with what the register says: True for a part that falls under the rule,
    None for one that may."""
    rule, is_yes = jurisdiction.words.rule, decision.report_answer(jurisdiction.id).yes
    if True in covered and not is_yes:
        raise BadInput(
            f"the register says that a reached service falls under {rule}",
            place=f"decision, {jurisdiction.words.title}",
            remedy="Answer yes, or correct the register and freeze the list again.",
        )
    replaced = sorted(jurisdiction.replaces)
    reports = is_yes or any(decision.report_answer(id_).yes for id_ in replaced)
    if None in covered and not reports:
        title = get_title(f"{QUESTION_PREFIX}{(*replaced, jurisdiction.id)[0]}")
        raise NotAllowed(
            f"whether a service falls under {rule} is still to be asked, and a {rule} breach is "
            "reported whatever the risk",
            place=f"decision, {title[:1].lower()}{title[1:]}",
            remedy="Answer yes or no for each service in the register and freeze the list again.",
        )


def _record_audit(uow: UnitOfWork, decision: Decision, case_id: str, now: datetime) -> None:
    keys = list_question_keys(decision)
    given_answers = {get_title(key): a for key in keys if (a := get_answer(decision, key)).asked}
    answers = {name: answer.yes for name, answer in given_answers.items()}
    reasons = {f"reasons, {name}": answer.reasons for name, answer in given_answers.items()}
    reasons |= {f"departure, {name}": reason for name, reason in decision.departures.items()}
    uow.audit.record(
        at=now,
        actor=decision.decided_by,
        action=AuditAction.BREACH_DECISION_WRITTEN,
        subject=decision.breach_id,
        facts={
            "version": decision.version,
            "hash": decision.hash,
            "answers": answers,
            "limb": decision.art34_3_limb,
            "hold": sorted(decision.hold.stops) if decision.hold else [],
            "edpb_case": decision.edpb_case,
            "departures": sorted(decision.departures),
            "score_quarters": None
            if decision.severity_score is None
            else int(decision.severity_score * 4),
        },
        personal=reasons,
        case_id=case_id,
    )
