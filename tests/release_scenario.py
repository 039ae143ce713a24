"""For tests of who may release: two customers in the register, a confirmed breach, its documents,
and every act on them under any account."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store_adapters import fresh_store
from waiting_letters import SENDER, established, renderer

from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import report
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.casework.release import approve, notice_facts
from breachdesk.casework.release.letter_contexts import get_documents
from breachdesk.casework.release.second_person import list_writers
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow, add_confirmed_breach, make_actor, make_user
from notifiers.testing.channels import DECISION, PROFILE, build_facts
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Certainty, Manifest
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.notice import NoticeRow, SendOutcome, SendResult
from schemas.casework.report import Submission
from schemas.customer import DataRole
from schemas.settings import SenderSettings, Settings
from schemas.user import Actor, Permission

CUSTOMERS = "customer id,name,default email,phone,account holder,locale\n"
ASSETS = "customer id,kind,value,service preset\n"
CONTOSO = "contoso,Contoso Ltd,accounts@contoso.example,01632 960001,Jo Mason,en-GB\n"
FABRIKAM = "fabrikam,Fabrikam Ltd,accounts@fabrikam.example,01632 960002,Kit Reed,en-GB\n"
HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")


@dataclass
class ReleaseScenario:
    """The register was imported by the operator two months before the incident."""

    store: PipelineStore
    now: FixedNow
    settings: Settings
    breach: Breach = field(init=False)
    place: SendingInstallation = field(init=False)
    sender: SenderSettings = SENDER
    customers: tuple[str, ...] = ("contoso", "fabrikam")
    """Those whom a person puts on the list."""

    def send_through(self, sender: SenderSettings) -> None:
        """The only sender from now on."""
        self.sender = sender
        self.settings = self.settings.model_copy(update={"senders": (sender,)})

    def begin(self) -> None:
        self.place = established(self.store, self.settings.data_dir, shared=False)
        self.imports(CONTOSO + FABRIKAM, by="operator:cli")
        self.now.advance(days=60)
        for user in ("rowan", "blake", "avery"):
            self.store.write(lambda uow, user=user: uow.users.save(make_user(user)))
        self.breach = self.store.write(
            lambda uow: add_confirmed_breach(uow, self.now(), actor="rowan")
        )

    def write_all(self, by: str = "rowan") -> None:
        self.freeze(by)
        self.decide(by)
        self.write(by)

    def imports(self, rows: str, *, by: str, header: str = CUSTOMERS) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sheet.csv"
            path.write_text(header + rows)
            act = import_assets if header == ASSETS else import_customers
            who = make_actor(Permission.REGISTRAR, user_id=by)
            self.store.write(lambda uow: act(uow, who, path, now=self.now()))

    def possible(self, customer_id: str) -> None:
        """One more customer is frozen as possible, and nothing else changes."""
        self.customers = (*self.customers, customer_id)
        self.freeze()

    def freeze(self, by: str = "rowan", *, decided_by: str = "") -> Manifest:
        who = make_actor(Permission.RESPONDER, user_id=by)
        decider = make_actor(Permission.RESPONDER, user_id=decided_by or by)

        def work(uow: Any) -> Manifest:
            exposures = affected_list.propose(uow, self.breach.id)
            for customer in self.customers:
                exposures = affected_list.override(
                    exposures, customer, DataRole.CONTROLLER, Certainty.POSSIBLE, "by hand", decider
                )
            policy = self.settings.notices
            return affected_list.freeze(
                uow, who, self.breach.id, exposures, self.now(), policy=policy
            )

        self.now.advance(minutes=1)
        return self.store.write(work)

    def decide(self, by: str = "rowan") -> None:
        decision = DECISION.model_copy(update={"breach_id": self.breach.id})
        who = make_actor(Permission.RESPONDER, user_id=by)
        self.now.advance(minutes=1)
        self.store.write(lambda uow: decide.record_decision(uow, who, decision, self.now()))

    def write(self, by: str = "rowan", **changes: Any) -> None:
        facts = build_facts(breach_id=self.breach.id, **changes)
        who = make_actor(Permission.RESPONDER, user_id=by)
        self.now.advance(minutes=1)
        self.store.write(lambda uow: notice_facts.write_facts(uow, who, facts, self.now()))

    def open_in_the_audit(self) -> None:
        """As the act that opens a case does."""
        self.store.write(
            lambda uow: uow.audit.record(
                at=self.now(),
                actor="rowan",
                action=AuditAction.CASE_OPENED_BY_HAND,
                subject=self.breach.case_id,
                case_id=self.breach.case_id,
            )
        )

    def submit(self, by: str) -> None:
        """A report to the regulator that this account recorded."""

        def work(uow: Any) -> None:
            built = report.build_report(uow, self.breach.id, "uk_ico", self.settings, self.now())
            uow.breaches.add_document(
                Submission(
                    breach_id=self.breach.id,
                    jurisdiction="uk_ico",
                    number=1,
                    submitted_at=self.now(),
                    submitted_by=by,
                    channel="web form",
                    report_hash=built.hash,
                    report=built,
                )
            )

        self.store.write(work)

    def seal(self) -> approve.ReleaseSeal:
        return self.store.read(
            lambda uow: approve.compute_seal(
                uow, self.breach.id, self.settings, renderer(), self.sender
            )
        )

    def approve(self, by: str = "avery", seal: approve.ReleaseSeal | None = None) -> Approval:
        return self._release(approve.approve, by, seal)

    def break_glass(self, by: str = "rowan", seal: approve.ReleaseSeal | None = None) -> Approval:
        return self._release(approve.approve_break_glass, by, seal, reason="Nobody else is here.")

    def _release(
        self, act: Any, by: str, seal: approve.ReleaseSeal | None, **more: Any
    ) -> Approval:
        shown = seal or self.seal()
        approval: Approval = self.store.write(
            lambda uow: act(
                uow,
                make_actor(Permission.APPROVER, user_id=by),
                self.breach.id,
                count=shown.count,
                expected_hash=shown.hash,
                settings=self.settings,
                renderer=renderer(),
                sender=self.sender,
                now=self.now(),
                **more,
            )
        )
        return approval

    def writers(self) -> dict[str, tuple[str, ...]]:
        return dict(
            self.store.read(
                lambda uow: list_writers(
                    uow, get_documents(uow, self.breach.id), self.settings.notices
                )
            )
        )

    @property
    def outbox(self) -> StoreOutbox:
        return StoreOutbox(self.store, self.settings, renderer(), self.place)

    def rows(self) -> list[NoticeRow]:
        return list(self.store.read(lambda uow: uow.notices.list(breach_id=self.breach.id)))

    def due(self) -> list[NoticeRow]:
        return list(self.outbox.list_due(self.now(), 99))

    def send(self, row: NoticeRow, result: SendResult = HANDED_OVER) -> bool:
        """Did it begin? Its end is then this one."""
        attempt = f"{row.id}-{self.now().isoformat()}"
        begun = self.outbox.start_attempt(row.id, attempt, "boot-1", self.now())
        if begun is not None:
            self.outbox.finish_attempt(row.id, attempt, result, self.now(), None)
        return begun is not None

    def audited(self, act: str) -> list[Any]:
        entries = self.store.read(lambda uow: uow.audit.list_entries())
        return [entry for entry in entries if entry.act == act]

    def tasks(self) -> dict[str, Any]:
        tasks = self.store.read(lambda uow: uow.cases.get(self.breach.case_id)).tasks
        return {task.id: task for task in tasks}

    def as_actor(self, user_id: str, *permissions: Permission) -> Actor:
        return make_actor(*permissions, user_id=user_id)


@contextmanager
def release_scenario(adapter: str, folder: Path) -> Iterator[ReleaseScenario]:
    """Nothing is frozen, decided or written yet."""
    now = FixedNow(datetime(2026, 9, 24, 9, 30, tzinfo=UTC))
    profile = PROFILE.model_copy(update={"witness_email": "trustee@outside.example"})
    settings = Settings(data_dir=folder, profile=profile, senders=(SENDER,))
    with fresh_store(adapter, now) as store:
        scenario = ReleaseScenario(store, now, settings)
        scenario.begin()
        yield scenario
