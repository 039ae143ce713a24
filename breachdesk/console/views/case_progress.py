"""Build the steps of a case: what is done, what is next, and a few words on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from breachdesk.console.views.case_view import CaseFile
from breachdesk.console.views.labels import format_count, format_figures, join_words
from breachdesk.gdpr.jurisdiction import RegulatorWords
from breachdesk.gdpr.regulators import list_applicable, list_presumed
from breachdesk.jurisdictions import list_jurisdictions
from schemas.casework.case import CaseState
from schemas.casework.decision import Decision, DecisionAnswer
from schemas.casework.obligation import ObligationKind
from schemas.user import Permission

TELLING = (
    ObligationKind.OWN_PROMISE,
    ObligationKind.ART34_PEOPLE,
    ObligationKind.PECR_SUBSCRIBERS,
    ObligationKind.CONTROLLERS_ART33_2,
    ObligationKind.CORRECTIONS,
    ObligationKind.NEW_EVIDENCE,
)
"""Duties that a letter ends."""


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One station. `state`: done, now, later or left_out."""

    name: str
    done: bool
    detail: str
    path: str
    next_act: str = ""
    """What somebody has to do here, as a sentence's end: `the breach has to be confirmed`."""
    permission: Permission = Permission.RESPONDER
    state: str = ""


def build_steps(file: CaseFile) -> tuple[CaseStep, ...]:
    """All eight stations, the first unfinished one marked `now`."""
    if file.breach is None and not file.is_open:
        return _build_ended_steps(file)
    steps = [
        _build_triage_step(file),
        _build_confirmed_step(file),
        _build_affected_step(file),
        _build_decision_step(file),
        _build_approval_step(file),
        _build_notices_step(file),
        _build_report_step(file),
        _build_closed_step(file),
    ]
    if file.case.erased:
        return tuple(
            replace(step, state="done", detail=_describe_after_erasure(step)) for step in steps
        )
    now = next((i for i, step in enumerate(steps) if not step.done), len(steps))
    states = ["done" if s.done else "now" if i == now else "later" for i, s in enumerate(steps)]
    return tuple(replace(step, state=state) for step, state in zip(steps, states, strict=True))


def _describe_after_erasure(step: CaseStep) -> str:
    """What a list and letters that are gone would say is not so."""
    return "erased" if step.name in ("Affected", "Approval") else step.detail


def find_next_step(file: CaseFile) -> CaseStep | None:
    """Where it stands; None when it is closed."""
    return next((step for step in build_steps(file) if step.state == "now"), None)


def _build_ended_steps(file: CaseFile) -> tuple[CaseStep, ...]:
    omitted = ("Confirmed", "Affected", "Decision", "Approval", "Notices", "Report")
    middle = [CaseStep(name, False, "", "", state="left_out") for name in omitted]
    ends = (
        replace(_build_triage_step(file), state="done"),
        replace(_build_closed_step(file), state="done"),
    )
    return ends[0], *middle, ends[1]


def _build_triage_step(file: CaseFile) -> CaseStep:
    note = format_figures(len(file.alerts), "alert") if file.alerts else "opened by hand"
    return CaseStep("Triage", True, note, f"{file.path}#alerts")


def _build_confirmed_step(file: CaseFile) -> CaseStep:
    note = f"by {file.breach.confirmed_by}" if file.breach else "a responder decides"
    return CaseStep(
        "Confirmed",
        file.breach is not None,
        note,
        f"{file.path}/confirm",
        "a responder must decide whether this is a breach",
    )


def _build_affected_step(file: CaseFile) -> CaseStep:
    note = ""
    if file.manifest:
        people = len(file.manifest.recipients)
        note = f"{format_figures(file.customers_reached, 'customer')}, {format_figures(people, 'person', 'people')}"
    return CaseStep(
        "Affected",
        file.manifest is not None,
        note,
        f"{file.path}/affected",
        "the affected list must be frozen",
    )


def _build_decision_step(file: CaseFile) -> CaseStep:
    note = ""
    if file.decision:
        bodies = [
            word
            for word, answer in (
                *_regulator_answers(file.decision),
                ("people", file.decision.tell_people),
                ("subscribers", file.decision.pecr_subscribers),
                ("our promise", file.decision.own_promise_binds),
            )
            if answer.yes
        ]
        note = join_words(bodies) or "no duty to tell"
    return CaseStep(
        "Decision",
        file.decision is not None,
        note,
        f"{file.path}/decision",
        "the decision must be written",
    )


def _build_approval_step(file: CaseFile) -> CaseStep:
    if file.approval and file.released:
        return CaseStep(
            "Approval", True, f"by {file.approval.approved_by}", f"{file.path}/approval"
        )
    if file.facts is None and _is_nobody_to_tell(file):
        return CaseStep("Approval", True, "nobody to notify", f"{file.path}/duties")
    if file.facts is None:
        return CaseStep(
            "Approval",
            False,
            "letters to be written",
            f"{file.path}/facts",
            "the facts of the letters must be written",
        )
    return CaseStep(
        "Approval",
        False,
        "waits for the approver",
        f"{file.path}/approval",
        "the notices wait for approval",
        Permission.APPROVER,
    )


def _build_notices_step(file: CaseFile) -> CaseStep:
    note = format_figures(len(file.rows), "letter") if file.rows else ""
    if file.unsettled:
        note += f", {file.unsettled} not settled"
    is_all_told = file.released or (file.facts is None and _is_nobody_to_tell(file))
    is_done = is_all_told and not file.unsettled and not _count_open_calls(file)
    waits = _count_open_calls(file)
    act = (
        f"{format_count(waits, 'telephone call')} to be made" if waits else "letters are being sent"
    )
    return CaseStep("Notices", is_done, note, f"{file.path}/delivery", act)


def _count_open_calls(file: CaseFile) -> int:
    return sum(t.kind == "telephone" and t.done_at is None for t in file.case.tasks)


def _build_report_step(file: CaseFile) -> CaseStep:
    owed = [duty for duty in file.obligations if duty.jurisdiction is not None]
    running = [duty for duty in owed if duty.running]
    if file.breach is not None and not running:
        filed = f"{len(file.submissions)} submitted" if file.submissions else ""
        note = filed or next((str(d.ended_by) for d in owed if d.ended_by), "waived")
        return CaseStep("Report", True, note, f"{file.path}/report")
    path = f"{file.path}/report"
    known = list_jurisdictions()
    owed_to = [known.get(duty.jurisdiction or "") for duty in running]
    words = [jurisdiction.words for jurisdiction in owed_to if jurisdiction is not None]
    return _build_pending_report(words or [j.words for j in list_presumed()], path)


def _build_pending_report(words: Sequence[RegulatorWords], path: str) -> CaseStep:
    """The step while these reports have to be submitted."""
    if len(words) == 1:
        act = f"{words[0].report} must be submitted"
        return CaseStep("Report", False, words[0].step, path, act)
    regulators = list(dict.fromkeys(each.regulator for each in words))
    act = f"{'both' if len(words) == 2 else 'all'} reports to {join_words(regulators)} must be"
    names = join_words([name.removeprefix("the ") for name in regulators])
    reports = format_count(len(words), "report")
    return CaseStep("Report", False, f"{names}, {reports}", path, f"{act} submitted")


def _regulator_answers(decision: Decision) -> Iterator[tuple[str, DecisionAnswer]]:
    for jurisdiction in list_applicable(decision=decision):
        yield jurisdiction.words.decided, decision.report_answer(jurisdiction.id)


def _build_closed_step(file: CaseFile) -> CaseStep:
    closed = file.case.state is CaseState.CLOSED
    note = "near miss" if file.case.near_miss else ""
    blockers = file.obstacles
    if closed or not blockers:
        return CaseStep("Closed", closed, note, f"{file.path}#close", "the case can be closed")
    keep = f"{format_count(len(blockers), 'thing keeps', 'things keep')} it open"
    page = blockers[0].page if len(blockers) == 1 or not file.breach else "/duties"
    first = "" if len(blockers) == 1 else "first "
    return CaseStep(
        "Closed",
        False,
        f"{len(blockers)} to do",
        file.path + page,
        f"{keep}: {first}{blockers[0].text}",
    )


def _is_nobody_to_tell(file: CaseFile) -> bool:
    """It is decided, and no duty to tell anybody was there or is left."""
    decided = file.decision is not None and file.manifest is not None
    return decided and not any(d.running and d.kind in TELLING for d in file.obligations)
