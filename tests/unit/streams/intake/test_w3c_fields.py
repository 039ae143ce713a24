"""A header of an IIS log applies to the lines behind it in its file, also after a restart."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.intake.files.file_position import FilePosition
from streams.intake.files.followed_file import FollowedFile
from streams.intake.splitting.record_splitter import RecordSplitter, split_records
from streams.intake.splitting.w3c_fields import find_header

SOFTWARE = b"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n"
DEFAULT = (
    b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
    b" cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
)
SHORT = b"#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes"
OTHER = b"#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-bytes"


def line(number: int) -> bytes:
    return b"2026-11-22 01:06:15 203.0.113.66 GET /%d 200 7" % number


def test_a_header_stands_before_each_line_that_needs_it_until_the_next_header() -> None:
    data = SOFTWARE + b"\n".join([SHORT, line(1), line(2), OTHER, line(3), DEFAULT, line(4)])

    assert list(split_records(data))[2:] == [
        SHORT,
        SHORT + b"\n" + line(1),
        SHORT + b"\n" + line(2),
        OTHER,
        OTHER + b"\n" + line(3),
        DEFAULT,
        line(4),
    ]


@pytest.mark.parametrize(
    "head", [b"plain\n", b"#Version: 1.0\n#Fields: date time x-edge-location c-ip\n", b"# x\n"]
)
def test_other_files_stay_as_they_are(head: bytes) -> None:
    data = head + SHORT + b"\n" + line(1)

    assert b"\n".join(split_records(data)) == data


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_a_header_is_found_again_wherever_reading_begins_again(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = random.Random(seed)
    parts = [SOFTWARE]
    parts += [
        chance.choice([SHORT, OTHER, DEFAULT, b"#Date: x", line(number)]) + b"\r\n"
        for number in range(chance.randint(1, 12))
    ]
    data = b"".join(parts)
    expected = [record.raw for record in RecordSplitter(0).feed(data)]
    path = tmp_path_factory.mktemp("w3c") / "u_ex261122.log"
    path.touch()
    position = begin_position(path)
    records: list[bytes] = []
    file = FollowedFile(position, 0)
    at = 0
    while at < len(data):
        at += chance.randint(1, 60)
        path.write_bytes(data[:at])
        more = True
        while more:
            several, more = file.read()
            records += [record.raw for record in several]
        if chance.random() < 0.4:
            position = file.compute_position()
            file.close()
            file = FollowedFile(position, 0)
    file.close()

    assert records == expected


def begin_position(path: Path) -> FilePosition:
    status = path.stat()
    return FilePosition(1, str(path), status.st_dev, status.st_ino)


def test_a_line_taken_as_whole_in_a_quiet_file_does_not_end_its_header(tmp_path: Path) -> None:
    path = tmp_path / "u_ex261122.log"
    path.write_bytes(SOFTWARE + SHORT + b"\n" + line(1))
    file = FollowedFile(begin_position(path), 0)
    file.read()
    quiet = [record.raw for record in file.finish()]
    with path.open("ab") as growing:
        growing.write(b"\n" + line(2) + b"\n")
    records, _ = file.read()
    file.close()

    assert quiet + [record.raw for record in records] == [
        SHORT + b"\n" + line(1),
        SHORT + b"\n" + line(2),
    ]


@pytest.mark.parametrize("size", [400, 2**20 - 20, 2**20 - 3, 2**20, 2**20 + 5_000])
def test_a_header_far_in_a_file_is_found(size: int) -> None:
    begin = SOFTWARE + SHORT + b"\n"
    data = begin + b"x" * (size - len(begin) - 1) + b"\n" + OTHER + b"\r\n" + line(1) + b"\n"

    def read(at: int, count: int) -> bytes:
        return data[at : at + count]

    assert find_header(read, len(data)) == OTHER
    assert find_header(read, len(data) - len(line(1)) - 4) == SHORT
