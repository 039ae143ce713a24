"""What a child process ends, whom it blames, and what it leaves behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import slow_parsers

from schemas.errors import ConfigurationError, RetryableError, UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import IntakeSettings, ReadingSettings, Settings, SourceSettings
from streams.normalise.refusals import SetAside
from streams.parser_process.adapter import ParserProcess
from streams.parser_process.slow_lines import ALLOWED
from streams.reading_ended import EndReason, ReadingEnded

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEB = b'192.0.2.1 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1 "-" "x"'
MATCH = b"SLOW match " + b"a" * 60 + b"!"
SECONDS = 0.2
LIMIT = 120.0
"""Wall seconds of patience; the machine may be loaded."""

ENDED_BY_ITSELF = [
    (MATCH, EndReason.SLOW),
    (b"SLOW loop", EndReason.SLOW),
    (b"SLOW claim", EndReason.SLOW),
    (b"SLOW swallow", EndReason.SLOW),
    (b"SLOW leave", EndReason.DIED),
    (b"SLOW crash", EndReason.DIED),
    (b"SLOW eat", EndReason.MEMORY),
]
ENDED_LATE = [(b"SLOW busy_in_c", EndReason.SLOW), (b"SLOW sleep", EndReason.ASLEEP)]


class CountingMeter:
    """streams.ports.metrics.ParserMetrics that remembers."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.aside = 0
        self.began: list[str] = []
        self.restarts = 0

    def record_ended_reading(self, parser: str, reason: str) -> None:
        self.reasons.append(reason)

    def record_setting_aside(self, parser: str) -> None:
        self.began.append(parser)

    def record_set_aside_line(self) -> None:
        self.aside += 1

    def record_restart(self) -> None:
        self.restarts += 1


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
def make(tmp_path: Path, meter: CountingMeter) -> Iterator[Callable[..., ParserProcess]]:
    parser_process: list[ParserProcess] = []

    def reader(**settings: Any) -> ParserProcess:
        fields = {"seconds": SECONDS, "parsers": (slow_parsers.NAME,), **settings}
        others = {name: fields.pop(name) for name in ("sources", "intake") if name in fields}
        reading = ReadingSettings(**fields)
        parser_process.append(
            ParserProcess(Settings(data_dir=tmp_path, reading=reading, **others), meter)
        )
        return parser_process[-1]

    yield reader
    for each in parser_process:
        each.close()


JOURNALS = itertools.count()


def records(*raws: bytes, source: str = "s", arrived: datetime = NOON) -> list[RawRecord]:
    """Of a journal of their own: no two calls make the same record."""
    journal = f"j{next(JOURNALS)}"
    return [
        RawRecord(RecordPosition(journal, n), source, raw, arrived) for n, raw in enumerate(raws)
    ]


def kinds(reader: ParserProcess, raw_records: list[RawRecord]) -> list[Any]:
    """The parser of what was read, the reason of what was ended, else the error's class."""
    return [kind(each) for each in reader.read(raw_records)]


def kind(outcome: Any) -> Any:
    if isinstance(outcome, ReadingEnded):
        return outcome.reason
    return type(outcome) if isinstance(outcome, UnparseableRecord) else outcome[0]


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(("raw", "reason"), ENDED_BY_ITSELF)
def test_a_record_that_no_parser_can_finish_is_ended_and_its_neighbours_are_read(
    make: Callable[..., ParserProcess], meter: CountingMeter, raw: bytes, reason: EndReason
) -> None:
    # To take all its memory costs a busy machine more time than the others may have.
    reader = make(seconds=10.0) if reason is EndReason.MEMORY else make()
    first, ended, last = list(reader.read(records(WEB, raw, WEB)))

    assert (kind(first), kind(last)) == ("nginx_access", "nginx_access")
    assert isinstance(ended, ReadingEnded)
    assert (ended.reason, ended.place) == (reason, "slow_test")
    assert "replay" in ended.remedy
    assert meter.reasons == [reason]


@pytest.mark.slow
@pytest.mark.parametrize(("raw", "reason"), ENDED_LATE)
def test_a_record_that_is_lost_in_c_is_ended_and_its_neighbours_are_read(
    make: Callable[..., ParserProcess], raw: bytes, reason: EndReason
) -> None:
    reader = make(seconds_per_mib=0.0)

    assert kinds(reader, records(WEB, raw, WEB)) == ["nginx_access", reason, "nginx_access"]
    assert kinds(reader, records(WEB)) == ["nginx_access"]


def test_a_slow_record_costs_its_budget_and_little_more(
    make: Callable[..., ParserProcess],
) -> None:
    reader = make()
    assert kinds(reader, records(WEB)) == ["nginx_access"]
    before = computed(reader.pid)
    kinds(reader, records(MATCH))

    assert SECONDS <= computed(reader.pid) - before < SECONDS + 0.5


def computed(pid: int | None) -> float:
    """Seconds of processor time."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_child_started_where_its_signals_are_blocked_ends_slow_records_too(
    make: Callable[..., ParserProcess],
) -> None:
    ours = {signal.SIGPROF, signal.SIGXCPU}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    try:
        assert kinds(make(), records(MATCH, WEB)) == [EndReason.SLOW, "nginx_access"]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_the_reason_names_the_seconds_and_not_the_line(
    make: Callable[..., ParserProcess],
) -> None:
    (ended,) = make(seconds=0.3).read(records(MATCH))

    assert str(ended) == (
        "slow_test: reading it took longer than 0.3 seconds of processor time."
        " It is kept: mend the parser, then replay the dead letters."
    )


@pytest.mark.slow
def test_a_longer_record_may_take_longer(make: Callable[..., ParserProcess]) -> None:
    reader = make(seconds_per_mib=2.0)
    half = records(b"SLOW loop " + b"x" * (512 * 1024))
    (ended,) = reader.read(half)

    assert "longer than 1.2 seconds" in str(ended)


def test_many_slow_records_among_many_good_ones_each_end_alone(
    make: Callable[..., ParserProcess],
) -> None:
    """Through several requests, and with deaths among them."""
    raws = [WEB] * 700
    slow = {3: MATCH, 4: b"SLOW loop", 260: b"SLOW leave", 261: b"SLOW loop", 699: b"SLOW leave"}
    for number, raw in slow.items():
        raws[number] = raw
    outcomes = kinds(make(), records(*raws))

    assert [outcomes[number] for number in slow] == [
        EndReason.SLOW,
        EndReason.SLOW,
        EndReason.DIED,
        EndReason.SLOW,
        EndReason.DIED,
    ]
    assert outcomes.count("nginx_access") == 695


def test_among_lines_of_formats_in_turn_each_ended_record_keeps_its_place_and_is_read_once(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    ssh = b"Nov 22 01:06:15 web01 sshd[7]: Failed password for root from 192.0.2.1 port 1 ssh2"
    around = [ssh, WEB, ssh, WEB]
    lines = [*around, MATCH, *around, b"SLOW loop", ssh, b"SLOW crash", *around, b"SLOW loop", WEB]

    outcomes = kinds(make(), records(*lines))

    read = {ssh: "linux_sshd", WEB: "nginx_access", b"SLOW crash": EndReason.DIED}
    assert outcomes == [read.get(line, EndReason.SLOW) for line in lines]
    assert sorted(meter.reasons) == sorted([*[EndReason.SLOW] * 3, EndReason.DIED])


def test_a_parser_that_catches_the_end_once_has_its_answer_taken(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    assert kinds(make(), records(b"SLOW swallow_once", WEB)) == ["slow_test", "nginx_access"]
    assert meter.restarts == 0


@pytest.mark.slow
def test_records_that_together_take_longer_than_a_budget_are_all_read(
    make: Callable[..., ParserProcess],
) -> None:
    """The time is each record's own."""
    reader = make(seconds=0.1)
    until(lambda: (reader.pid is not None and computed(reader.pid) > 1.0) or not fill(reader))


def fill(reader: ParserProcess) -> bool:
    outcomes = kinds(reader, records(*[WEB] * 2_000))
    assert set(outcomes) == {"nginx_access"}
    return True


def test_a_suspended_child_is_waited_for(make: Callable[..., ParserProcess]) -> None:
    """Its wall time says nothing."""
    reader = make()
    kinds(reader, records(WEB))
    assert reader.pid is not None
    pid = reader.pid
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(1.5, lambda: os.kill(pid, signal.SIGCONT))
    timer.start()

    assert kinds(reader, records(WEB, b"SLOW nap")) == ["nginx_access", "slow_test"]
    assert reader.pid == pid
    timer.join()


def test_a_child_that_somebody_killed_blames_no_record(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    reader = make()
    kinds(reader, records(WEB))
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)

    assert kinds(reader, records(WEB, WEB)) == ["nginx_access"] * 2
    assert (meter.reasons, meter.restarts) == ([], 1)


def test_a_child_killed_with_a_good_record_in_hand_blames_no_record(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    reader = make(seconds=5.0)
    kinds(reader, records(WEB))
    pid = reader.pid
    assert pid is not None
    timer = threading.Timer(0.1, lambda: os.kill(pid, signal.SIGKILL))
    timer.start()

    assert kinds(reader, records(b"SLOW nap", WEB)) == ["slow_test", "nginx_access"]
    assert (meter.reasons, meter.restarts) == ([], 1)


def test_a_batch_that_is_repeated_does_not_cost_its_slow_records_again(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    """Nor do they count twice."""
    reader = make()
    values = records(WEB, MATCH, WEB, b"SLOW leave", *[WEB] * 300)
    first = kinds(reader, values)
    pid, before = reader.pid, computed(reader.pid)
    again = [kinds(reader, values) for _ in range(2 * ALLOWED)]

    assert again == [first] * 2 * ALLOWED
    assert reader.pid == pid
    assert meter.reasons == [EndReason.SLOW, EndReason.DIED]
    assert computed(pid) - before < 2 * ALLOWED * SECONDS
    assert kinds(reader, records(MATCH)) == [EndReason.SLOW]


# --- a flood of slow records --------------------------------------------------------------------


def flood(count: int, **more: Any) -> list[RawRecord]:
    return records(*[b"SLOW loop " + b"x" * 200] * count, **more)


def test_after_some_slow_lines_others_like_them_are_set_aside_and_short_ones_are_read(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    reader = make(seconds=0.1)
    outcomes = kinds(reader, [*flood(ALLOWED + 200), *records(b"SLOW quick", WEB)])

    assert outcomes.count(EndReason.SLOW) == ALLOWED
    assert outcomes.count(SetAside) == 200
    assert outcomes[-2:] == ["slow_test", "nginx_access"]
    assert (meter.aside, meter.began) == (200, ["slow_test"])


@pytest.mark.slow
def test_deaths_count_as_slow_lines_do_and_a_new_child_knows_of_them(
    make: Callable[..., ParserProcess],
) -> None:
    reader = make(seconds=0.1)
    raws = [b"SLOW leave" if number % 2 else b"SLOW loop x" for number in range(ALLOWED + 6)]
    outcomes = kinds(reader, records(*raws))

    assert outcomes.count(EndReason.SLOW) + outcomes.count(EndReason.DIED) == ALLOWED
    assert outcomes[-6:] == [SetAside] * 6


@pytest.mark.slow
def test_invented_sources_share_one_allowance_and_a_named_source_has_its_own(
    make: Callable[..., ParserProcess],
) -> None:
    reader = make(
        seconds=0.1,
        sources=(SourceSettings(name="mail"),),
        intake=IntakeSettings(senders={"192.0.2.9": "wall"}),
    )
    invented = [flood(1, source=f"syslog-192.0.2.{n}")[0] for n in range(ALLOWED + 5)]
    outcomes = kinds(reader, invented)
    named = [kinds(reader, flood(1, source=name)) for name in ("mail", "wall")]

    assert outcomes[ALLOWED:] == [SetAside] * 5
    assert named == [[EndReason.SLOW], [EndReason.SLOW]]


@pytest.mark.slow
def test_ten_minutes_later_lines_like_them_are_tried_again(
    make: Callable[..., ParserProcess],
) -> None:
    reader = make(seconds=0.1)
    kinds(reader, flood(ALLOWED))
    soon = kinds(reader, flood(1, arrived=NOON + timedelta(minutes=9)))
    later = kinds(reader, flood(1, arrived=NOON + timedelta(minutes=11)))

    assert (soon, later) == ([SetAside], [EndReason.SLOW])


# --- beginning and end --------------------------------------------------------------------------


def test_closing_ends_the_child_and_whoever_waits_for_it(
    make: Callable[..., ParserProcess],
) -> None:
    reader = make(seconds=600.0)
    kinds(reader, records(WEB))
    pid = reader.pid
    assert pid is not None
    timer = threading.Timer(0.3, reader.close)
    timer.start()

    with pytest.raises(RetryableError):
        kinds(reader, records(WEB, b"SLOW loop"))
    with pytest.raises(RetryableError):
        kinds(reader, records(WEB))
    assert not is_alive(pid)
    timer.join()


PARENT = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import ReadingSettings, Settings
from streams.ports.metrics import NullParserMetrics
from streams.parser_process.adapter import ParserProcess
reading = ReadingSettings(seconds=600.0, parsers=("slow_parsers:PARSER",))
reader = ParserProcess(Settings(data_dir=Path("."), reading=reading), NullParserMetrics())
def read(raw):
    list(reader.read([RawRecord(RecordPosition("j", 0), "s", raw, datetime(2026, 11, 22, tzinfo=UTC))]))
read(b"SLOW quick")
print(reader.pid, flush=True)
read(sys.argv[1].encode())
"""


@pytest.mark.parametrize(
    "word", ["loop", "match " + "a" * 60 + "!", "busy_in_c", "sleep", "swallow"]
)
def test_a_parent_killed_in_the_middle_of_an_endless_record_leaves_no_child(word: str) -> None:
    places = os.pathsep.join(filter(None, sys.path))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, f"SLOW {word}"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": places},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: computed(child) > 0.3 or word == "sleep")
    parent.kill()
    parent.wait()
    parent.stdout.close()

    until(lambda: not is_alive(child))


def test_a_child_ignores_the_signals_that_are_its_parents(
    make: Callable[..., ParserProcess], meter: CountingMeter
) -> None:
    reader = make()
    kinds(reader, records(WEB))
    pid = reader.pid
    assert pid is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)

    assert kinds(reader, records(WEB)) == ["nginx_access"]
    assert reader.pid == pid
    assert os.getsid(pid) != os.getsid(0)


def test_a_child_knows_no_secret_loads_little_and_inherits_no_file(
    make: Callable[..., ParserProcess], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BREACHDESK_STORE__PASSWORD", "secret")
    with (tmp_path / "opened").open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        ((_, result),) = make().read(records(b"SLOW imports"))  # type: ignore[misc]
    fields: dict[str, Any] = result.fields  # type: ignore[union-attr]

    heavy = {"breachdesk", "notifiers", "sqlalchemy", "fastapi", "jinja2", "sigma"}
    assert heavy.isdisjoint(fields["modules"])
    assert not [name for name in fields["environment"] if "BREACHDESK" in name]
    assert str(tmp_path / "opened") not in fields["files"]


def test_a_name_that_leads_to_no_parser_is_refused_and_named(tmp_path: Path) -> None:
    reading = ReadingSettings(parsers=("os:abort",))
    settings = Settings(data_dir=tmp_path, reading=reading)
    with (
        closing(ParserProcess(settings, CountingMeter())) as reader,
        pytest.raises(ConfigurationError, match=r"reading\.parsers, os:abort"),
    ):
        list(reader.read(records(WEB)))
