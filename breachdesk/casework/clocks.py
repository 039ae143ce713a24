"""The clocks of a breach, computed from its documents: nothing but a record stops one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.told import told_at
from breachdesk.gdpr import roles
from breachdesk.gdpr.deadlines import shadow
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.jurisdictions import jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest, NoticeKind
from schemas.breach import Breach
from schemas.case import CaseState
from schemas.customer import Role
from schemas.decision import Basis, Decision
from schemas.errors import BadInput, NotFound
from schemas.law import LawBook
from schemas.letter_facts import NoticeFacts
from schemas.obligation import Clock, Duty
from schemas.report import Submission
from schemas.times import in_utc

ICO, PECR = "uk_ico", "uk_pecr"


@dataclass(frozen=True, slots=True)
class _State:
    """What the clocks are computed from."""

    uow: UnitOfWork
    breach: Breach
    manifest: Manifest | None
    decision: Decision | None
    facts: NoticeFacts | None
    submissions: tuple[Submission, ...]
    now: datetime

    def regulators(self) -> Iterator[str]:
        """The reports that the frozen list brings; one of them may be the PECR report."""
        exposures = self.manifest.exposures if self.manifest else ()
        found = {track.jurisdiction for track in roles.regulator_tracks(self.decision, exposures)}
        yield from sorted(found or {ICO})

    def owes(self, basis: Basis) -> bool:
        """Does a reached exposure give this basis? Asked once it is decided."""
        if self.decision is None or self.manifest is None:
            return False
        return any(basis in roles.bases(self.decision, e) for e in self.manifest.exposures)

    def holds(self, role: Role) -> bool:
        """Is, or may be, anything of this role reached? Unknown until the list is frozen."""
        return self.manifest is None or bool(roles.reached(self.manifest.exposures, role))


def running(uow: UnitOfWork, breach_id: str, now: datetime) -> tuple[Clock, ...]:
    """Every clock of the breach, stopped ones too, those with a due time first."""
    book = uow.breaches
    state = _State(
        uow,
        book.get(breach_id),
        book.latest(Manifest, breach_id),
        book.latest(Decision, breach_id),
        book.latest(NoticeFacts, breach_id),
        tuple(book.all(Submission, breach_id)),
        now,
    )
    found = [clock for make in CLOCKS for clock in make(state)]
    if uow.cases.get(state.breach.case_id).erased:
        # Nothing runs in an erased case, though its list can no longer say that all were told.
        found = [clock for clock in found if clock.stopped_at is not None]
    return tuple(sorted(found, key=_order))


def overview(uow: UnitOfWork, now: datetime) -> tuple[Clock, ...]:
    """The clocks that still run in cases that are not closed, the most pressing first."""
    clocks = [
        clock
        for breach in uow.breaches.list()
        if uow.cases.get(breach.case_id).state is not CaseState.CLOSED
        for clock in running(uow, breach.id, now)
        if clock.stopped_at is None
    ]
    return tuple(sorted(clocks, key=_order))


def check_law(law: LawBook, aware_at: datetime) -> None:
    """Raises BadInput for an awareness before the law that sets the clocks: no page that shows a
    clock could be read."""
    try:
        for regulator in (ICO, PECR):
            jurisdiction(regulator).law_at(law, aware_at)
    except NotFound as problem:
        raise BadInput(
            "no law that we know was in force on that day",
            place="aware since",
            remedy="Correct the year.",
        ) from problem


def _order(clock: Clock) -> tuple[bool, bool, datetime, str]:
    due = clock.due or clock.started_at
    return (clock.stopped_at is not None, clock.due is None, in_utc(due), clock.breach_id)


def _regulators(state: _State) -> Iterator[Clock]:
    """A breach may owe both reports, each for its own part."""
    for regulator in state.regulators():
        yield _regulator(state, jurisdiction(regulator))


def _regulator(state: _State, plugin: Jurisdiction) -> Clock:
    breach = state.breach
    law = plugin.law_at(state.uow.law, breach.aware_at)
    deadline = plugin.deadline(state.uow.law, breach.aware_at)
    first = min(
        (s for s in state.submissions if s.jurisdiction == plugin.id),
        key=lambda s: s.submitted_at,
        default=None,
    )
    return Clock(
        breach_id=breach.id,
        duty=plugin.duty,
        title=f"Report to the ICO ({plugin.title})",
        started_at=deadline.started_at,
        due=deadline.due,
        stopped_at=first.submitted_at if first else None,
        stopped_by=_stopped_by(first) if first else "",
        source=law.citation,
        note=" ".join(_regulator_notes(state, plugin)),
    )


def _stopped_by(submission: Submission) -> str:
    named = f", reference {submission.reference}" if submission.reference else ""
    return f"submission {submission.number}{named}"


def _regulator_notes(state: _State, plugin: Jurisdiction) -> Iterator[str]:
    law, breach = state.uow.law, state.breach
    bound = plugin.deadline(law, breach.aware_at).formal_outer_bound
    yield f"Only a recorded submission stops it. Formal outer bound {bound:%d %b %Y %H:%M} UTC."
    worst = shadow(breach.detected_at, breach.aware_at, plugin.law_at(law, breach.aware_at))
    if worst is not None:
        yield f"If the first alert counted as awareness: {worst.due:%d %b %Y %H:%M} UTC."
    if plugin.id == ICO and state.decision and not state.decision.report_to_ico.yes:
        yield "Decided not to report; a changed decision counts from the same awareness."
    if not state.holds(Role.CONTROLLER):
        yield "The frozen list holds nothing for which we are controller."


def _promise(state: _State) -> Iterator[Clock]:
    if state.decision is not None and not state.owes(Basis.OWN_PROMISE):
        return
    if state.holds(Role.CONTROLLER):
        note = "As soon as feasible; no hour is promised."
        if state.decision is None:
            note += " It falls away if the decision finds that no promise of ours binds."
        yield _telling(state, Duty.OWN_PROMISE, "Our own promise to customers", note)


def _people(state: _State) -> Iterator[Clock]:
    if state.decision is not None and not state.owes(Basis.ART34):
        return
    if state.holds(Role.CONTROLLER):
        note = "Without undue delay; no hour is given."
        if state.decision is None:
            note += " Owed only if a high risk to people is likely."
        yield _telling(state, Duty.ART34_PEOPLE, "Tell the people affected (Art. 34)", note)


def _subscribers(state: _State) -> Iterator[Clock]:
    if state.owes(Basis.PECR_5A3):
        note = "Without unreasonable delay; no hour is given."
        title = "Tell the subscribers (PECR reg. 5A(3))"
        yield _telling(state, Duty.PECR_SUBSCRIBERS, title, note)


def _controllers(state: _State) -> Iterator[Clock]:
    if state.holds(Role.PROCESSOR):
        note = "Without undue delay, whatever the risk; no hour is given."
        title = "Tell our customers as controllers (Art. 33(2))"
        yield _telling(state, Duty.CONTROLLERS_ART33_2, title, note, NoticeKind.CONTROLLER_PACK)


def _telling(
    state: _State,
    duty: Duty,
    title: str,
    note: str,
    kind: NoticeKind = NoticeKind.ACCOUNT_HOLDER,
) -> Clock:
    """Stops when the last of them was handed to the mail server or spoken to."""
    ended = told_at(state.uow, state.breach, state.manifest, kind)
    return Clock(
        breach_id=state.breach.id,
        duty=duty,
        title=title,
        started_at=state.breach.aware_at,
        stopped_at=ended,
        stopped_by="everybody was written to or telephoned" if ended else "",
        source={
            Duty.OWN_PROMISE: "our own published promise",
            Duty.ART34_PEOPLE: "UK GDPR Art. 34(1)",
            Duty.PECR_SUBSCRIBERS: "PECR reg. 5A(3)",
        }.get(duty, "UK GDPR Art. 33(2)"),
        note=note,
    )


def _next_update(state: _State) -> Iterator[Clock]:
    """The newest letters' promise; writing the next version replaces it."""
    facts = state.facts
    if facts is not None and facts.next_update is not None:
        yield Clock(
            breach_id=state.breach.id,
            duty=Duty.NEXT_UPDATE,
            title="The next update that the letters promise",
            started_at=facts.written_at,
            due=facts.next_update,
            source=f"letters' facts, version {facts.version}",
            note="Letters with a later date take its place.",
        )


CLOCKS: tuple[Callable[[_State], Iterator[Clock]], ...] = (
    _regulators,
    _promise,
    _people,
    _subscribers,
    _controllers,
    _next_update,
)
