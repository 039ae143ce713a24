"""Whole incidents, from the evidence to every document that comes of them: letters, scripts,
reports to the ICO, duties, register. `from whole_incident import WholePlay`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from waiting_letters import SENDER, established, renderer
from whole_report import whole_answers

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list, group_records
from breachdesk.casework.breach import confirm, register, report
from breachdesk.casework.breach.report_prefill import ReportProposals, build_proposals
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.casework.opening import cases
from breachdesk.casework.release import approve, notice_facts
from breachdesk.casework.release.letters import LetterSet
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_store,
    make_user,
    raise_alerts,
)
from notifiers.testing.channels import PROFILE, decision_with
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.breach import Breach
from schemas.casework.case import (
    CallOutcome,
    CaseOrigin,
    CaseTask,
    ContainmentKind,
    ContainmentScope,
)
from schemas.casework.decision import DecisionAnswer
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.casework.notice import NoticeRow, SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.casework.register import RegisterEntry, RegisterNotice
from schemas.casework.report import (
    NumberPrecision,
    RegulatorReport,
    ReportedQuantity,
    ReportFacts,
    Submission,
)
from schemas.customer import AssetKind, Binding, DataCategory, DataRole
from schemas.pipeline.alert import GroupKey, Signal
from schemas.pipeline.event import AssetTouch
from schemas.settings import Settings
from schemas.user import Permission

WHO = make_actor(*Permission, user_id="rowan")
OTHER = make_actor(*Permission, user_id="avery")
NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
HOLDER, CONTROLLER = DataRole.CONTROLLER, DataRole.PROCESSOR
REACHED, POSSIBLE, CORRECTED = (
    ReaderStanding.REACHED,
    ReaderStanding.POSSIBLE,
    ReaderStanding.CORRECTED,
)
HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
LETTERS = {HOLDER: NoticeKind.ACCOUNT_HOLDER, CONTROLLER: NoticeKind.CONTROLLER_PACK}
NO_PROMISE = DecisionAnswer(yes=False, reasons="We publish no promise about breaches of this kind.")
PRINTED = "BREACHDESK_TEST_PLAYS"
"""Names a folder into which every incident prints what it made; unset: nothing is printed."""


def words(
    role: DataRole, standing: ReaderStanding, customer: str | None = None, **own: Any
) -> ExposureWords:
    """Whole for its kind of reader; `own` replaces fields."""
    fields: dict[str, Any] = {
        "what_happened": "Yours was in it.",
        "consequences": ("A caller could pretend to be us.",),
        "measures": ("On 22 November 2026 we changed the keys.",),
        "steps": ("Read your next bill twice.", "Call us on a number you know.", "Tell us of it."),
    }
    if role is CONTROLLER:
        fields |= {
            "nature": "Described for your records.",
            "people_and_records": "You know best how many people are in it.",
            "no_sub_processors": True,
        }
    return ExposureWords(role=role, standing=standing, customer_id=customer, **(fields | own))


def event(number: int, who: str, action: str, outcome: str = "success", **summary: Any) -> Signal:
    """At one customer's mailbox, `number` minutes into the night."""
    customer, domain = summary.pop("customer"), who.partition("@")[2]
    kinds, asset = summary.pop("kinds", ("mail", "files")), summary.pop("asset", f"domain:{domain}")
    signal = make_signal(
        number,
        key=GroupKey("odd_sign_in", customer, (who,)),
        time=NIGHT + timedelta(minutes=number),
        step=action,
        touches=tuple(AssetTouch(customer, asset, kind) for kind in kinds),
    )
    fields = {"event.action": action, "event.outcome": outcome, "user.name": who, **summary}
    return Signal(
        **{name: getattr(signal, name) for name in signal.__slots__ if name != "summary"},
        summary=fields,
    )


@dataclass
class WholeIncident:
    """A provider and its customers; nobody is a customer before `customer`."""

    store: SqliteStore
    now: FixedNow
    settings: Settings
    place: SendingInstallation
    breach: Breach = field(init=False)

    # who and what there is

    def customer(self, customer_id: str, name: str, *bindings: Binding) -> None:
        """With an account holder and a data-protection contact whose mail is not at our place."""

        def work(uow: Any) -> None:
            known = make_customer(customer_id)
            people = tuple(
                p.model_copy(update={"email": f"{p.kind}@{customer_id}-people.example"})
                for p in known.people
            )
            changes = {
                "name": name, "people": people,
                "default_email": f"accounts@{customer_id}-people.example",
            }  # fmt: skip
            uow.customers.save(known.model_copy(update=changes))
            for binding in bindings:
                uow.customers.bind(binding, NIGHT - timedelta(days=90))

        self.store.write(work)

    def keeps(
        self, customer: str, value: str, kind: AssetKind, *categories: DataCategory
    ) -> Binding:
        """What the customer keeps with us."""
        return make_binding(value, customer, kind=kind, categories=categories)

    def ours(
        self, customer: str, value: str, kind: AssetKind, *categories: DataCategory
    ) -> Binding:
        """What we hold about the customer."""
        return make_binding(value, customer, kind=kind, role=HOLDER, categories=categories)

    # what happened

    def alarm(self, *signals: Signal) -> None:
        fields: dict[GroupKey, list[Signal]] = {}
        for signal in signals:
            fields.setdefault(signal.key, []).append(signal)
        alerts = raise_alerts(self.store, *(make_episode(group) for group in fields.values()))
        self.breach = self.store.write(
            lambda uow: add_confirmed_breach(uow, self.now(), *alerts, actor="rowan")
        )

    def by_hand(self, *assets: str, until: timedelta = timedelta(hours=1), **case: Any) -> None:
        origin = {"origin": CaseOrigin.OWN, "known": "As it was told us."} | case

        def work(uow: Any) -> Breach:
            opened = cases.open_by_hand(
                uow, WHO, title="Told by hand", assets=assets, now=self.now(), **origin
            )
            return confirm.confirm_breach(
                uow, WHO, opened.id, reason="A person says so.", aware_at=self.now(),
                occurred_from=NIGHT, occurred_to=NIGHT + until, now=self.now(),
            )  # fmt: skip

        self.breach = self.store.write(work)

    def contained(self, text: str, concerns: ContainmentScope, *customers: str) -> None:
        self.store.write(
            lambda uow: cases.add_containment(
                uow, WHO, self.breach.case_id, ContainmentKind.OTHER, text, self.now(),
                done_at=self.now(), concerns=concerns, customers=customers,
            )
        )  # fmt: skip

    def group(self, kind: GroupKind, people: int | None, **changes: Any) -> AffectedGroup:
        """People who are no customers, told by other means; None: nobody knows how many."""
        fields: dict[str, Any] = {
            "certainty": Certainty.LIKELY,
            "reason": "Their file was on it.",
            "people": ReportedQuantity(value=people, precision=NumberPrecision.EXACT)
            if people
            else ReportedQuantity(),
            "data_categories": (DataCategory.IDENTITY, DataCategory.FINANCIAL),
            "effects": {BreachEffect.LOST: EffectCertainty.HAPPENED},
            "reach": GroupReach.OTHER_MEANS,
            "reach_reason": "They work here.",
        }
        group = AffectedGroup(
            id="", recorded_by="", recorded_at=self.now(), kind=kind, **(fields | changes)
        )
        return self.store.write(
            lambda uow: group_records.add_group(uow, WHO, self.breach.case_id, group, self.now())
        )

    def tell(self, group: AffectedGroup, people: int) -> None:
        """All of them, by a notice."""
        telling = GroupNotification(
            told_at=self.now(), recorded_by="", recorded_at=self.now(), people=people,
            means=NotificationMeans.PUBLIC_NOTICE, text="It happened.", proof="A copy in the file.",
            everybody=True,
        )  # fmt: skip
        self.store.write(
            lambda uow: group_records.record_group_telling(
                uow, WHO, self.breach.case_id, group.id, telling, self.now()
            )
        )

    def not_tell(self, group: AffectedGroup) -> None:
        why = "They know it already: they found it themselves and wrote it down."
        self.store.write(
            lambda uow: group_records.record_not_telling(
                uow, WHO, self.breach.case_id, group.id, why, self.now()
            )
        )

    # what people do

    def freeze(
        self, decided: Mapping[tuple[str, DataRole], Mapping[str, Any]] | None = None
    ) -> None:
        self.now.advance(minutes=1)

        def work(uow: Any) -> None:
            exposures = affected_list.propose(uow, self.breach.id)
            for (customer, role), text in (decided or {}).items():
                exposures = affected_list.override(
                    exposures, customer, role, text["certainty"],
                    text.get("reason", "the responder looked"), WHO, effects=text.get("effects"),
                )  # fmt: skip
            affected_list.freeze(uow, WHO, self.breach.id, exposures, self.now())

        self.store.write(work)

    def decide(self, **decision: Any) -> None:
        self.now.advance(minutes=1)
        decided = decision_with(breach_id=self.breach.id, **decision)
        self.store.write(lambda uow: decide.record_decision(uow, WHO, decided, self.now()))

    def write(self, happened: str, *own: ExposureWords) -> None:
        self.now.advance(minutes=1)
        facts = NoticeFacts(
            breach_id=self.breach.id, version=1, written_by="rowan", written_at=self.now(),
            what_happened=happened, next_update=self.now() + timedelta(days=4), words=own,
        )  # fmt: skip
        self.store.write(lambda uow: notice_facts.write_facts(uow, WHO, facts, self.now()))

    def letters(self) -> LetterSet:
        return self.store.read(
            lambda uow: notice_facts.render_letters(uow, self.breach.id, self.settings, renderer())
        )

    def release(self, returned: tuple[str, ...] = ()) -> None:
        """Approved by another person, handed over to the mail servers; those of `returned`
        customers come back."""
        letters = self.letters()
        assert (letters.missing, letters.blocking) == ({}, ())
        self.now.advance(minutes=5)
        shown = self.store.read(
            lambda uow: approve.compute_seal(uow, self.breach.id, self.settings, renderer(), SENDER)
        )
        self.store.write(
            lambda uow: approve.approve(
                uow, OTHER, self.breach.id, count=shown.count, expected_hash=shown.hash,
                settings=self.settings, renderer=renderer(), sender=SENDER, now=self.now(),
            )
        )  # fmt: skip
        outbox = StoreOutbox(self.store, self.settings, renderer(), self.place)
        self.now.advance(minutes=1)
        for row in outbox.list_due(self.now(), 99):
            attempt = f"{row.id}-{self.now().isoformat()}"
            result = BOUNCED if row.customer_id in returned else HANDED_OVER
            if outbox.start_attempt(row.id, attempt, "boot-1", self.now()) is not None:
                outbox.finish_attempt(row.id, attempt, result, self.now(), None)

    def rows(self) -> list[NoticeRow]:
        return list(self.store.read(lambda uow: uow.notices.list(breach_id=self.breach.id)))

    def calls_open(self) -> list[CaseTask]:
        tasks = self.store.read(lambda uow: uow.cases.get(self.breach.case_id)).tasks
        return [t for t in tasks if t.kind.value == "telephone" and t.done_at is None]

    def ring(self, customer: str, outcome: CallOutcome = CallOutcome.REACHED_AND_TOLD) -> None:
        self.now.advance(minutes=10)
        (task,) = (t for t in self.calls_open() if t.customer_id == customer)
        spoken = {"spoken_to": "Kit Reed", "statement": "They wrote it down."}
        self.store.write(
            lambda uow: telephone_calls.record_call(
                uow, WHO, self.breach.case_id, task.id, outcome, number="01632 960000",
                now=self.now(), **(spoken if outcome is CallOutcome.REACHED_AND_TOLD else {}),
            )
        )  # fmt: skip

    # what is filed and kept

    def proposed(self, form: str = "uk_ico") -> ReportProposals:
        return self.store.read(
            lambda uow: build_proposals(uow, self.breach.id, form, self.settings, self.now())
        )

    def fill(self, form: str = "uk_ico", **answers: Any) -> ReportFacts:
        """A person keeps what is proposed, answers the rest, and `answers` over both."""
        values = whole_answers(form, self.breach.aware_at) | self.proposed(form).answers | answers
        facts = ReportFacts(
            breach_id=self.breach.id, version=1, written_by="", written_at=self.now(),
            jurisdiction=form, **values,
        )  # fmt: skip
        return self.store.write(lambda uow: report.write_report(uow, WHO, facts, self.now()))

    def report(self, form: str = "uk_ico") -> RegulatorReport:
        return self.store.read(
            lambda uow: report.build_report(uow, self.breach.id, form, self.settings, self.now())
        )

    def answers(self, form: str = "uk_ico") -> dict[str, str]:
        return {q.key: q.answer for q in self.report(form).questions}

    def copied(self, form: str = "uk_ico") -> str:
        """The text to copy from."""
        return renderer().render_report_text(self.report(form))

    def submit(self, form: str = "uk_ico", **more: Any) -> Submission:
        self.now.advance(minutes=1)
        return self.store.write(
            lambda uow: report.submit_report(
                uow, WHO, self.breach.id, form, submitted_at=self.now(), channel="its form",
                reference="IC-1", settings=self.settings, now=self.now(), **more,
            )
        )  # fmt: skip

    def duties(self) -> dict[ObligationKind, Obligation]:
        """By kind, the last of each kind."""
        actual = self.store.read(
            lambda uow: obligations.list_obligations(uow, self.breach.id, self.now())
        )
        return {duty.kind: duty for duty in actual}

    def running(self) -> set[ObligationKind]:
        return {kind for kind, duty in self.duties().items() if duty.running}

    def entry(self) -> RegisterEntry:
        every = self.store.read(lambda uow: register.list_entries(uow, self.now()))
        return next(e for e in every if e.id == self.breach.id)

    def counted(self, kind: NoticeKind) -> RegisterNotice:
        return next(n for n in self.entry().notices if n.kind == kind.value)

    # what people read

    def text(self, customer: str, role: DataRole = CONTROLLER, *, correction: bool = False) -> str:
        """What the customer is told now, by mail, else by telephone."""
        kind = f"{LETTERS[role].value}"
        if correction:
            kind = "account_holder_correction" if role is HOLDER else "controller_correction"
        result = self.letters()
        values = [
            t
            for t in (*result.rendered, *result.calls)
            if (t.customer_id, t.kind) == (customer, kind)
        ]
        assert len(values) == 1
        return " ".join(f"{values[0].subject}\n{values[0].text}".split())

    def print(self, name: str, *forms: str) -> None:
        """Every document, where the person who runs this asks for it."""
        folder = os.environ.get(PRINTED)
        if not folder:
            return
        parts = []
        if self.store.read(lambda uow: uow.breaches.find_latest(NoticeFacts, self.breach.id)):
            result = self.letters()
            for each in (*result.rendered, *result.calls):
                head = f"{each.kind} to {each.customer_id}, {each.channel}: {each.subject}"
                parts += [f"##### {head}", each.text]
            parts += [f"##### MISSING {result.missing} BLOCKING {result.blocking}"]
        for form in forms:
            parts += [f"##### PROPOSED {form}", str(self.proposed(form))]
            parts += [f"##### REPORT {form}", renderer().render_report_text(self.report(form))]
            parts += [f"against: {c.words}" for c in self.report(form).contradictions]
        every = self.store.read(
            lambda uow: obligations.list_obligations(uow, self.breach.id, self.now())
        )
        for duty in every:
            state = f"ended by {duty.ended_by}" if duty.ended_by else f"RUNS, due {duty.due}"
            parts += [f"DUTY {duty.title}: {state}. {duty.note or ''}"]
        entry = self.entry()
        parts += [f"{key}: {value}" for key, value in entry.model_dump(mode="json").items()]
        Path(folder, f"{name}.txt").write_text("\n".join(parts), encoding="utf-8")


@contextmanager
def whole_incident(folder: Path) -> Iterator[WholeIncident]:
    """Monday morning; rowan writes, avery approves."""
    now = FixedNow(MORNING)
    settings = Settings(
        data_dir=folder, profile=PROFILE, senders=(SENDER,), jurisdictions=("uk_ico", "uk_pecr")
    )
    with make_store(now) as store:
        for user in ("rowan", "avery"):
            store.write(lambda uow, user=user: uow.users.save(make_user(user)))
        yield WholeIncident(store, now, settings, established(store, folder, shared=False))
