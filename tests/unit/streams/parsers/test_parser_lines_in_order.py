from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.settings import Settings, SourceSettings
from streams.normalise import parse_lines as module
from streams.normalise.parse_lines import AT_ONCE, LOOK_AHEAD, parse_lines
from streams.normalise.record_readers import InProcessReader

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
READER = InProcessReader(Settings(data_dir=Path(), sources=(SourceSettings(name="s", zone="UTC"),)))
APACHE = InProcessReader(
    Settings(
        data_dir=Path(), sources=(SourceSettings(name="s", zone="UTC", parser="apache_access"),)
    )
)
HEAD = b"Nov 22 01:06:15 web01 sshd[%d]: "
INVALID = HEAD + b"Invalid user x from 192.0.2.1 port 1"
FAILED = HEAD + b"Failed password for invalid user x from 192.0.2.1 port 1 ssh2"
CLOSED = HEAD + b"Connection closed by invalid user x 192.0.2.1 port 1 [preauth]"
JUNK = b"nobody knows this"


def parse(lines: Iterable[bytes], reader: InProcessReader = READER) -> list[dict[str, Any]]:
    return list(parse_lines(lines, reader=reader, source="s", arrived=ARRIVED))


def test_a_document_is_nested_ecs_with_id_dataset_and_times() -> None:
    (document,) = parse([FAILED % 7])

    assert document["@timestamp"] == "2026-11-22T01:06:15.000Z"
    assert document["ecs"]["version"] == "9.4.0"
    assert document["event"]["dataset"] == "linux.sshd"
    assert document["event"]["ingested"] == "2026-11-22T12:00:00.000Z"
    assert len(document["event"]["id"]) == 32
    assert document["source"] == {"ip": "192.0.2.1", "port": 1}


def test_a_line_that_retells_names_the_act_before_or_after_it() -> None:
    before, act, after = parse([INVALID % 7, FAILED % 7, CLOSED % 7])

    assert before["folded"]["into"] == act["event"]["id"]
    assert after["folded"]["into"] == act["event"]["id"]
    assert after["event"]["original"] == (CLOSED % 7).decode()


def test_the_last_act_before_is_nearer_than_the_next() -> None:
    first, retold, second = parse([FAILED % 7, CLOSED % 7, (FAILED % 7).replace(b":15", b":16")])

    assert retold["folded"]["into"] == first["event"]["id"] != second["event"]["id"]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_happened_on_another_day_is_another_act(is_first: bool) -> None:
    """A process's number comes again, and so do the addresses of examples."""
    act, other = FAILED % 7, (INVALID % 7).replace(b"Nov 22", b"Nov 12")

    documents = parse([other, act] if is_first else [act, other])

    assert all("event" in each and "folded" not in each for each in documents)
    assert len({each["event"]["id"] for each in documents}) == 2


def test_a_session_ends_hours_after_its_sign_in() -> None:
    accepted = b"2026-11-22 01:06:15 192.0.2.1:37849 TLS: Username/Password authentication succeeded for username 'jo'"
    ended = b"2026-11-22 09:06:15 jo/192.0.2.1:37849 SIGTERM[soft,remote-exit] received, client-instance exiting"

    act, end = parse([accepted, ended])

    assert end["folded"]["into"] == act["event"]["id"]


def test_what_waits_keeps_its_place() -> None:
    lines = [INVALID % 7, JUNK, FAILED % 8, INVALID % 9, FAILED % 7, JUNK]
    documents = parse(lines)

    assert [
        "folded" if "folded" in d else "error" if "error" in d else "act" for d in documents
    ] == ["folded", "error", "act", "act", "act", "error"]
    assert documents[0]["folded"]["into"] == documents[4]["event"]["id"]


@pytest.mark.parametrize(("between", "expected"), [(LOOK_AHEAD - 2, True), (LOOK_AHEAD + 1, False)])
def test_looking_ahead_is_bounded(between: int, expected: bool) -> None:
    documents = parse([INVALID % 7, *[JUNK] * between, FAILED % 7])

    assert ("folded" in documents[0]) is expected


def test_of_a_session_that_no_fuller_line_describes_the_first_retelling_is_the_event() -> None:
    first, *others = parse([INVALID % 7, CLOSED % 7, INVALID % 8, INVALID % 7])

    assert first["source"]["ip"] == "192.0.2.1"
    assert [("folded" in other) for other in others] == [True, False, True]
    assert others[0]["folded"]["into"] == others[2]["folded"]["into"] == first["event"]["id"]


def test_a_refusal_does_not_fold_into_the_sign_in_that_follows_it() -> None:
    refused = (
        b"Nov 22 01:06:15 web01 su[7]: pam_unix(su:auth): authentication failure; logname= uid=1000"
        b" euid=0 tty=pts/0 ruser=jo rhost=  user=root"
    )
    accepted = b"Nov 22 01:06:19 web01 su[7]: (to root) jo on pts/0"
    failure, success = parse([refused, accepted])

    assert (failure["event"]["outcome"], success["event"]["outcome"]) == ("failure", "success")


def test_lines_come_out_while_others_come_in() -> None:
    values: list[int] = []

    def lines() -> Iterable[bytes]:
        for number in range(3 * AT_ONCE):
            values.append(number)
            yield JUNK

    stream = parse_lines(lines(), reader=READER, source="s", arrived=ARRIVED)
    next(stream)

    assert len(values) == AT_ONCE


def test_a_line_that_cannot_be_read_says_why_and_shows_itself() -> None:
    unknown, broken = parse([b"caf\xe9", b'{"Operation":"x","CreationTime":"2026'])

    assert unknown["error"]["type"] == "NotUnderstood"
    assert unknown["event"] == {"original": "caf\\xe9"}
    assert broken["error"]["type"] == "UnparseableRecord"
    assert broken["error"]["message"].startswith("microsoft365_audit: ")


def test_the_number_of_documents_is_the_number_of_lines() -> None:
    lines = [INVALID % 1, b"", FAILED % 2, b"\xff\xfe", JUNK, b"  \n", CLOSED % 2] * 50

    assert len(parse(lines)) == 50 * 5


def test_one_source_and_one_line_always_have_one_id() -> None:
    one, two = parse([FAILED % 7, FAILED % 7])

    assert one == two


def test_a_format_can_be_named() -> None:
    web = b'192.0.2.1 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1 "-" "x"'

    assert parse([web])[0]["event"]["dataset"] == "nginx.access"
    assert parse([web], APACHE)[0]["event"]["dataset"] == "apache.access"


def test_an_act_without_a_time_gets_its_arrival_and_says_so() -> None:
    (document,) = parse([b"sshd[7]: Failed password for root from 192.0.2.1"])

    assert document["@timestamp"] == "2026-11-22T12:00:00.000Z"
    assert document["tags"] == ["time_from_arrival"]


def test_json_and_csv_of_one_act_have_one_id() -> None:
    record = orjson.dumps(
        {"CreationTime": "2026-11-22T01:06:15", "Operation": "UserLoggedIn", "Id": "a1"}
    )
    row = b'1,2026-11-22T01:06:15Z,"%s",' % record.replace(b'"', b'""')
    one, two = parse([record, row])

    assert one["event"]["id"] == two["event"]["id"] == "a1"


def test_remembered_sessions_are_bounded() -> None:
    queue = module._DocumentQueue()
    for number in range(module.MOST_SESSIONS + 10):
        queue.record_event((f"h/{number}", "failure"), "id")

    assert len(queue._events) == module.MOST_SESSIONS
