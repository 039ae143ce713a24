"""What was noted outside the store shows that the chain was emptied, cut or rewritten."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from store_adapters import ADAPTERS, fresh_store, tamper

from breachdesk.bootstrap.anchoring import ANCHORED, HeadRecorder, examine_chain, record_head
from breachdesk.bootstrap.container import Container
from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit.anchor_file import AnchorFile
from breachdesk.stores.audit.audit_anchors import parse_anchor
from breachdesk.stores.audit.audit_bundle import export_bundle
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow
from schemas.audit import GENESIS, AuditEntry
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, ConfigurationError, CorruptData
from schemas.settings import AuditSettings, Settings

MONTH = timedelta(days=30)


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture(params=ADAPTERS)
def container(request: pytest.FixtureRequest, tmp_path: Path, now: FixedNow) -> Iterator[Container]:
    """Five entries; an anchor file is named and not there yet."""
    anchors = tmp_path / "elsewhere" / "anchors.jsonl"
    anchors.parent.mkdir()
    audit = AuditSettings(anchor_file=anchors)
    with fresh_store(request.param, now) as store:
        opened = Container(Settings(data_dir=tmp_path / "data", audit=audit), now)
        opened.__dict__["store"] = store
        for number in range(5):
            record(store, AuditAction.CASE_NOTE_ADDED, f"CASE-000{number}")
        yield opened


def record(store: PipelineStore, action: AuditAction, subject: str = "CASE-0001") -> None:
    store.write(lambda uow: uow.audit.record(at=START, actor="sam", action=action, subject=subject))


def entries(store: PipelineStore) -> list[AuditEntry]:
    return list(store.read(lambda uow: uow.audit.list_entries()))


def anchor_file(container: Container) -> Path:
    assert container.settings.audit.anchor_file is not None
    return container.settings.audit.anchor_file


def differences(container: Container, **against: list[Path]) -> list[str]:
    return [str(line) for line in examine_chain(container, **against).discrepancies]


def export(container: Container, tmp_path: Path) -> Path:
    bundle = tmp_path / "bundle.jsonl"
    container.store.read(lambda uow: export_bundle(uow, bundle))
    return bundle


def write_anew(store: PipelineStore, since: int, **changes: str) -> None:
    """As somebody who knows the format would: entry `since` says something else, and every hash
    after it and the head fit."""
    statements = []
    previous, seq = GENESIS, 0
    for entry in entries(store):
        variant = entry.model_copy(update=changes if entry.seq == since else {})
        if entry.seq >= since:
            variant = variant.model_copy(update={"previous": previous})
            variant = variant.model_copy(update={"hash": variant.compute_hash()})
            statements.append(
                f"UPDATE audit SET hash = '{variant.hash}', doc = '{variant.model_dump_json()}'"
                f" WHERE seq = {variant.seq}"
            )
        previous, seq = variant.hash, variant.seq
    statements.append(f"UPDATE audit_head SET seq = {seq}, hash = '{previous}'")
    tamper(store, *statements)


def cut(store: PipelineStore, keep: int) -> None:
    """The last entries are gone, and the head with them."""
    last = entries(store)[keep - 1].hash if keep else GENESIS
    tamper(
        store,
        f"DELETE FROM audit WHERE seq > {keep}",
        f"UPDATE audit_head SET seq = {keep}, hash = '{last}'",
    )


def test_a_chain_that_grew_since_an_export_begins_with_it(
    container: Container, tmp_path: Path
) -> None:
    bundle = export(container, tmp_path)
    record(container.store, AuditAction.CASE_LEAD_TAKEN)

    report = examine_chain(container, bundles=[bundle])

    assert (report.whole, report.compared) == (True, ("the bundle bundle.jsonl",))


def test_a_case_erased_since_an_export_leaves_it_the_chains_beginning(
    container: Container, tmp_path: Path
) -> None:
    container.store.write(
        lambda uow: uow.audit.record(
            at=START, actor="sam", action=AuditAction.CASE_NOTE_ADDED, subject="CASE-0002",
            personal={"who": "Jo Mason"}, case_id="CASE-0002",
        )
    )  # fmt: skip
    bundle = export(container, tmp_path)

    def erase(uow: UnitOfWork) -> None:
        uow.audit.erase("CASE-0002", at=START, actor="kim", reason="retention")

    container.store.write(erase)

    assert differences(container, bundles=[bundle]) == []


@pytest.mark.parametrize("since", [1, 3, 5])
def test_a_consistently_rewritten_chain_is_noticed_by_an_export_at_the_first_other_entry(
    container: Container, tmp_path: Path, since: int
) -> None:
    bundle = export(container, tmp_path)
    write_anew(container.store, since, actor="mallory")

    assert container.store.read(lambda uow: uow.audit.verify()) == 5
    (line,) = differences(container, bundles=[bundle])
    assert line.startswith(f"audit entry {since}: it is not the entry that was exported")
    assert "by mallory" in line
    assert "by sam" in line


@pytest.mark.parametrize("keep", [0, 2, 4])
def test_a_cut_or_emptied_chain_is_noticed_by_an_export(
    container: Container, tmp_path: Path, keep: int
) -> None:
    bundle = export(container, tmp_path)
    cut(container.store, keep)

    (line,) = differences(container, bundles=[bundle])
    assert line.startswith(f"audit entry {keep + 1}: ")
    assert "it ends before" in line


def test_a_bundle_that_was_altered_is_no_witness(container: Container, tmp_path: Path) -> None:
    bundle = export(container, tmp_path)
    bundle.write_text(bundle.read_text().replace("sam", "kim"))

    with pytest.raises(CorruptData, match="altered"):
        examine_chain(container, bundles=[bundle])


@pytest.mark.parametrize("keep", [0, 2, 4])
def test_a_cut_chain_is_older_than_its_anchor(container: Container, keep: int) -> None:
    record_head(container, anchor_file(container), "regular")
    assert differences(container) == []
    cut(container.store, keep)

    (line,) = differences(container)
    assert line.startswith("audit entry 5: the chain is older than its anchor")


def test_a_rewritten_chain_is_not_the_one_that_was_anchored(container: Container) -> None:
    record_head(container, anchor_file(container), "regular")
    write_anew(container.store, 2, actor="mallory")

    (line,) = differences(container)
    assert line.startswith("audit entry 5: it differs from the anchored entry")


def test_a_typed_head_is_compared(container: Container) -> None:
    typed = container.store.read(lambda uow: uow.audit.get_head()).typed
    record(container.store, AuditAction.CASE_LEAD_TAKEN)
    assert examine_chain(container, typed=[parse_anchor(f" {typed} ")]).whole

    write_anew(container.store, 1, actor="mallory")

    assert not examine_chain(container, typed=[parse_anchor(typed)]).whole
    for wrong in ("5", "5:abc", f"x:{GENESIS}", ""):
        with pytest.raises(BadInput, match="no head"):
            parse_anchor(wrong)


def test_without_any_anchor_the_report_says_that_nothing_was_compared(container: Container) -> None:
    assert examine_chain(container).compared == ()
    assert differences(container) == []


def test_a_missing_anchor_file_is_named_once_there_was_one(container: Container) -> None:
    record_head(container, anchor_file(container), "regular")
    anchor_file(container).unlink()

    (line,) = differences(container)
    assert line.startswith("the anchor file: it is missing; the chain says entry 5 was noted")


def test_a_cut_anchor_file_is_named(container: Container) -> None:
    for number in range(3):
        record(container.store, AuditAction.CASE_NOTE_ADDED, f"CASE-000{number}")
        record_head(container, anchor_file(container), "regular")
    lines = anchor_file(container).read_text().splitlines(keepends=True)
    anchor_file(container).write_text("".join(lines[:-1]))

    assert "its newest line is missing" in differences(container)[0]


@pytest.mark.parametrize("index", range(0, 300, 11))
def test_an_altered_byte_of_the_anchor_file_is_named(container: Container, index: int) -> None:
    for number in range(3):
        record(container.store, AuditAction.CASE_NOTE_ADDED, f"CASE-000{number}")
        record_head(container, anchor_file(container), "regular")
    whole = bytearray(anchor_file(container).read_bytes())
    whole[index] ^= 1
    anchor_file(container).write_bytes(whole)

    assert any(line.startswith("the anchor file: ") for line in differences(container))


def test_the_anchor_file_is_its_owners_alone(container: Container) -> None:
    record_head(container, anchor_file(container), "regular")

    assert anchor_file(container).stat().st_mode & 0o077 == 0


def test_a_mount_that_is_away_is_a_trouble_and_no_new_folder(container: Container) -> None:
    anchor_file(container).parent.rmdir()
    keeping = HeadRecorder(container)

    assert not keeping.record_if_due()
    assert "audit.anchor_file" in keeping.trouble
    with pytest.raises(ConfigurationError):
        record_head(container, anchor_file(container), "by hand")

    anchor_file(container).parent.mkdir()
    assert keeping.record_if_due()
    assert keeping.trouble == ""


def test_a_head_is_noted_hourly_and_at_each_decisive_act(
    container: Container, now: FixedNow
) -> None:
    keeping = HeadRecorder(container)
    noted = [keeping.record_if_due(), keeping.record_if_due()]
    record(container.store, AuditAction.CASE_NOTE_ADDED)
    noted.append(keeping.record_if_due())
    now.advance(minutes=61)
    noted.append(keeping.record_if_due())
    record(container.store, AuditAction.USER_SESSION_OPENED)
    noted.append(keeping.record_if_due())
    record(container.store, AuditAction.DISPATCH_RELEASED)
    noted += [keeping.record_if_due(), keeping.record_if_due()]
    now.advance(minutes=61)
    noted.append(keeping.record_if_due())

    assert noted == [True, False, False, True, False, True, False, False]
    assert container.store.read(lambda uow: uow.marks.get(ANCHORED)) is not None
    assert differences(container) == []


def test_another_process_continues_at_the_position_of_the_file(container: Container) -> None:
    assert HeadRecorder(container).record_if_due()

    assert not HeadRecorder(container).record_if_due()


def test_a_line_that_a_crash_cut_off_is_no_difference_once_another_is_added(
    container: Container,
) -> None:
    record_head(container, anchor_file(container), "regular")
    whole = anchor_file(container).read_bytes()
    anchor_file(container).write_bytes(whole + whole[: len(whole) // 2])
    record(container.store, AuditAction.CASE_LEAD_TAKEN)
    record_head(container, anchor_file(container), "regular")

    assert differences(container) == []
    assert len(AnchorFile(anchor_file(container)).read()) == 2


def test_a_disk_that_takes_half_a_line_leaves_whole_lines_only(container: Container) -> None:
    record_head(container, anchor_file(container), "regular")
    whole = anchor_file(container).read_bytes()
    record(container.store, AuditAction.CASE_LEAD_TAKEN)
    with largest_file(len(whole) * 3 // 2), pytest.raises(ConfigurationError):
        record_head(container, anchor_file(container), "regular")

    assert anchor_file(container).read_bytes() == whole
    assert differences(container) == []


@contextmanager
def largest_file(length: int) -> Iterator[None]:
    """As on a full disk: a write stops there, and the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_line_that_is_added_while_verify_reads_is_no_difference(
    container: Container, tmp_path: Path
) -> None:
    record_head(container, anchor_file(container), "regular")
    bundle, slow = export(container, tmp_path), tmp_path / "slow.jsonl"
    os.mkfifo(slow)

    def grow() -> None:
        """Opening waits for its reader, who has read the chain for the first bundle by then."""
        with slow.open("wb") as pipe:
            record(container.store, AuditAction.CASE_LEAD_TAKEN)
            record_head(container, anchor_file(container), "by hand")
            pipe.write(bundle.read_bytes())

    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(grow)
        actual = differences(container, bundles=[bundle, slow])
        growing.result()

    assert actual == []
