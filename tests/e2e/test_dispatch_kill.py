"""Kill -9 of the real dispatcher over the real store: at most one mail a row, every row handed over
or unknown, and the sink's log resolves every unknown by Message-ID."""

from __future__ import annotations

import asyncio
import email
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from warm_process import WarmProcess

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.mail import send_due
from breachdesk.bootstrap.settings import load_settings
from breachdesk.casework.affected import affected_list
from breachdesk.casework.decision import decide
from breachdesk.casework.release import notice_facts
from breachdesk.demo import drill, words
from breachdesk.demo.feed import feed_lines, get_actor, import_registers
from breachdesk.demo.lines import build_lines
from breachdesk.demo.setup import (
    DemoClock,
    build_settings,
    list_in_arrival_order,
    prepare_folder,
    write_settings,
)
from breachdesk.ports import UnitOfWork
from schemas.casework.decision import DecisionAnswer
from schemas.casework.letter_facts import ReaderStanding
from schemas.casework.notice import DeliveryStatus, NoticeRow

pytestmark = pytest.mark.slow

UNSURE_HOLDERS = words.ACCOUNT_HOLDERS.model_copy(
    update={
        "standing": ReaderStanding.POSSIBLE,
        "what_happened": "Every page that our records show was another one.",
    }
)


def send_what_is_due(folder: str) -> None:
    with Container(load_settings(Path(folder)), DemoClock(drill.APPROVED)) as container:
        assert container.store
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        asyncio.run(send_due(container))


@pytest.fixture
def approved(tmp_path: Path) -> Path:
    """The demo up to its approval, with nobody excluded by hand: some fifty letters wait."""
    demo_lines = build_lines()
    clock = DemoClock(list_in_arrival_order(demo_lines)[0][0])
    settings = build_settings(prepare_folder(tmp_path / "data"), demo_lines, port=0)
    write_settings(settings)
    with Container(settings, clock) as container:
        import_registers(container, demo_lines)
        feed_lines(container, demo_lines, clock, lambda _done, _all: None)
        case = drill.triage_alerts(container, clock)
        breach = drill.confirm_breach(container, clock, case)
        clock.move_to(drill.FROZEN)

        def freeze(uow: UnitOfWork) -> None:
            responder, now = get_actor("responder"), container.now()
            proposed = affected_list.propose(uow, breach.id)
            manifest = affected_list.freeze(uow, responder, breach.id, proposed, now)
            decision = words.build_decision(breach, manifest, responder.id, now, "uk_ico")
            no_telecoms = DecisionAnswer(
                yes=False, reasons="No subscriber data is in the evidence."
            )
            answered = decision.model_copy(
                update={"report": decision.report | {"uk_pecr": no_telecoms}}
            )
            decide.record_decision(uow, responder, answered, now)
            written = words.build_facts(breach, responder.id, now)
            both = written.model_copy(update={"words": (*written.words, UNSURE_HOLDERS)})
            notice_facts.write_facts(uow, responder, both, now)

        container.store.write(freeze)
        drill.approve_release(container, clock, breach)
    return settings.data_dir


def send(folder: Path, kill_at: int | None) -> None:
    """Send what is due; killed in the moment in which so many more letters have left."""
    with WarmProcess(send_what_is_due, str(folder)) as process:
        assert process.stdout.readline() == "ready\n"
        if kill_at is None:
            assert process.wait(120) == 0
            return
        expected = len(sent_files(folder)) + kill_at
        while len(sent_files(folder)) < expected and process.poll() is None:
            time.sleep(0.0005)
        process.kill()


def sent_files(folder: Path) -> list[Path]:
    return list((folder / "mails" / "new").glob("*"))


def rows(folder: Path) -> list[NoticeRow]:
    with Container(
        build_settings(folder, build_lines(), port=0), DemoClock(drill.APPROVED)
    ) as container:
        return list(container.store.read(lambda uow: uow.notices.list()))


def discrepancies(folder: Path) -> list[str]:
    with Container(
        build_settings(folder, build_lines(), port=0), DemoClock(drill.APPROVED)
    ) as container:
        report = container.store.read(lambda uow: uow.audit.examine())
        return [str(line) for line in report.discrepancies]


def mailed(folder: Path) -> Counter[str]:
    counter: Counter[str] = Counter()
    for file in sent_files(folder):
        counter[str(email.message_from_bytes(file.read_bytes())["Message-ID"])] += 1
    return counter


def test_twenty_kills_send_no_letter_twice_and_leave_no_row_in_doubt(approved: Path) -> None:
    chance = random.Random(3)
    for _ in range(20):
        send(approved, kill_at=chance.randint(0, 3))
    send(approved, kill_at=None)
    ended, sink = rows(approved), mailed(approved)
    handed = {r.message_id for r in ended if r.status is DeliveryStatus.HANDED_OVER}
    unknown = {r.message_id for r in ended if r.status is DeliveryStatus.UNKNOWN}

    assert len(ended) > 40
    assert unknown
    assert {r.status for r in ended} <= {DeliveryStatus.HANDED_OVER, DeliveryStatus.UNKNOWN}
    assert set(sink.values()) == {1}
    assert handed <= set(sink)
    assert set(sink) <= handed | unknown
    assert discrepancies(approved) == []
