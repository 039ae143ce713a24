"""The whole way of a case: what is done, what is next, what it says in a few words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from breachdesk.console.case_file import CaseFile
from breachdesk.console.words import counted, figures, listed
from schemas.case import CaseState
from schemas.obligation import ObligationKind
from schemas.user import Duty

REPORTS = (ObligationKind.ICO_ART33, ObligationKind.ICO_PECR)
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
class Step:
    """One station. `state`: done, now, later or left_out."""

    name: str
    done: bool
    detail: str
    path: str
    next_act: str = ""
    """What somebody has to do here, as a sentence's end: `the breach has to be confirmed`."""
    duty: Duty = Duty.RESPONDER
    state: str = ""


def way(file: CaseFile) -> tuple[Step, ...]:
    """All eight stations, the first unfinished one marked `now`."""
    if file.breach is None and not file.is_open:
        return _ended_early(file)
    steps = [
        _triage(file),
        _confirmed(file),
        _affected(file),
        _decision(file),
        _approval(file),
        _notices(file),
        _report(file),
        _closed(file),
    ]
    if file.case.erased:
        return tuple(replace(step, state="done", detail=_after_erasure(step)) for step in steps)
    now = next((i for i, step in enumerate(steps) if not step.done), len(steps))
    states = ["done" if s.done else "now" if i == now else "later" for i, s in enumerate(steps)]
    return tuple(replace(step, state=state) for step, state in zip(steps, states, strict=True))


def _after_erasure(step: Step) -> str:
    """What a list and letters that are gone would say is not so."""
    return "erased" if step.name in ("Affected", "Approval") else step.detail


def next_step(file: CaseFile) -> Step | None:
    """Where it stands; None when it is closed."""
    return next((step for step in way(file) if step.state == "now"), None)


def _ended_early(file: CaseFile) -> tuple[Step, ...]:
    left = ("Confirmed", "Affected", "Decision", "Approval", "Notices", "Report")
    middle = [Step(name, False, "", "", state="left_out") for name in left]
    ends = replace(_triage(file), state="done"), replace(_closed(file), state="done")
    return ends[0], *middle, ends[1]


def _triage(file: CaseFile) -> Step:
    said = figures(len(file.alerts), "alert") if file.alerts else "opened by hand"
    return Step("Triage", True, said, f"{file.path}#alerts")


def _confirmed(file: CaseFile) -> Step:
    said = f"by {file.breach.confirmed_by}" if file.breach else "a responder decides"
    return Step(
        "Confirmed",
        file.breach is not None,
        said,
        f"{file.path}/confirm",
        "somebody has to say whether this is a breach",
    )


def _affected(file: CaseFile) -> Step:
    said = ""
    if file.manifest:
        people = len(file.manifest.recipients)
        said = (
            f"{figures(file.customers_reached, 'customer')}, {figures(people, 'person', 'people')}"
        )
    return Step(
        "Affected",
        file.manifest is not None,
        said,
        f"{file.path}/affected",
        "the list of who is affected has to be frozen",
    )


def _decision(file: CaseFile) -> Step:
    said = ""
    if file.decision:
        told = [
            word
            for word, answer in (
                ("ICO", file.decision.report_to_ico),
                ("ICO under PECR", file.decision.pecr),
                ("people", file.decision.tell_people),
                ("subscribers", file.decision.pecr_subscribers),
                ("our promise", file.decision.own_promise_binds),
            )
            if answer.yes
        ]
        said = listed(told) or "no duty to tell"
    return Step(
        "Decision",
        file.decision is not None,
        said,
        f"{file.path}/decision",
        "the decision has to be written",
    )


def _approval(file: CaseFile) -> Step:
    if file.approval and file.released:
        return Step("Approval", True, f"by {file.approval.approved_by}", f"{file.path}/approval")
    if file.facts is None and _nobody_to_tell(file):
        return Step("Approval", True, "nobody is to be told", f"{file.path}/duties")
    if file.facts is None:
        return Step(
            "Approval",
            False,
            "letters to be written",
            f"{file.path}/facts",
            "the facts of the letters have to be written",
        )
    return Step(
        "Approval",
        False,
        "waits for the approver",
        f"{file.path}/approval",
        "the notices wait for approval",
        Duty.APPROVER,
    )


def _notices(file: CaseFile) -> Step:
    said = figures(len(file.rows), "letter") if file.rows else ""
    if file.unsettled:
        said += f", {file.unsettled} not settled"
    told = file.released or (file.facts is None and _nobody_to_tell(file))
    done = told and not file.unsettled and not _calls(file)
    waits = _calls(file)
    act = f"{counted(waits, 'telephone call')} to be made" if waits else "letters are on their way"
    return Step("Notices", done, said, f"{file.path}/delivery", act)


def _calls(file: CaseFile) -> int:
    return sum(t.kind == "telephone" and t.done_at is None for t in file.case.tasks)


def _report(file: CaseFile) -> Step:
    owed = [duty for duty in file.obligations if duty.kind in REPORTS]
    running = [duty for duty in owed if duty.running]
    if file.breach is not None and not running:
        filed = f"{len(file.submissions)} submitted" if file.submissions else ""
        said = filed or next((str(d.ended_by) for d in owed if d.ended_by), "waived")
        return Step("Report", True, said, f"{file.path}/report")
    path = f"{file.path}/report"
    if len(running) > 1:
        both = "both reports to the ICO have to be submitted"
        return Step("Report", False, "ICO, two reports", path, both)
    if any(duty.kind is ObligationKind.ICO_PECR for duty in running):
        return Step(
            "Report", False, "ICO, under PECR", path, "the report under PECR has to be submitted"
        )
    return Step("Report", False, "ICO, initial", path, "the ICO report has to be submitted")


def _closed(file: CaseFile) -> Step:
    closed = file.case.state is CaseState.CLOSED
    said = "near miss" if file.case.near_miss else ""
    left = file.obstacles
    if closed or not left:
        return Step("Closed", closed, said, f"{file.path}#close", "the case can be closed")
    keep = f"{counted(len(left), 'thing keeps', 'things keep')} it open"
    page = left[0].page if len(left) == 1 or not file.breach else "/duties"
    first = "" if len(left) == 1 else "first "
    return Step(
        "Closed", False, f"{len(left)} to do", file.path + page, f"{keep}: {first}{left[0].text}"
    )


def _nobody_to_tell(file: CaseFile) -> bool:
    """It is decided, and no duty to tell anybody was there or is left."""
    decided = file.decision is not None and file.manifest is not None
    return decided and not any(d.running and d.kind in TELLING for d in file.obligations)
