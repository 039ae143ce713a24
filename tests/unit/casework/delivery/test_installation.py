"""Copies, restores and kills of a data folder, step by step: what holds mail, and what must not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from waiting_letters import approve_letters, mail_settings, renderer

from breachdesk.casework.delivery import attempt_comparison, mail_hold
from breachdesk.casework.delivery.attempt_comparison import AttemptRecords as Files
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.stores.attempt_files import AttemptFiles, identify_host
from breachdesk.stores.open_store import open_sqlite
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow
from notifiers.testing.channels import NOON
from schemas.casework.attempt import AnnouncedAttempt, AttemptMarkers, BegunAttempt, HostIdentity
from schemas.casework.notice import DeliveryStatus, OutgoingMessage, SendOutcome, SendResult
from schemas.errors import RetryableError

HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
HERE = HostIdentity(board="board", system="system", boot="kernel one")


class Killed(BaseException):
    """kill -9: nothing after it runs."""


@dataclass
class Torn:
    """breachdesk.casework.delivery.attempt_comparison.AttemptRecords whose process is killed, or
    whose disk is full, at one step."""

    files: AttemptFiles
    at: str
    error: Callable[[], BaseException]

    @property
    def host(self) -> HostIdentity:
        return self.files.host

    def read(self) -> AttemptMarkers:
        return self.files.read()

    def announce(self, announced: AnnouncedAttempt) -> int:
        if self.at == "before announcing":
            raise self.error()
        changed = self.files.announce(announced)
        if self.at == "after announcing":
            raise self.error()
        return changed

    def record_begin(self, begun: BegunAttempt) -> int:
        if self.at == "before confirming":
            raise self.error()
        changed = self.files.record_begin(begun)
        if self.at == "after confirming":
            raise self.error()
        return changed


STEPS = ["before announcing", "after announcing", "before confirming", "after confirming"]


@dataclass
class Folder:
    """A data folder with a store and ten letters, and the process that sends from it."""

    path: Path
    now: FixedNow
    host: HostIdentity = HERE
    boot: int = 0

    def store(self) -> SqliteStore:
        return open_sqlite(self.path / "store.db", now=self.now)

    def furnish(self) -> Folder:
        self.path.mkdir(exist_ok=True)
        with self.store() as store:
            store.write(lambda uow: self.installation().establish(uow, NOON))
            approve_letters(store, mail_settings(self.path), 10)
        return self

    def installation(self, files: Files | None = None) -> SendingInstallation:
        return SendingInstallation(files or AttemptFiles(self.path, host=self.host), shared=False)

    def send(self, count: int, files: Files | None = None) -> list[int]:
        """Begin so many letters as a fresh process does; the rows that would have left."""
        results = []
        with self.store() as store:
            place = self.installation(files)
            outbox = StoreOutbox(store, mail_settings(self.path), renderer(), place)
            self.boot += 1
            outbox.enter(f"boot {self.boot}", self.now())
            outbox.recover(f"boot {self.boot}", self.now())
            if outbox.find_hold(self.now()):
                return []
            for row in outbox.list_due(self.now(), count):
                if self.begin(outbox, row.id):
                    results.append(row.id)
                    outbox.finish_attempt(row.id, f"try {row.id}", HANDED_OVER, self.now(), None)
        return results

    def begin(self, outbox: StoreOutbox, row_id: int) -> OutgoingMessage | None:
        return outbox.start_attempt(row_id, f"try {row_id}", f"boot {self.boot}", self.now())

    def held(self) -> str:
        with self.store() as store:
            return store.read(mail_hold.get_hold_reason)

    def statuses(self) -> list[DeliveryStatus]:
        with self.store() as store:
            return [row.status for row in store.read(lambda uow: uow.notices.list())]

    def release(self) -> None:
        with self.store() as store:
            store.write(lambda uow: mail_hold.release_hold(uow, "", "rowan", self.now()))

    def copy(self, to: Path) -> Folder:
        shutil.copytree(self.path, to)
        return Folder(to, self.now, self.host)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data", FixedNow(NOON)).furnish()


def test_letters_leave_over_many_processes_and_nothing_is_held(folder: Folder) -> None:
    rows = [row for _ in range(5) for row in folder.send(2)]

    assert rows == list(range(1, 11))
    assert folder.held() == ""


def test_a_store_that_was_put_back_holds_all_mail(folder: Folder, tmp_path: Path) -> None:
    before = folder.copy(tmp_path / "before")
    folder.send(1)
    for file in folder.path.glob("store.db*"):
        file.unlink()
    shutil.copy2(before.path / "store.db", folder.path / "store.db")

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.STORE_IS_OLDER
    assert folder.statuses() == [DeliveryStatus.QUEUED] * 10


@pytest.mark.parametrize("sent_before", [0, 3])
@pytest.mark.parametrize("sent_after", [0, 3])
def test_a_folder_that_was_put_back_holds_all_mail(
    folder: Folder, tmp_path: Path, sent_before: int, sent_after: int
) -> None:
    if sent_before:
        folder.send(sent_before)
    backup = folder.copy(tmp_path / "backup")
    if sent_after:
        folder.send(sent_after)
    shutil.rmtree(folder.path)
    shutil.copytree(backup.path, folder.path)

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.PUT_BACK


def test_files_overwritten_in_place_with_their_old_times_hold_all_mail(
    folder: Folder, tmp_path: Path
) -> None:
    folder.send(2)
    backup = folder.copy(tmp_path / "backup")
    folder.send(2)
    for file in backup.path.iterdir():
        (folder.path / file.name).write_bytes(file.read_bytes())
        shutil.copystat(file, folder.path / file.name)
    for log in ("store.db-wal", "store.db-shm"):
        (folder.path / log).unlink(missing_ok=True)

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.PUT_BACK


def test_of_two_copies_only_the_first_goes_on(folder: Folder, tmp_path: Path) -> None:
    copy = folder.copy(tmp_path / "copy")

    assert copy.send(10) == []
    assert folder.send(10) == list(range(1, 11))
    assert copy.held() == attempt_comparison.PUT_BACK


def test_a_released_copy_goes_on_as_an_installation_of_its_own(
    folder: Folder, tmp_path: Path
) -> None:
    copy = folder.copy(tmp_path / "copy")
    copy.send(1)
    copy.release()
    remaining = copy.send(4)
    shutil.copy2(folder.path / "store.db", copy.path / "store.db")

    assert remaining == [1, 2, 3, 4]
    assert copy.send(10) == []
    assert copy.held() == attempt_comparison.OTHER_INSTALLATION


def test_a_release_covers_only_what_was_found_before_it(folder: Folder, tmp_path: Path) -> None:
    copy = folder.copy(tmp_path / "copy")
    copy.send(1)
    copy.release()
    again = copy.copy(tmp_path / "again")

    assert again.send(10) == []
    assert again.held() == attempt_comparison.PUT_BACK


@pytest.mark.parametrize("name", ["dispatch.announced", "dispatch.begun"])
@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda file: file.unlink(), attempt_comparison.MISSING),
        (lambda file: file.write_text("{"), attempt_comparison.UNREADABLE),
        (lambda file: file.write_bytes(b""), attempt_comparison.UNREADABLE),
    ],
    ids=["missing", "torn", "empty"],
)
def test_a_file_in_the_folder_of_the_store_that_is_missing_or_torn_holds_all_mail(
    folder: Folder, name: str, harm: Callable[[Path], None], why: str
) -> None:
    folder.send(1)
    harm(folder.path / name)

    assert folder.send(10) == []
    assert folder.held() == why


def test_files_that_are_all_gone_hold_also_before_the_first_letter(folder: Folder) -> None:
    for file in folder.path.glob("dispatch.*"):
        file.unlink()

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.MISSING


def test_a_store_of_an_earlier_version_that_holds_notices_waits_for_a_person(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "data", FixedNow(NOON))
    folder.path.mkdir()
    with folder.store() as store:
        approve_letters(store, mail_settings(folder.path), 10)
    result = folder.send(10)
    folder.release()

    assert result == []
    assert folder.send(10) == list(range(1, 11))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [0, 2])
def test_a_kill_at_any_step_sends_nothing_twice_and_holds_nothing(
    folder: Folder, step: str, before: int
) -> None:
    remaining = folder.send(before) if before else []
    torn = Torn(AttemptFiles(folder.path, host=HERE), step, Killed)
    for _ in range(3):
        with pytest.raises(Killed):
            folder.send(1, torn)
    remaining += folder.send(10)
    doubtful = folder.statuses().count(DeliveryStatus.UNKNOWN)

    assert folder.held() == ""
    assert len(remaining) == len(set(remaining))
    assert len(remaining) + doubtful == 10
    assert (doubtful > 0) == ("confirming" in step)


@pytest.mark.parametrize("step", STEPS)
def test_a_backup_taken_after_a_kill_at_any_step_holds_where_it_is_put_back(
    folder: Folder, tmp_path: Path, step: str
) -> None:
    folder.send(2)
    with pytest.raises(Killed):
        folder.send(1, Torn(AttemptFiles(folder.path, host=HERE), step, Killed))
    copy = folder.copy(tmp_path / "copy")

    assert copy.send(10) == []
    assert copy.held() == attempt_comparison.PUT_BACK


@pytest.mark.parametrize("step", ["before announcing", "before confirming"])
def test_a_full_disk_sends_nothing_and_holds_nothing(folder: Folder, step: str) -> None:
    folder.send(1)
    full = Torn(AttemptFiles(folder.path, host=HERE), step, lambda: RetryableError("no space left"))
    for _ in range(2):
        with pytest.raises(RetryableError):
            folder.send(1, full)
    remaining = folder.send(10)

    assert folder.held() == ""
    assert len(remaining) + folder.statuses().count(DeliveryStatus.UNKNOWN) == 9


def test_a_renamed_folder_and_a_restart_are_no_copy(folder: Folder, tmp_path: Path) -> None:
    folder.send(2)
    moved = Folder(folder.path.rename(tmp_path / "elsewhere"), folder.now)
    moved.host = HERE.model_copy(update={"boot": "kernel two"})

    assert moved.send(10) == list(range(3, 11))


def test_a_container_created_again_on_the_same_volume_is_no_copy(folder: Folder) -> None:
    folder.send(2)
    folder.host = HostIdentity(board="", system="another container's", boot=HERE.boot)
    remaining = folder.send(2)
    folder.host = HostIdentity(board="", system="", boot="after a restart of the host")

    assert remaining + folder.send(10) == list(range(3, 11))


@pytest.mark.parametrize("changed", [{"board": "another"}, {"system": "another"}])
def test_a_disk_in_another_machine_holds_all_mail(folder: Folder, changed: dict[str, str]) -> None:
    folder.send(2)
    folder.host = HERE.model_copy(update={"boot": "kernel two", **changed})

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.OTHER_MACHINE


def test_a_backup_that_only_reads_disturbs_nothing(folder: Folder) -> None:
    folder.send(1)
    for file in folder.path.iterdir():
        file.read_bytes()

    assert folder.send(10) == list(range(2, 11))


def test_the_files_are_nobody_elses_to_read(folder: Folder) -> None:
    os.umask(os.umask(0))
    folder.send(1)
    modes = {f.name: f.stat().st_mode & 0o777 for f in folder.path.glob("dispatch.*")}

    assert modes == {"dispatch.announced": 0o600, "dispatch.begun": 0o600}


def test_a_log_cut_behind_the_last_attempts_back_holds_all_mail(folder: Folder) -> None:
    """What SQLite does with a log that is too short: it reads what is whole, and says nothing."""
    with folder.store() as store:
        outbox = StoreOutbox(store, mail_settings(folder.path), renderer(), folder.installation())
        outbox.enter("boot 0", folder.now())
        log = (folder.path / "store.db-wal").read_bytes()
        for row_id in (1, 2, 3):
            assert folder.begin(outbox, row_id)
            outbox.finish_attempt(row_id, f"try {row_id}", HANDED_OVER, folder.now(), None)
        longer = (folder.path / "store.db-wal").read_bytes()
        saved = {f.name: f.read_bytes() for f in folder.path.glob("store.db")}
    # As a power cut that lost the end of the log leaves it: the file beside the store is whole.
    assert len(longer) > len(log)
    (folder.path / "store.db").write_bytes(saved["store.db"])
    (folder.path / "store.db-wal").write_bytes(longer[: len(log)])
    (folder.path / "store.db-shm").unlink(missing_ok=True)

    assert folder.send(10) == []
    assert folder.held() == attempt_comparison.STORE_IS_OLDER


def fake_root(tmp_path: Path, *, container: bool = False, **files: str) -> Path:
    names = {"board": "sys/class/dmi/id/product_uuid", "system": "etc/machine-id"}
    for name, text in files.items():
        file = tmp_path / names[name]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    if container:
        (tmp_path / ".dockerenv").touch()
    return tmp_path


def test_a_host_is_known_by_digests_and_a_container_by_none_of_its_own(tmp_path: Path) -> None:
    host = identify_host(fake_root(tmp_path / "host", board="4C4C4544", system="f" * 32))
    inside = identify_host(fake_root(tmp_path / "inside", container=True, system="e" * 32))

    assert len(host.board) == len(host.system) == 16
    assert "f" * 8 not in host.system
    assert (inside.board, inside.system) == ("", "")


MOUNTED = (
    "612 590 0:58 / / ro,relatime - overlay overlay ro,lowerdir=/layers\n"
    "640 612 254:1 /etc/machine-id /etc/machine-id ro,relatime - ext4 /dev/vda1 rw\n"
)


def test_a_container_knows_the_host_by_the_machine_id_that_is_mounted_into_it(
    tmp_path: Path,
) -> None:
    host = identify_host(fake_root(tmp_path / "host", system="e" * 32))
    root = fake_root(tmp_path / "inside", container=True, system="e" * 32)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(MOUNTED.partition("640")[0])
    its_own = identify_host(root).system
    (root / "proc/self/mountinfo").write_text(MOUNTED)

    assert its_own == ""
    assert identify_host(root).system == host.system != ""
