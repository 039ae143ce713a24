"""The demo's lines: the same every time, in every vendor's format, and the story fires."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.demo.lines import DemoLines, build_lines, write_lines
from breachdesk.demo.provider import ATTACKER, FIRMS, SPRAYED, STOLEN, VICTIM, VIEWED
from breachdesk.demo.setup import list_in_arrival_order
from breachdesk.testing import FixedNow, make_actor, make_store
from schemas.customer import PROVIDER
from schemas.errors import UnparseableRecord
from schemas.pipeline.alert import Episode
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine
from schemas.settings import Settings
from streams.correlate.in_memory import InMemoryWindows
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.ports import RegisterView
from streams.process.pipeline import RecordPipeline
from streams.sigma.load import load_rules

RULES = Path(__file__).parents[3] / "rules"
SOURCES = {"m365", "sonicwall-hq", "draytek-marlow", "mail-gw", "web", "unifi"}


@pytest.fixture(scope="module")
def demo() -> DemoLines:
    return build_lines()


def records(demo: DemoLines) -> list[RawRecord]:
    return [
        RawRecord(RecordPosition("j", number), source, raw, arrived)
        for number, (arrived, source, raw) in enumerate(list_in_arrival_order(demo), 1)
    ]


def audit_records(demo: DemoLines) -> list[dict[str, object]]:
    unique = dict.fromkeys(raw for _, raw in demo.lines["m365"] if raw.endswith(b"}"))
    return [json.loads(raw) for raw in unique]


def test_the_same_seed_and_day_give_the_same_bytes_and_others_do_not(demo: DemoLines) -> None:
    assert build_lines() == demo
    assert build_lines(seed=1).lines != demo.lines
    assert build_lines(start=date(2026, 1, 1)).lines != demo.lines


def test_six_sources_send_about_five_thousand_lines_over_two_days(demo: DemoLines) -> None:
    arrivals = [arrived for lines in demo.lines.values() for arrived, _ in lines]

    assert set(demo.lines) == SOURCES == {source.name for source in demo.sources}
    assert 4_500 < len(arrivals) < 5_500
    assert all(len(lines) > 300 for lines in demo.lines.values())
    assert datetime(2026, 11, 21, tzinfo=UTC) <= min(arrivals)
    assert max(arrivals) < datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert all(lines == sorted(lines) for lines in demo.lines.values())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_line_is_read_but_for_those_meant_to_be_broken(seed: int) -> None:
    demo, recogniser = build_lines(seed=seed), FormatRecogniser()
    settings = {source.name: source for source in demo.sources}
    unread: Counter[str] = Counter()
    far: list[str] = []
    for record in records(demo):
        try:
            _, result = recogniser.read(record, settings[record.source])
        except UnparseableRecord:
            unread[record.source] += 1
            continue
        if not isinstance(result, IgnoredLine) and result.time is not None:
            late = (record.arrived - result.time).total_seconds()
            far += [record.source] if not -1 <= late <= 9_000 else []

    assert unread == {"m365": 3, "sonicwall-hq": 1, "web": 1, "unifi": 1}
    assert far == []


def test_some_lines_come_twice(demo: DemoLines) -> None:
    doubled = {
        source: sum(count - 1 for count in Counter(raw for _, raw in lines).values())
        for source, lines in demo.lines.items()
    }

    assert doubled["m365"] >= 40
    assert doubled["web"] >= 6


def test_the_router_is_silent_exactly_in_the_gap(demo: DemoLines) -> None:
    (gap,) = demo.gaps
    assert gap.end is not None
    silent = [at for at, _ in demo.lines[gap.source] if gap.begin <= at < gap.end]

    assert (gap.begin.isoformat(), gap.end.isoformat()) == (
        "2026-11-22T01:10:00+00:00",
        "2026-11-22T04:20:00+00:00",
    )
    assert silent == []


def test_one_address_tries_forty_accounts_of_four_customers_and_none_more_than_twice(
    demo: DemoLines,
) -> None:
    failed = [
        r
        for r in audit_records(demo)
        if r["Operation"] == "UserLoginFailed" and r["ClientIP"] == ATTACKER
    ]
    tries = Counter(str(r["UserId"]) for r in failed)
    times = sorted(str(r["CreationTime"]) for r in failed)

    assert len(tries) == 40
    assert max(tries.values()) == 2
    assert len({r["OrganizationId"] for r in failed}) == len(SPRAYED) == 4
    assert times[0] == "2026-11-22T02:51:08"
    assert times[-1] < "2026-11-22T03:07:08"


def test_one_account_opens_and_its_files_leave(demo: DemoLines) -> None:
    of_attacker = [
        r for r in audit_records(demo) if str(r.get("ClientIP", "")).startswith(ATTACKER)
    ]
    counter = Counter(
        str(r["Operation"]) for r in of_attacker if str(r["UserId"]).casefold() == STOLEN
    )

    assert counter["UserLoggedIn"] == 1
    assert counter["New-InboxRule"] == 1
    assert counter["FileDownloaded"] == 180
    assert counter["UserLoginFailed"] in (1, 2)


def test_fifty_customers_have_names_of_which_none_is_in_another() -> None:
    names = [firm.name for firm in FIRMS]
    inside = [(a, b) for a in names for b in names if a != b and a in b]

    assert len(FIRMS) == len(set(names)) == len({firm.domain for firm in FIRMS}) == 50
    assert inside == []


def test_the_written_folder_holds_a_file_a_source_and_the_registers(
    demo: DemoLines, tmp_path: Path
) -> None:
    write_lines(demo, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"

    assert {file.name for file in folder.iterdir()} == SOURCES | {"customers.csv", "assets.csv"}
    for source, lines in demo.lines.items():
        assert (folder / source).read_bytes().splitlines() == [raw for _, raw in lines]


def imported(demo: DemoLines, folder: Path) -> RegisterView:
    write_lines(demo, folder)
    now = FixedNow()
    with make_store(now) as store:
        reports = [
            store.write(
                lambda uow: import_customers(uow, make_actor(), folder / "customers.csv", now=now())
            ),
            store.write(
                lambda uow: import_assets(uow, make_actor(), folder / "assets.csv", now=now())
            ),
        ]
        assert [report.problems for report in reports] == [(), ()]
        assert reports[0].added == 50
        return store.make_asset_register().get_view()


def episodes(demo: DemoLines, view: RegisterView, folder: Path) -> Sequence[Episode]:
    settings = Settings(data_dir=folder, sources=demo.sources)
    book = load_rules([RULES])
    result = RecordPipeline(book, InProcessReader(settings), settings).evaluate(records(demo), view)
    windows = InMemoryWindows(book.specs)
    windows.absorb(each.signal for signals in result.signals.values() for each in signals)
    return windows.list_episodes()


@pytest.mark.parametrize("seed", [0, 7])
def test_the_story_fires_and_the_background_raises_nothing_grave(seed: int, tmp_path: Path) -> None:
    demo = build_lines(seed=seed)
    actual = episodes(demo, imported(demo, tmp_path), tmp_path)
    grave = {e.key.rule: e for e in actual if e.severity.rank >= 3}
    touched = {rule: {t.customer for t in e.touches} for rule, e in grave.items()}

    assert touched == {
        "password_spraying": set(SPRAYED),
        "login_then_exfiltration": {VICTIM},
        "mailbox_rule_forwards_outside": {VICTIM},
        "dlp_match_high": {VICTIM},
        "panel_sign_in_then_customer_data": {PROVIDER, *VIEWED},
    }
    assert grave["login_then_exfiltration"].severity == "critical"
    assert len(grave) == sum(e.severity.rank >= 3 for e in actual)
    assert {e.severity for e in actual} >= {"low", "medium"}


def test_the_profile_is_complete_and_quotes_the_firms_own_promise(demo: DemoLines) -> None:
    blank = [name for name, value in demo.profile.model_dump().items() if value in ("", None)]

    assert blank == []
    assert "security breach" in demo.profile.promise
