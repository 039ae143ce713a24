"""Bytes → records."""

from __future__ import annotations

import codecs
import gc
import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.record_splitter import RecordSplitter, split_records
from streams.intake.syslog.octet_counting import SyslogFraming

HEADER = b"RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits"
ROW = (
    b"0b1f9c2e-57f2-4d0c-8a44-08dc2a1f0001,2026-11-22T09:15:02.0000000Z,15,UserLoggedIn,a@b.example,"
    b'"{""Id"":""x"",\r\n""Operation"":""UserLoggedIn""}",'
)
BROKEN = ROW.replace(b'"}",', b'"}')


def split(data: bytes) -> list[bytes]:
    return list(split_records(data))


def in_chunks(data: bytes, cuts: list[int], limit: int = 0) -> list[FramedRecord]:
    splitter = RecordSplitter(limit)
    framed_records: list[FramedRecord] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in pairwise(edges):
        framed_records += splitter.feed(data[begin:end])
    return framed_records + splitter.finish()


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b"one\ntwo\r\nthree", [b"one", b"two", b"three"]),
        (b"\n\n  \t\r\none\n\n", [b"one"]),
        (b"  indented\n", [b"  indented"]),
        (b"caf\xe9\n\x00\xff\n", [b"caf\xe9", b"\x00\xff"]),
        (b"", []),
        (b"\xef\xbb\xbfone\ntwo", [b"one", b"two"]),
        ("één\ntwee\r\n".encode("utf-16"), ["één".encode(), b"twee"]),
        (codecs.BOM_UTF16_BE + "één\n".encode("utf-16-be"), ["één".encode()]),
    ],
)
def test_lines_are_records(data: bytes, records: list[bytes]) -> None:
    assert split(data) == records


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b'[{"a": 1}, {"b": [2, {"c": "],}"}]}]', [b'{"a": 1}', b'{"b": [2, {"c": "],}"}]}']),
        (b'\n [ \n {"a":\r\n "\\"],"} \n,\n{"b":2}\n]\n', [b'{"a":\r\n "\\"],"}', b'{"b":2}']),
        (b"[]", []),
        (b" [ ]\n", []),
        (b'[{}]\n[{"a":1}]\nplain', [b"{}", b'{"a":1}', b"plain"]),
        (b'[{"a":1},{"b":"cut of', [b'{"a":1}', b'{"b":"cut of']),
        (b'{"value":[{"a":1},{"b":2}]}', [b'{"a":1}', b'{"b":2}']),
        (b'{\n "Records": [\n  {"a": "}"}\n ]\n}\n', [b'{"a": "}"}']),
        (b'{\n "a": 1\n}\n{\n "b": 2\n}\n', [b'{\n "a": 1\n}', b'{\n "b": 2\n}']),
        (b'{"a": 1}\n{"b": \n{"c": 3}\n', [b'{"a": 1}', b'{"b": ', b'{"c": 3}']),
        (b'{\n"never": "closed\nnext line\n', [b"{", b'"never": "closed', b"next line"]),
    ],
)
def test_json_documents_become_the_records_a_source_meant(
    data: bytes, records: list[bytes]
) -> None:
    assert split(data) == records


@pytest.mark.parametrize(
    "line",
    [
        b"[Sat Nov 21 09:00:00.1 2026] [error] [pid 7] AH00124: message",
        b"[  123.456789] eth0: link up",
        b"[FILTER][Block] {x}",
        b"[{curly} talk] nothing of JSON, really",
        b"{curly} talk",
    ],
)
def test_a_line_that_only_begins_like_json_stays_a_line(line: bytes) -> None:
    assert split(line + b"\n" + line + b"\n") == [line, line]


def test_the_audit_export_gives_one_record_a_row_and_keeps_its_header() -> None:
    data = b"\xef\xbb\xbf" + b"\r\n".join([HEADER, ROW, b"", ROW]) + b"\r\n"

    assert split(data) == [HEADER, ROW, ROW]


def test_the_older_audit_export_is_known_too_and_in_utf_16() -> None:
    old = 'CreationDate,UserIds,Operations,AuditData\n2026-11-22T09:15:02Z,a,b,"{\n}"\n'

    assert split(old.encode("utf-16")) == [
        b"CreationDate,UserIds,Operations,AuditData",
        b'2026-11-22T09:15:02Z,a,b,"{\n}"',
    ]


def test_a_broken_row_costs_itself_only() -> None:
    assert split(b"\n".join([HEADER, BROKEN, ROW, ROW])) == [HEADER, BROKEN, ROW, ROW]


PARTS = st.sampled_from(
    [
        *(b"a", b" ", b"\n", b"\r\n", b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"\xe9", b"\x00"),
        *(b'[{"a":1},{"b":"x,]\\""}]', b'{\n "v": [1]\n}\n', b"a long line of text\n"),
        *(HEADER + b"\n", ROW + b"\r\n", BROKEN, b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"),
    ]
)
DOCUMENTS = st.lists(PARTS, max_size=14).map(b"".join)


@given(DOCUMENTS, st.lists(st.integers(0, 2000), max_size=12), st.sampled_from([0, 80, 300]))
@example(b'[{"a":"\\""}]x', list(range(14)), 0)
@example(b" " * 4095 + b'[{"a":1}]', [4095, 4096, 4097], 0)
@example(b"x" * 5000 + b"\n" + HEADER, [4096, 5000], 300)
def test_any_chunking_gives_the_same_records(data: bytes, cuts: list[int], limit: int) -> None:
    assert in_chunks(data, cuts, limit) == in_chunks(data, [], limit)


@example(b'[{"v":1}}]', 0)
@example(b"[[1}", 0)
@given(DOCUMENTS, st.sampled_from([0, 80]))
def test_no_byte_of_content_is_lost(data: bytes, limit: int) -> None:
    framing = b'\r\n \t,[]"' + codecs.BOM_UTF8
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return

    text = b"".join(framed.raw for framed in in_chunks(data, [], limit))

    assert text.translate(None, framing) == data.translate(None, framing)


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3)))
def test_elements_of_an_array_are_the_bytes_received(documents: list[dict[str, object]]) -> None:
    sent = [json.dumps(each, ensure_ascii=False).encode() for each in documents]

    assert split(b"[" + b" ,\n".join(sent) + b"]") == sent


def test_a_one_mebibyte_line_stays_whole() -> None:
    line = b"x" * 1024 * 1024

    assert in_chunks(line + b"\nnext\n", [70000 * n for n in range(15)], 4 * 1024 * 1024) == [
        FramedRecord(line),
        FramedRecord(b"next"),
    ]


def test_a_line_at_the_limit_stays_whole_and_a_longer_one_comes_in_pieces_that_say_so() -> None:
    data = b"first\n" + b"a" * 10 + b"\n" + b"b" * 25 + b"\nlast\n"

    actual = in_chunks(data, [3, 9, 20, 31], limit=10)

    where = "of a record that begins at byte 17 of the input"
    assert actual == [
        FramedRecord(b"first"),
        FramedRecord(b"a" * 10),
        FramedRecord(b"b" * 10, f"piece 1, bytes 0 to 9, {where}"),
        FramedRecord(b"b" * 10, f"piece 2, bytes 10 to 19, {where}"),
        FramedRecord(b"b" * 5, f"last piece 3, bytes 20 to 24 of 25, {where}"),
        FramedRecord(b"last"),
    ]


def test_an_over_long_element_of_an_array_comes_in_pieces_and_the_others_stay_whole() -> None:
    actual = in_chunks(b'[{"a":1},{"b":"' + b"x" * 30 + b'"},{"c":3}]', [], limit=20)

    assert [framed.raw for framed in actual if not framed.piece] == [b'{"a":1}', b'{"c":3}']
    assert b"".join(f.raw for f in actual if f.piece) == b'{"b":"' + b"x" * 30 + b'"}'
    assert "bytes 20 to 37 of 38, of a record that begins at byte 9" in actual[2].piece


def frame(data: bytes, cuts: list[int], limit: int = 0) -> list[FramedRecord]:
    framing = SyslogFraming(limit)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    parts = [data[a:b] for a, b in pairwise(edges)]
    return [each for part in parts for each in framing.feed(part)] + framing.finish()


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def test_a_message_without_priority_behind_a_counted_frame_ends_where_its_count_says() -> None:
    framing = SyslogFraming(0)
    data = b"7 <1>a\nbc3 \x00\x01\x024 junk6 <2>def6 <3>ghi7 <4>last"

    frames = [frame.raw for frame in framing.feed(data)]

    assert frames == [b"<1>a\nbc", b"\x00\x01\x02", b"junk", b"<2>def", b"<3>ghi", b"<4>last"]


def test_a_line_that_begins_with_a_number_stays_a_line_behind_a_line_end() -> None:
    framing = SyslogFraming(0)

    frames = [frame.raw for frame in framing.feed(b"6 <1>abc\n3 of them failed\n4 more\n")]

    assert frames == [b"<1>abc", b"3 of them failed", b"4 more"]


def test_octet_counted_and_line_ended_frames_may_be_mixed() -> None:
    data = (
        counted(b"<34>1 with\na line break")
        + b"<13>plain\n"
        + counted(b"<34>1 counts its own LF\n")
        + b"\n2026-11-22 a line that begins with digits\r\n"
        + b"17 is a number but no count\n"
        + counted(b"<34>unfinished")[:-4]
    )

    assert [framed.raw for framed in frame(data, [])] == [
        b"<34>1 with\na line break",
        b"<13>plain",
        b"<34>1 counts its own LF",
        b"2026-11-22 a line that begins with digits",
        b"17 is a number but no count",
        b"<34>unfin" + b"i",
    ]


MESSAGES = st.lists(
    st.tuples(st.booleans(), st.binary(max_size=30).map(lambda b: b"<13>" + b)), max_size=8
)


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=10), st.sampled_from([0, 16]))
def test_any_chunking_of_a_connection_gives_the_same_frames(
    messages: list[tuple[bool, bytes]], cuts: list[int], limit: int
) -> None:
    data = b"".join(
        counted(text) if octets else text.replace(b"\n", b"") + b"\n" for octets, text in messages
    )

    assert frame(data, cuts, limit) == frame(data, [], limit)
    if not limit:
        assert [framed.raw for framed in frame(data, cuts)] == [
            (text if octets else text.replace(b"\n", b"")).rstrip(b"\r\n\0")
            for octets, text in messages
        ]


def tokens_one_byte_at_a_time(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Depth and byte of brackets and commas; everything else as it is, at depth -1."""
    depth, in_string, escaped = 0, False, False
    for byte in (data[i : i + 1] for i in range(len(data))):
        if in_string:
            in_string = escaped or byte != b'"'
            escaped = not escaped and byte == b"\\"
        elif byte in b"[]{}":
            depth += 1 if byte in b"[{" else -1
        else:
            in_string = byte == b'"'
        yield depth if not in_string else -1, byte


def elements_one_byte_at_a_time(data: bytes) -> list[bytes]:
    """The elements of one array, as plainly as it can be said."""
    results, record = [], b""
    for depth, byte in list(tokens_one_byte_at_a_time(data))[1:]:
        if depth == 0 or (depth == 1 and byte == b","):
            record += byte if byte == b"}" else b""
            results.append(record.strip(b" \t\r\n"))
            record = b""
            if depth == 0:
                break
        else:
            record += byte
    return [each for each in results if each]


JSON_BITS = st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b",", b" ", b"a", b'"x"', b"{}", b"[1]"]),
    max_size=40,
).map(b"".join)


@given(JSON_BITS, st.lists(st.integers(0, 60), max_size=6))
@example(b'{"}{"', [])
@example(b'"\\\\\\"",{[}]', [3, 4, 5])
def test_elements_end_where_reading_byte_by_byte_says(inside: bytes, cuts: list[int]) -> None:
    data = b'[{"a":1},' + inside + b'"' * (inside.count(b'"') % 2) + b"}]" * 50

    raws = [framed.raw for framed in in_chunks(data, cuts)]

    expected = elements_one_byte_at_a_time(data)
    assert raws[: len(expected)] == expected


COSTLY = (
    (b"", b"\n"),
    (b"", b" \n"),
    (b"", b" "),
    (b"", b"a\n"),
    (b'[{"a":', b"["),
    (b'[{"a":', b"[],"),
    (b'[{"a":', b"[[[]]],"),
    (b'[{"a":[', b'"x",'),
    (b'[{"a":"', b'\\"'),
    (b'[{"a":1', b'"'),
    (b'[{"a":1', b","),
    (b"[", b"{},"),
    (b"[", b'{"a":"'),
    (b"", b"[{}]"),
    (b"", b"{\n}"),
    (HEADER + b"\n", b"\n"),
    (HEADER + b"\n", b'"\n'),
    (HEADER + b"\n", b","),
    (HEADER + b'\n"', b"\n"),
    (codecs.BOM_UTF16_LE, b"\x00\xdc"),
    (codecs.BOM_UTF8, codecs.BOM_UTF8),
)


def seconds_of(work: Callable[[], object]) -> float:
    """CPU time; the collector would look at the objects of all other tests meanwhile."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(3):
            began = time.thread_time()
            work()
            best = min(best, time.thread_time() - began)
    finally:
        gc.enable()
    return best


@pytest.mark.parametrize(("head", "again"), COSTLY)
def test_the_cost_of_a_body_grows_with_its_length_only(head: bytes, again: bytes) -> None:
    def read(size: int) -> float:
        data = head + again * (size // len(again))
        return seconds_of(lambda: in_chunks(data, [], 4 * 1024 * 1024))

    small, large = read(32 * 1024), read(8 * 32 * 1024)

    assert large < 32 * small + 0.05


@pytest.mark.parametrize("again", [b"a\n", b"\n", b"1 <", b"1", b"9 <a", b"x", b"\0<13>\n"])
def test_the_cost_of_syslog_frames_grows_with_their_length_only(again: bytes) -> None:
    def read(size: int) -> float:
        data = again * (size // len(again))
        return seconds_of(lambda: frame(data, [], 4 * 1024 * 1024))

    small, large = read(32 * 1024), read(8 * 32 * 1024)

    assert large < 32 * small + 0.05


def test_a_frame_cut_before_its_limit_comes_in_pieces_that_join_again() -> None:
    framing = SyslogFraming(100)

    first = framing.feed(b"<13>" + b"a" * 30) + framing.cut() + framing.cut()
    rest = framing.feed(b"b" * 120 + b"\n<13>next\n")

    assert framing.buffered_bytes == 0
    assert b"".join(f.raw for f in first + rest[:-1]) == b"<13>" + b"a" * 30 + b"b" * 120
    assert [f.piece.partition(", of")[0] for f in first + rest[:-1]] == [
        "piece 1, bytes 0 to 33",
        "piece 2, bytes 34 to 133",
        "last piece 3, bytes 134 to 153 of 154",
    ]
    assert rest[-1] == FramedRecord(b"<13>next")


@given(
    data=st.lists(
        st.sampled_from(
            [
                *(b"one\n", b"\n", b"  ", b"long line " * 5, b'[{"a": 1}', b', {"b": [2]}', b"]\n"),
                *(
                    b"{\n",
                    b'"c": {}}\n',
                    b"CreationDate,AuditData\n",
                    b'2026-11-30T10:00:00,"{""a""',
                ),
                *(b"\n}", b'"\n', b"\xef\xbb\xbf", b"caf\xe9\n"),
            ]
        ),
        max_size=12,
    ).map(b"".join)
    | st.text("ab\n", max_size=20).map(lambda text: text.encode("utf-16")),
    cut=st.integers(0, 200),
    limit=st.sampled_from([0, 12]),
)
def test_another_splitter_goes_on_from_the_restart_point(data: bytes, cut: int, limit: int) -> None:
    first, whole = RecordSplitter(limit), RecordSplitter(limit)
    records = first.feed(data[:cut])
    point = first.restart_point
    begin = 0 if point.back is None else len(data[:cut]) - point.back
    second = RecordSplitter(limit, begin, lines=point.is_lines)

    rest = second.feed(data[begin:]) + second.finish()

    expected = whole.feed(data) + whole.finish()
    assert [each.raw for each in records + rest[point.skip :]] == [each.raw for each in expected]
