"""Copies, restores and wrong clocks of a data folder, with real processes and a relay that counts:
no letter leaves twice, whatever is put back, and what is held is released by a named person."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from dispatch_process import Sink, sink_on_loopback
from waiting_letters import approve_letters, mail_settings, smtp_sender
from warm_process import WarmProcess

from breachdesk.bootstrap import mail
from breachdesk.bootstrap.container import Container
from breachdesk.casework.delivery import attempt_comparison, mail_hold
from breachdesk.demo.setup import write_settings
from breachdesk.ports import UnitOfWork
from notifiers.testing.channels import NOON
from schemas.casework.notice import DeliveryStatus
from schemas.errors import NotAllowed

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LETTERS = 47


def build_process_container(folder: str, port: str, noon: str) -> Container:
    """The container of another process, whose clock says noon at `noon` (seconds of the epoch)."""
    settings = mail_settings(Path(folder), smtp_sender(int(port)))
    return Container(settings, lambda: NOON + timedelta(seconds=time.time() - float(noon)))


def send_what_is_due(folder: str, port: str, noon: str) -> None:
    with build_process_container(folder, port, noon) as container:
        try:
            sys.stdout.write(json.dumps({"tried": asyncio.run(mail.send_due(container))}))
        except NotAllowed as problem:
            sys.stdout.write(json.dumps({"held": problem.problem}))


def send_and_die(folder: str, port: str, noon: str) -> None:
    """Send, empty the log into the store, write one more mark, and end as by kill -9."""
    container = build_process_container(folder, port, noon)
    assert asyncio.run(mail.send_due(container)) == LETTERS
    with sqlite3.connect(Path(folder) / "store.db") as other:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    container.store.write(lambda uow: mail_hold.record_heartbeat(uow, container.now()))
    os._exit(0)


@dataclass
class Scenario:
    """Forty-seven letters wait in a data folder, and a relay counts."""

    folder: Path
    sink: Sink
    port: int
    noon: float

    def start(
        self,
        folder: Path | None = None,
        work: Callable[[str, str, str], None] = send_what_is_due,
        **shift: float,
    ) -> WarmProcess:
        """One round in a process of its own, whose clock is wrong by so much."""
        noon = self.noon - timedelta(**shift).total_seconds()
        return WarmProcess(work, str(folder or self.folder), str(self.port), str(noon))

    def send(self, folder: Path | None = None, **shift: float) -> dict[str, object]:
        with self.start(folder, **shift) as process:
            output = process.communicate(timeout=300)[0]
        answer: dict[str, object] = json.loads(output)
        return answer

    def container(self, folder: Path | None = None, **shift: float) -> Container:
        settings = mail_settings(folder or self.folder, smtp_sender(self.port))
        noon = self.noon - timedelta(**shift).total_seconds()
        return Container(settings, lambda: NOON + timedelta(seconds=time.time() - noon))

    def statuses(self, folder: Path | None = None) -> list[DeliveryStatus]:
        with self.container(folder) as container:
            return [row.status for row in container.store.read(lambda uow: uow.notices.list())]

    def release(self, folder: Path | None = None) -> str:
        with self.container(folder) as container:
            return mail.release_mail(container, "rowan").why

    @property
    def doubled(self) -> list[str]:
        return [letter for letter, times in self.sink.times.items() if times > 1]


@contextmanager
def letters_wait(folder: Path, count: int) -> Iterator[Scenario]:
    with sink_on_loopback(0) as (sink, port):
        result = Scenario(folder, sink, port, time.time())
        with result.container() as container:
            approve_letters(container.store, container.settings, count)
        yield result


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Scenario]:
    with letters_wait(tmp_path / "data", LETTERS) as result:
        yield result


def copied(folder: Path, to: Path) -> Path:
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True)
    return to


def test_a_store_put_back_within_five_minutes_sends_nothing_again(
    scenario: Scenario, tmp_path: Path
) -> None:
    backup = copied(scenario.folder, tmp_path / "backup")
    first = scenario.send()
    for file in scenario.folder.glob("store.db*"):
        file.unlink()
    for file in backup.glob("store.db*"):
        shutil.copy2(file, scenario.folder / file.name)
    second = scenario.send()

    assert first == {"tried": LETTERS}
    assert second == {"held": f"mail is held: {attempt_comparison.STORE_IS_OLDER}"}
    assert (len(scenario.sink.log), scenario.doubled) == (LETTERS, [])
    assert scenario.statuses() == [DeliveryStatus.QUEUED] * LETTERS


def test_a_store_put_back_under_the_log_that_was_left_in_its_folder_sends_nothing_again(
    scenario: Scenario, tmp_path: Path
) -> None:
    """SQLite applies the log to any store, so the newest marks come with the oldest rows."""
    backup = copied(scenario.folder, tmp_path / "backup")
    with scenario.start(work=send_and_die) as process:
        assert process.wait(300) == 0
    assert (scenario.folder / "store.db-wal").stat().st_size > 0
    shutil.copy2(backup / "store.db", scenario.folder / "store.db")
    second = scenario.send()
    statuses = scenario.statuses()
    why = scenario.release()
    scenario.send()
    again = scenario.send()

    assert second == {"held": f"mail is held: {attempt_comparison.PARTLY_OLDER}"}
    assert statuses == [DeliveryStatus.QUEUED] * LETTERS
    assert why == attempt_comparison.PARTLY_OLDER
    assert again == {"tried": 0}
    assert set(scenario.sink.times.values()) == {2}, "only after a person said so"


def by_cp(backup: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    subprocess.run(["cp", "-a", str(backup), str(folder)], check=True)


def by_cp_over_what_is_there(backup: Path, folder: Path) -> None:
    for log in folder.glob("store.db-*"):
        log.unlink()
    subprocess.run(["cp", "-a", f"{backup}/.", str(folder)], check=True)


def by_tar(backup: Path, folder: Path) -> None:
    archive = folder.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(backup), "-cpf", str(archive), "."], check=True)
    shutil.rmtree(folder)
    folder.mkdir()
    subprocess.run(["tar", "-C", str(folder), "-xpf", str(archive)], check=True)


def by_mv(backup: Path, folder: Path) -> None:
    """A copy renamed into the folder's place."""
    shutil.rmtree(folder)
    backup.rename(folder)


def without_the_files_beside_the_store(backup: Path, folder: Path) -> None:
    by_cp(backup, folder)
    for file in folder.glob("dispatch.*"):
        file.unlink()


@pytest.mark.parametrize(
    "restore",
    [by_cp, by_cp_over_what_is_there, by_tar, by_mv, without_the_files_beside_the_store],
)
@pytest.mark.parametrize("part", [0, 20])
def test_a_folder_put_back_as_a_whole_sends_nothing_again(
    scenario: Scenario, tmp_path: Path, restore: Callable[[Path, Path], None], part: int
) -> None:
    if part:
        with scenario.container() as container:
            sender = mail.build_dispatcher(container, "part")
            assert run_round(sender, part) == part
    backup = copied(scenario.folder, tmp_path / "backup")
    first = scenario.send()
    restore(backup, scenario.folder)
    second = scenario.send()

    assert first == {"tried": LETTERS - part}
    assert "held" in second
    assert (len(scenario.sink.log), scenario.doubled) == (LETTERS, [])


def run_round(sender: object, limit: int) -> int:
    from notifiers.delivery.dispatch import NoticeDispatcher

    assert isinstance(sender, NoticeDispatcher)

    async def work() -> int:
        try:
            return await sender.run_once(limit)
        finally:
            await sender.close()

    return asyncio.run(work())


def test_run_says_once_that_mail_is_held_and_what_to_do(scenario: Scenario) -> None:
    with scenario.container() as container, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        write_settings(container.settings.model_copy(update={"console_port": port}))
    for file in scenario.folder.glob("dispatch.*"):
        file.unlink()
    command = [
        sys.executable,
        "-m",
        "breachdesk.cli.main",
        "run",
        "--data-dir",
        str(scenario.folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] and "mail is held" not in lines[-1]:
            lines.append(process.stdout.readline())
        process.terminate()
        rest = process.communicate(timeout=120)[0]

    assert "mail is held" in lines[-1]
    assert "breachdesk dispatch --held" in " ".join(f"{lines[-1]} {rest}".split())
    assert "mail is held" not in rest
    assert scenario.sink.log == []


def test_of_two_copies_that_send_at_once_one_sends(scenario: Scenario, tmp_path: Path) -> None:
    copy = copied(scenario.folder, tmp_path / "copy")
    both = [scenario.start(), scenario.start(copy)]
    values = [json.loads(process.communicate(timeout=300)[0]) for process in both]

    assert values == [
        {"tried": LETTERS},
        {"held": f"mail is held: {attempt_comparison.PUT_BACK}"},
    ]
    assert (len(scenario.sink.log), scenario.doubled) == (LETTERS, [])


def test_a_person_who_looked_lets_a_restored_folder_go_on(
    scenario: Scenario, tmp_path: Path
) -> None:
    backup = copied(scenario.folder, tmp_path / "backup")
    with scenario.container() as container:
        assert run_round(mail.build_dispatcher(container, "part"), 7) == 7
    remaining = set(scenario.sink.log)
    by_cp(backup, scenario.folder)
    scenario.send()
    with scenario.container() as container:
        shown = mail.read_held_mail(container)
        known = [row.id for row in shown.rows if row.message_id.strip("<>") in ids(remaining)]
        mail.record_unrecorded_sends(container, "rowan", known, "relay's log")
    why = scenario.release()
    rest = scenario.send()
    with scenario.container() as container:
        acts = container.store.read(audited)
        container.store.read(lambda uow: uow.audit.verify())

    assert (len(shown.rows), len(known)) == (LETTERS, 7)
    assert why == attempt_comparison.PUT_BACK
    assert rest == {"tried": LETTERS - 7}
    assert (len(scenario.sink.log), scenario.doubled) == (LETTERS, [])
    assert acts == [("system:dispatch", "dispatch:held"), ("rowan", "dispatch:released")]


def ids(log: set[str]) -> set[str]:
    return {letter.strip("<>") for letter in log}


def audited(uow: UnitOfWork) -> list[tuple[str, str]]:
    return [(entry.actor, entry.act) for entry in uow.audit.list_entries(subject="dispatch")]


@pytest.mark.parametrize("days", [4, -2])
def test_a_wrong_clock_at_the_start_lets_nothing_expire(scenario: Scenario, days: int) -> None:
    wrong = [scenario.send(days=days), scenario.send(days=days)]
    actual = scenario.statuses()
    right = scenario.send()
    why = scenario.release()
    released = scenario.send()

    assert ["held" in text for text in (*wrong, right)] == [True, True, True]
    assert actual == [DeliveryStatus.QUEUED] * LETTERS
    assert why == mail_hold.AFTER_GAP
    assert released == {"tried": LETTERS}
    assert (len(scenario.sink.log), scenario.doubled) == (LETTERS, [])


def test_a_release_under_a_wrong_clock_is_refused_while_letters_would_expire(
    scenario: Scenario,
) -> None:
    scenario.send(days=4)
    with scenario.container(days=4) as container:
        with pytest.raises(NotAllowed, match="47 notices would expire at once"):
            mail.release_mail(container, "rowan")
        mail.release_mail(container, "rowan", let_expire=True)
    scenario.send(days=4)

    assert scenario.statuses() == [DeliveryStatus.EXPIRED] * LETTERS


def test_fifty_kills_send_nothing_twice_and_hold_nothing(tmp_path: Path) -> None:
    chance = random.Random(8)
    with letters_wait(tmp_path / "data", 150) as scenario:
        for _ in range(50):
            kill_amid(scenario, letters=chance.randint(0, 2), seconds=chance.random() * 0.03)
        waiting = scenario.statuses().count(DeliveryStatus.QUEUED)
        last = scenario.send()
        with scenario.container() as container:
            rows = container.store.read(lambda uow: uow.notices.list())
    handed = {row.message_id for row in rows if row.status is DeliveryStatus.HANDED_OVER}
    unknown = {row.message_id for row in rows if row.status is DeliveryStatus.UNKNOWN}

    assert last == {"tried": waiting}
    assert waiting > 0, "every kill met letters that waited"
    assert scenario.doubled == []
    assert len(handed | unknown) == 150
    assert ids(handed) <= ids(set(scenario.sink.log)) <= ids(handed | unknown)


def kill_amid(scenario: Scenario, *, letters: int, seconds: float) -> None:
    """kill -9 of a fresh process, so long after so many more letters have come."""
    process = scenario.start()
    expected, deadline = len(scenario.sink.log) + letters, time.monotonic() + 60
    while len(scenario.sink.log) < expected and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    process.communicate()
