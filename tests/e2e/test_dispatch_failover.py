"""A real failover to a standby that lags behind: what left last is unknown to it. All mail is
held, and the dispatchers that lived through it write down again what they sent. A standby that was
synchronous until it parted tells the same as one that has everything (ADR 4)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from dispatch_process import Orders, Sink, discard, end, sink_on_loopback, start
from servers import PostgresServer
from services import own_server_folder, private_postgres, running
from waiting_letters import (
    LetterRows,
    approve_letters,
    established,
    mail_settings,
    renderer,
    smtp_sender,
)

from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.dispatchers import LeasedDispatchers
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres.store import PostgresStore
from breachdesk.testing import FixedNow
from notifiers.testing.channels import NOON
from schemas.casework.notice import DeliveryStatus
from schemas.errors import RetryableError
from schemas.settings import StoreSettings

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
LETTERS = 30
WRITTEN_AGAIN = "notice:attempt:written_again"
OPEN = {DeliveryStatus.QUEUED, DeliveryStatus.SENDING}


class Standby(PostgresServer):
    """A copy of a running server; asynchronous until `synchronise`."""

    def __init__(self, folder: Path, primary: PostgresServer) -> None:
        super().__init__(folder)
        self.primary = primary

    def prepare(self) -> None:
        account = self.build_account_options()
        for server_folder in ("data", "socket"):
            (self.folder / server_folder).mkdir(mode=0o700)
            if account:
                os.chown(self.folder / server_folder, account["user"], account["group"])
        there = ["-h", "127.0.0.1", "-p", str(self.primary.port), "-U", "breachdesk"]
        data = f"--pgdata={self.folder / 'data'}"
        self.call("pg_basebackup", data, "-R", "-c", "fast", *there)

    def is_answering(self) -> bool:
        try:
            return ask(self, "select pg_is_in_recovery()") is not None
        except psycopg.OperationalError:
            return False

    def synchronise(self) -> None:
        """The primary's commits wait for this server from now on."""
        ask(self.primary, "alter system set synchronous_standby_names = '*'")
        ask(self.primary, "select pg_reload_conf()")
        state = "select sync_state from pg_stat_replication"
        wait_until(lambda: ask(self.primary, state) == "sync")

    def part(self) -> None:
        """No more copying from now on."""
        ask(self, "alter system set primary_conninfo = ''")
        ask(self, "select pg_reload_conf()")
        wait_until(lambda: ask(self, "select count(*) from pg_stat_wal_receiver") == 0)


def ask(server: PostgresServer, query: LiteralString) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def wait_until(reached: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def quiet(sink: Sink) -> None:
    """Nothing has come for three seconds: what was on the wire has arrived."""
    seen = -1
    while seen != len(sink.log):
        seen = len(sink.log)
        time.sleep(3.0)


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, Standby]]:
    with private_postgres() as primary, own_server_folder() as server_folder:
        standby = Standby(server_folder.folder / "standby", primary)
        with running(standby):
            yield primary, standby


def test_a_promoted_standby_that_lags_behind_is_told_what_left_and_waits_for_a_person(
    tmp_path: Path, pair: tuple[PostgresServer, Standby]
) -> None:
    primary, standby = pair
    both = f"host={primary.address}&host={standby.address}"
    url = f"postgresql://breachdesk@/breachdesk?{both}"
    settings = StoreSettings(url=url)
    with (
        sink_on_loopback(0.2) as (sink, port),
        open_postgres(settings, now=FixedNow(NOON)) as store,
    ):
        mail = mail_settings(tmp_path, smtp_sender(port))
        first = established(store, tmp_path, shared=True, number=9)
        approve_letters(store, mail, LETTERS)
        outbox = StoreOutbox(store, mail, renderer(), first, LeasedDispatchers(store))
        outbox.enter("first", NOON)
        outbox.leave("first", NOON)
        written = ask(primary, "select pg_current_wal_lsn()::text")
        wait_until(lambda: ask(standby, "select pg_last_wal_replay_lsn()::text") == written)
        standby.part()
        orders = Orders(str(tmp_path), url, "", port, time.time(), 60)
        dispatchers = [start(orders), start(orders)]
        wait_until(lambda: len(sink.log) >= 6)
        primary.kill()
        ask(standby, "select pg_promote()")
        wait_until(lambda: bool(why_held(store)))
        quiet(sink)
        letters = LetterRows(store)
        wait_until(lambda: not still_queued(letters) & set(sink.log))
        remaining, queued = set(sink.log), still_queued(letters)
        again = store.read(lambda uow: [e.act for e in uow.audit.list_entries()]).count(
            WRITTEN_AGAIN
        )
        why, server = why_held(store), store.get_server_identity()
        store.write(lambda uow: mail_hold.release_hold(uow, server, "operator", NOON))
        wait_until(lambda: not {row.status for row in letters.rows()} & OPEN)
        end(*dispatchers)

        assert why == mail_hold.AFTER_FAILOVER
        assert again >= 6, "the standby knew everything: this test showed nothing"
        assert queued
        assert len(remaining) + len(queued) == LETTERS
        assert set(sink.times.values()) == {1}
        assert len(sink.times) == LETTERS
        assert store.read(lambda uow: uow.audit.examine()).discrepancies == ()


def test_a_standby_that_was_synchronous_until_it_parted_holds_all_mail_though_nobody_remembers(
    tmp_path: Path, pair: tuple[PostgresServer, Standby]
) -> None:
    """The primary goes on alone after its standby is gone, and dies with all dispatchers."""
    primary, standby = pair
    url = f"postgresql://breachdesk@/breachdesk?host={primary.address}&host={standby.address}"
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    with (
        sink_on_loopback(0.2) as (sink, port),
        open_postgres(StoreSettings(url=url), now=FixedNow(NOON)) as store,
    ):
        standby.synchronise()
        approve_letters(store, mail_settings(tmp_path, smtp_sender(port)), LETTERS)
        server = store.get_server_identity()
        noon = time.time()
        before = Orders(str(tmp_path / "before"), url, "", port, noon, 60)
        dispatchers = [start(before), start(before)]
        wait_until(lambda: len(sink.log) >= 6)
        standby.part()
        parted = len(sink.log)
        ask(primary, "alter system set synchronous_standby_names = ''")
        ask(primary, "select pg_reload_conf()")
        wait_until(lambda: len(sink.log) >= parted + 6)
        discard(*dispatchers)
        primary.kill()
        ask(standby, "select pg_promote()")
        wait_until(lambda: answers(store))
        letters, beat = LetterRows(store), store.read(mail_hold.find_last_heartbeat)
        promoted = store.get_server_identity()
        heir = start(replace(before, folder=str(tmp_path / "after")))
        wait_until(lambda: bool(why_held(store)))
        remaining = set(sink.log)
        end(heir)

        assert why_held(store) == mail_hold.AFTER_FAILOVER
        assert still_queued(letters) & remaining, (
            "the standby knew everything: this test showed nothing"
        )
        assert set(sink.times.values()) == {1}
        assert cluster_of(server) == cluster_of(promoted)
        assert beat is not None
        assert not mail_hold.is_gap(beat, NOON + timedelta(seconds=time.time() - noon))


def cluster_of(identity: str) -> list[str]:
    """Without the timeline."""
    system, _, tables = identity.split("/")
    return [system, tables]


def answers(store: PostgresStore) -> bool:
    try:
        return bool(store.get_server_identity())
    except RetryableError:
        return False


def still_queued(letters: LetterRows) -> set[str]:
    return {row.message_id for row in letters.rows() if row.status is DeliveryStatus.QUEUED}


def why_held(store: PostgresStore) -> str:
    """Empty also while nobody answers."""
    try:
        return store.read(mail_hold.get_hold_reason)
    except RetryableError:
        return ""
