"""For tests of the outbox: a breach whose letters are approved and wait, in any store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast

from services import fresh_schema, postgres_url

from breachdesk.casework.affected import affected_list
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.release import approve, notice_facts
from breachdesk.ports import Now, Store, UnitOfWork
from breachdesk.stores.attempt_files import AttemptFiles
from breachdesk.stores.books.notices import SqlNoticeBook
from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres.store import PostgresStore
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import add_confirmed_breach, make_actor, make_customer, make_user
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import DECISION, FACTS, NOON, PROFILE
from schemas.casework.affected import Certainty
from schemas.casework.breach import Breach
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.customer import DataRole
from schemas.settings import (
    NoticePolicy,
    SenderSettings,
    Settings,
    SmtpAuth,
    SmtpTls,
    StoreSettings,
)
from schemas.user import Permission

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
APPROVER = make_actor(Permission.APPROVER, user_id="avery")
SENDER = SenderSettings(
    channel="maildir", from_name="Penhallow IT", from_email="notices@penhallow.example"
)


def smtp_sender(port: int) -> SenderSettings:
    """A sink on loopback, in plain text."""
    fields = {"channel": "smtp", "host": "127.0.0.1", "port": port, "timeout_seconds": 20.0}
    return SENDER.model_copy(update={**fields, "tls": SmtpTls.NONE, "auth": SmtpAuth.NONE})


@cache
def renderer() -> JinjaRenderer:
    """Compiles its templates once a process."""
    return JinjaRenderer(TEMPLATES)


def mail_settings(
    folder: Path, sender: SenderSettings = SENDER, *, unknown_resend: bool = False
) -> Settings:
    """Profile and sender of the fictional firm."""
    policy = NoticePolicy(unknown_resend=unknown_resend)
    return Settings(data_dir=folder, profile=PROFILE, senders=(sender,), notices=policy)


@contextmanager
def shared_settings() -> Iterator[StoreSettings]:
    """A fresh schema of the test run's PostgreSQL."""
    url = postgres_url()
    with fresh_schema(url) as schema:
        yield StoreSettings(url=url, schema_name=schema)


@contextmanager
def shared_store(now: Now) -> Iterator[PostgresStore]:
    """A migrated store in a fresh schema."""
    with shared_settings() as settings, open_postgres(settings, now=now) as store:
        yield store


def place(store: SqliteStore) -> SendingInstallation:
    """Where mail is sent from, beside the store's file."""
    return established(store, store.path.parent, shared=False)


def established(
    store: Store, folder: Path, *, shared: bool, number: int = 0
) -> SendingInstallation:
    """Where a dispatcher sends from, with its files in the folder; establishes it in a store that
    never held a notice."""
    installation = SendingInstallation(AttemptFiles(folder, number), shared=shared)
    store.write(lambda uow: installation.establish(uow, NOON))
    return installation


def write_letters(store: Store, count: int, now: datetime = NOON) -> Breach:
    """So many letters, one a customer, that wait for `avery` to approve them."""
    breach = store.write(lambda uow: _confirmed(uow, count, now))
    store.write(lambda uow: _written(uow, breach, now))
    return breach


def approve_letters(
    store: Store, settings: Settings, count: int, now: datetime = NOON
) -> tuple[NoticeRow, ...]:
    """So many queued letters, one a customer, rows 1 to `count` of a fresh store, which is bound to
    its database server before."""
    server = store.get_server_identity()
    store.write(lambda uow: mail_hold.note_server(uow, server))
    breach = write_letters(store, count, now)
    sender, words = settings.senders[0], renderer()

    def release(uow: UnitOfWork) -> None:
        shown = approve.compute_seal(uow, breach.id, settings, words, sender)
        approve.approve(
            uow,
            APPROVER,
            breach.id,
            count=shown.count,
            expected_hash=shown.hash,
            settings=settings,
            renderer=words,
            sender=sender,
            now=now,
        )

    store.write(release)
    return tuple(store.read(lambda uow: uow.notices.list(breach_id=breach.id)))


def _confirmed(uow: UnitOfWork, count: int, now: datetime) -> Breach:
    for number in range(1, count + 1):
        uow.customers.save(make_customer(f"customer-{number:03d}"))
    for user in (make_user("rowan", Permission.RESPONDER), make_user("avery", Permission.APPROVER)):
        uow.users.save(user)
    return add_confirmed_breach(uow, now, actor="rowan")


def _written(uow: UnitOfWork, breach: Breach, now: datetime) -> None:
    exposures = affected_list.propose(uow, breach.id)
    for customer in uow.customers.list():
        exposures = affected_list.override(
            exposures, customer.id, DataRole.CONTROLLER, Certainty.POSSIBLE, "by hand", RESPONDER
        )
    affected_list.freeze(uow, RESPONDER, breach.id, exposures, now)
    of_breach = {"breach_id": breach.id}
    decide.record_decision(uow, RESPONDER, DECISION.model_copy(update=of_breach), now)
    notice_facts.write_facts(uow, RESPONDER, FACTS.model_copy(update=of_breach), now)


@dataclass(frozen=True)
class LetterRows:
    """Approved letters of a store, changed by a test as its case needs."""

    store: Store

    def change(self, row_id: int, **changes: object) -> None:
        """Put the row into any state, past the state machine: what went before is left out."""

        def work(uow: UnitOfWork) -> None:
            row, book = uow.notices.get(row_id), cast(SqlNoticeBook, uow.notices)
            assert book._write_row(row.model_copy(update=changes), list(DeliveryStatus))

        self.store.write(work)

    def row(self, row_id: int) -> NoticeRow:
        return self.store.read(lambda uow: uow.notices.get(row_id))

    def rows(self) -> list[NoticeRow]:
        return list(self.store.read(lambda uow: uow.notices.list()))

    def pause(self, breach_id: str, *, paused: bool) -> None:
        self.store.write(lambda uow: uow.breaches.pause(breach_id, paused))
