"""Rounds of one tenant against a service without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trustme
from audit_service import (
    CLIENT,
    EXCHANGE,
    SECRET,
    TENANT,
    Answer,
    AuditService,
    refuse,
)
from parsing import parse

from breachdesk.testing import FixedNow
from schemas.errors import RetryableError
from schemas.pipeline.plugin import ParsedEvent
from schemas.pipeline.source import BlindInterval
from schemas.polled_tenant import AuditContent, Microsoft365Settings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.microsoft365.content_poll import PollSurroundings
from streams.intake.microsoft365.management_api import ManagementApi
from streams.intake.microsoft365.poll_memory import PollMemory
from streams.intake.microsoft365.tenant_round import TenantRound
from streams.intake.trouble_reports import TroubleReports
from streams.parsers.microsoft365_audit.parser import PARSER
from streams.ports.metrics import NullPollMetrics

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Poll:
    """One tenant, its log and what was said, over a service that a test orders."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.now = FixedNow()
        self.service = AuditService(self.now)
        self.said: list[str] = []
        secret = folder / "secret"
        secret.write_text(f"{SECRET}\n")
        self.tenant = Microsoft365Settings.model_validate(
            {
                "tenant": TENANT,
                "client": CLIENT,
                "secret_file": secret,
                "content_types": [EXCHANGE],
                "login": self.service.address,
                "api": self.service.address,
                **settings,
            }
        )
        self.log = SqliteEventLog(folder / "journal", self.now)
        self.client = self.service.build_client()
        self.restart()

    def restart(self) -> None:
        """As a new process would begin."""
        self.memory = PollMemory(self.folder / "microsoft365.db")
        around = PollSurroundings(self.log, self.memory, self.now, 4096, NullPollMetrics(), Event())
        api = ManagementApi(self.tenant, self.client, self.now)
        self.reports = TroubleReports(self.said.append)
        self.round = TenantRound(self.tenant, api, around, self.reports)

    def run(self, after: timedelta = timedelta(0)) -> float:
        self.now.at += after
        return self.round.run()

    def numbers(self) -> list[int]:
        """Numbers of the records in the log, in its order."""
        records = self.log.read(None, 10_000)
        return [int(json.loads(each.raw)["Id"][-12:]) for each in records]

    def gaps(self) -> list[BlindInterval]:
        return list(self.log.list_gaps())

    def close(self) -> None:
        self.log.close()
        self.memory.close()
        self.client.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Poll]]:
    polls: list[Poll] = []

    def build(**settings: Any) -> Poll:
        polls.append(Poll(tmp_path, **settings))
        return polls[-1]

    yield build
    for each in polls:
        each.close()


def test_a_first_round_subscribes_and_reads_all_pages_of_seven_days(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    for number in range(12):
        poll.service.add(
            f"c{number}", range(number * 2, number * 2 + 2), age=number * HOUR * 12 + HOUR
        )

    poll.run()

    assert sorted(poll.numbers()) == list(range(24))
    assert poll.service.subscribed[TENANT] == {EXCHANGE}
    assert poll.said == []
    assert poll.gaps() == []


def test_all_five_content_types_are_polled_unless_the_settings_name_others(
    make: Callable[..., Poll],
) -> None:
    poll = make(content_types=list(AuditContent))

    poll.run()

    assert poll.service.subscribed[TENANT] == {
        "Audit.AzureActiveDirectory",
        "Audit.Exchange",
        "Audit.SharePoint",
        "Audit.General",
        "DLP.All",
    }


def test_a_record_is_the_audit_object_as_it_came_under_the_tenant_s_source(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.add("c1", range(1))

    poll.run()

    (record,) = poll.log.read(None, 10)
    assert record.source == f"microsoft365-{TENANT}"
    assert record.transport == "microsoft365"
    assert json.loads(record.raw) == poll.service.contents[0].records[0]


def test_content_that_is_listed_again_is_read_once(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.add("c1", range(3))

    for _ in range(3):
        poll.run(timedelta(minutes=1))
        poll.restart()

    assert poll.numbers() == [0, 1, 2]
    assert poll.service.count("/audit/c1") == 1


def test_content_that_is_listed_late_is_read_by_looking_back(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.add("c2", range(2, 3), age=HOUR)
    poll.service.add("c1", range(1, 2), age=2 * HOUR, listed_after=3 * HOUR)
    poll.run()

    poll.run(3 * HOUR)

    assert poll.numbers() == [2, 1]


def test_a_throttled_tenant_waits_as_long_as_it_is_asked_to(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.add("c1", range(2))
    poll.service.fail("/content?", refuse(429, "AF429", Retry_After="77"))

    wait = poll.run()

    assert wait == 77.0
    assert poll.numbers() == []
    assert poll.run(timedelta(seconds=77)) == 60.0
    assert poll.numbers() == [0, 1]


def test_a_service_that_does_not_say_how_long_is_asked_less_and_less_often(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.fail("/list", refuse(503, ""), times=6)

    waits = [poll.run() for _ in range(7)]

    assert waits == [120.0, 240.0, 480.0, 900.0, 900.0, 900.0, 60.0]
    assert len(poll.said) == 2
    assert poll.said[-1].endswith("read again")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'[{"Id": "00000000-0000'),
        Answer(200, b"<html>a proxy's page</html>"),
        Answer(500, b""),
        Answer(302, b"", {"Location": "https://elsewhere.example/"}),
        Answer(200, b"[{}]", cut=True),
        refuse(403, "AF10001"),
    ],
)
def test_content_that_cannot_be_read_is_tried_again_and_holds_up_no_other(
    make: Callable[..., Poll], answer: Answer
) -> None:
    poll = make()
    poll.service.add("bad", range(1), age=2 * HOUR)
    poll.service.add("good", range(1, 2))
    poll.service.fail("/audit/bad", answer)
    poll.run()
    assert poll.numbers() == [1]
    poll.restart()

    poll.run(timedelta(minutes=5))

    assert poll.numbers() == [1, 0]
    assert poll.gaps() == []


def test_content_that_stays_unreadable_until_it_expires_leaves_a_blind_interval(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.add("bad", range(1))
    poll.service.fail("/audit/bad", Answer(500), times=10_000)
    created = poll.service.contents[0].created
    for _ in range(8):
        poll.run(DAY)

    poll.run(DAY)

    (gap,) = poll.gaps()
    assert gap.source == f"microsoft365-{TENANT}"
    assert gap.begin < created <= (gap.end or created)
    assert "Audit.Exchange" in gap.reason
    assert "expired" in gap.reason


def test_content_that_expires_between_list_and_fetch_leaves_a_blind_interval(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.add("gone", range(1))
    poll.service.fail("/audit/gone", refuse(400, "AF20051"))

    poll.run()

    assert len(poll.gaps()) == 1
    poll.run(timedelta(minutes=1))
    assert len(poll.gaps()) == 1


def test_an_outage_of_more_than_seven_days_leaves_one_blind_interval(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.run()
    last = poll.now.at
    poll.service.fail("/content?", Answer(500), times=20)
    for _ in range(20):
        poll.run(12 * HOUR)
    assert len(poll.gaps()) == 1

    poll.run()

    (gap,) = poll.gaps()
    assert gap.begin <= last
    assert gap.end is not None
    assert poll.now.at - 7 * DAY <= gap.end <= poll.now.at - 6 * DAY
    assert gap.reason == "Audit.Exchange expired at Microsoft before it was read"


def test_content_of_an_outage_of_six_days_is_read_without_a_blind_interval(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.run()
    poll.now.at += 6 * DAY
    for number in range(10):
        poll.service.add(f"c{number}", range(number, number + 1), age=number * 12 * HOUR + HOUR)

    poll.run()

    assert sorted(poll.numbers()) == list(range(10))
    assert poll.gaps() == []


def test_a_subscription_that_was_ended_is_started_again_and_leaves_a_blind_interval(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.run()
    poll.service.subscribed[TENANT].clear()
    poll.run(HOUR / 2)

    poll.run(timedelta(minutes=1))

    (gap,) = poll.gaps()
    assert "not subscribed" in gap.reason
    assert gap.end == poll.now.at
    assert poll.service.subscribed[TENANT] == {EXCHANGE}


def test_a_content_type_without_permission_is_blind_and_the_others_are_read(
    make: Callable[..., Poll],
) -> None:
    poll = make(content_types=[AuditContent.DLP, AuditContent.EXCHANGE])
    poll.service.add("c1", range(1))
    poll.service.fail("start?contentType=DLP.All", refuse(403, "AF10001"))

    poll.run()

    assert poll.numbers() == [0]
    assert "ActivityFeed.ReadDlp" in poll.said[0]
    assert [gap.end for gap in poll.gaps()] == [None]
    poll.run(HOUR)
    assert [gap.end for gap in poll.gaps()] == [poll.now.at]


def test_no_record_is_remembered_before_the_log_has_it(
    make: Callable[..., Poll], monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = make()
    poll.service.add("c1", range(2))

    def refuse_append(incoming: object) -> None:
        raise RetryableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(poll.log, "append", refuse_append)
        poll.run()
    assert "the disk is full" in poll.said[0]

    poll.run()

    assert poll.numbers() == [0, 1]


def test_a_wrong_secret_is_named_by_its_code_and_never_shown(make: Callable[..., Poll]) -> None:
    poll = make()
    secret = poll.tenant.secret_file
    assert secret is not None
    secret.write_text("wrong-secret")
    poll.run()

    assert "AADSTS7000215" in poll.said[0]
    assert "wrong-secret" not in str(poll.said)
    secret.write_text(SECRET)
    assert poll.run() == 60.0


def test_what_the_service_says_of_people_is_not_repeated(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.fail("/content?", refuse(400, "AF20030"))

    poll.run()

    assert "AF20030" in poll.said[0]
    assert "jo@contoso.example" not in str(poll.said)


def test_a_token_that_is_refused_is_replaced_at_once(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.run()
    poll.service.tokens += 1  # the token in use is no longer valid
    poll.service.add("c1", range(1))

    poll.run(timedelta(minutes=1))

    assert poll.numbers() == [0]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://api.example/x",
        "https://api.example:8443/x",
        "https://api.example:x/x",
        "https://api.example@evil.example/x",
        "https://jo@api.example/x",
        "https://api.example.evil.example/x",
        "https://[api.example/x",
        "file:///x",
        "",
    ],
)
def test_no_token_goes_to_another_host(make: Callable[..., Poll], address: str) -> None:
    poll = make()
    row = {
        "contentId": "c1",
        "contentUri": address,
        "contentCreated": "2026-11-22T08:00:00.000Z",
    }
    poll.service.fail("/content?", Answer(200, [row]), times=8)

    poll.run()

    assert not any(request.endswith(f" {address}") for request in poll.service.requests)
    assert not any("evil" in request for request in poll.service.requests)


def test_an_address_with_the_default_port_is_on_the_same_host(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.add("c1", range(1))
    address = "https://API.example:443/api/v1.0/x/activity/feed/audit/c1"
    row = {"contentId": "c1", "contentUri": address, "contentCreated": "2026-11-22T08:00:00Z"}
    poll.service.fail("/content?", Answer(200, [row]))

    poll.run()

    assert poll.numbers() == [0]


def test_pages_that_never_end_are_ended(make: Callable[..., Poll]) -> None:
    poll = make()
    again = f"{poll.service.address}/api/v1.0/{TENANT}/activity/feed/subscriptions/content?x=1"
    poll.service.fail("/content?", Answer(200, [], {"NextPageUri": again}), times=10_000)

    poll.run()

    assert "never end" in poll.said[0]
    assert poll.service.count("/content?") == 2


def test_a_long_audit_object_comes_in_pieces(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.service.add("c1", range(1))
    poll.service.contents[0].records[0]["Extended"] = "x" * 5000

    poll.run()

    pieces = poll.log.read(None, 10)
    assert len(pieces) == 2
    assert all(each.piece for each in pieces)


def test_a_certificate_signs_in_without_a_secret(make: Callable[..., Poll], tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    issued = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert(
        "app.example", key_type=trustme.KeyType.RSA
    )
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    poll = make(secret_file=None, certificate_file=file)
    poll.service.add("c1", range(1))

    poll.run()

    assert poll.numbers() == [0]
    assert poll.said == []


@pytest.mark.parametrize("text", ["", "no certificate", None])
def test_a_certificate_that_cannot_be_used_is_said_and_read_again(
    make: Callable[..., Poll], tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "certificate.pem"
    if text is not None:
        file.write_text(text)
    poll = make(secret_file=None, certificate_file=file)
    poll.run()
    assert len(poll.said) == 1
    issued = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert(
        "app.example", key_type=trustme.KeyType.RSA
    )
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))

    poll.run()

    assert poll.said[-1].endswith("read again")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(429),
        Answer(200, b"<html>a proxy's page</html>"),
        Answer(200, b"", cut=True),
        Answer(302, b"", {"Location": "https://elsewhere.example/"}),
        Answer(400, {"error": "invalid_request", "error_description": "AADSTS90002: no tenant"}),
    ],
)
@pytest.mark.parametrize("part", ["openid-configuration", "oauth2/v2.0/token"])
def test_a_sign_in_service_that_fails_is_asked_again_later(
    make: Callable[..., Poll], part: str, answer: Answer
) -> None:
    poll = make()
    poll.service.add("c1", range(1))
    poll.service.fail(part, answer)

    wait = poll.run()

    assert wait == 120.0
    assert len(poll.said) == 1
    assert poll.run() == 60.0
    assert poll.numbers() == [0]
    assert not any("elsewhere" in request for request in poll.service.requests)


def test_a_sign_in_that_is_refused_is_not_repeated_for_each_content_type(
    make: Callable[..., Poll],
) -> None:
    poll = make(content_types=list(AuditContent))
    poll.run()
    poll.service.fail("/content?", refuse(401, ""), times=100)
    poll.service.fail("oauth2/v2.0/token", Answer(401, {"error": "invalid_client"}), times=100)
    before = poll.service.count("oauth2/v2.0/token")

    poll.run()

    assert poll.service.count("oauth2/v2.0/token") == before + 1


def test_content_that_is_listed_days_late_is_read_by_the_daily_list_of_all(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.add("c1", range(1, 2), age=HOUR)
    poll.service.add("c2", range(2, 3), age=HOUR, listed_after=20 * HOUR)
    poll.run()
    for _ in range(23):
        poll.run(HOUR)
    assert poll.numbers() == [1]

    poll.run(HOUR)

    assert poll.numbers() == [1, 2]
    assert poll.service.count("/audit/c1") == 1


def test_a_clock_that_was_ahead_hides_no_content(make: Callable[..., Poll]) -> None:
    poll = make()
    poll.now.at += 30 * DAY
    poll.run()
    poll.now.at -= 30 * DAY
    poll.run()
    poll.service.add("c1", range(1), age=-HOUR)
    poll.restart()

    poll.run(3 * DAY)

    assert poll.numbers() == [0]


def test_a_record_names_its_tenant_and_its_own_id_once_it_is_parsed(
    make: Callable[..., Poll],
) -> None:
    poll = make()
    poll.service.add("c1", range(1))
    poll.run()
    (record,) = poll.log.read(None, 10)

    parsed = parse(PARSER, record.raw.decode())

    assert isinstance(parsed, ParsedEvent)
    assert parsed.fields["cloud.account.id"] == TENANT
    assert parsed.id == "00000000-0000-0000-0000-000000000000"
