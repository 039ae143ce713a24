"""Every parser keeps the contract of schemas/pipeline/plugin.py, whatever lines it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsing import claims, parse

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import build_nested
from schemas.pipeline.plugin import (
    IgnoredLine,
    ParsedEvent,
    Parser,
    ParserExample,
    load_plugins,
)

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
EXAMPLES = [(p, e) for p in PARSERS.values() for e in p.examples]
NAMES = [f"{p.id}-{p.examples.index(e)}" for p, e in EXAMPLES]
CATEGORIES = frozenset(
    {
        "api",
        "authentication",
        "configuration",
        "database",
        "driver",
        "email",
        "file",
        "host",
        "iam",
        "intrusion_detection",
        "library",
        "malware",
        "network",
        "package",
        "process",
        "registry",
        "session",
        "threat",
        "vulnerability",
        "web",
    }
)
TYPES = frozenset(
    {
        "access",
        "admin",
        "allowed",
        "change",
        "connection",
        "creation",
        "deletion",
        "denied",
        "device",
        "end",
        "error",
        "group",
        "indicator",
        "info",
        "installation",
        "protocol",
        "start",
        "user",
    }
)
ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def parse_example(parser: Parser, example: ParserExample) -> ParsedEvent | IgnoredLine:
    arrived = datetime.fromisoformat(example.arrived)
    zone = ZoneInfo(example.zone)
    return parse(parser, example.line, arrived, zone, field_map=example.field_map)


@pytest.mark.parametrize(("parser", "example"), EXAMPLES, ids=NAMES)
def test_an_example_gives_what_it_says(parser: Parser, example: ParserExample) -> None:
    result = parse_example(parser, example)

    if example.expected is None:
        assert isinstance(result, IgnoredLine)
        assert result.reason
        return
    assert isinstance(result, ParsedEvent)
    fields = {**result.fields, "@timestamp": result.time.isoformat() if result.time else None}
    assert {name: fields.get(name) for name in example.expected} == dict(example.expected)


@pytest.mark.parametrize(("parser", "example"), EXAMPLES, ids=NAMES)
def test_an_example_is_claimed_by_its_parser_alone(parser: Parser, example: ParserExample) -> None:
    claimed = [
        other.id
        for other in PARSERS.values()
        if other is parser or not other.is_fallback
        if claims(other, example.line, example.field_map)
    ]

    assert claimed == [parser.id]


@pytest.mark.parametrize(("parser", "example"), EXAMPLES, ids=NAMES)
def test_a_hint_is_in_every_example(parser: Parser, example: ParserExample) -> None:
    raw = example.line.encode()

    assert any(hint in raw for hint in parser.hints)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_a_parser_names_its_sources_and_shows_an_act(parser: Parser) -> None:
    assert parser.title
    assert all(reference.startswith("https://") for reference in parser.references)
    assert parser.references
    assert any(example.expected for example in parser.examples)


def check_act(parsed_event: ParsedEvent) -> None:
    fields = parsed_event.fields
    assert parsed_event.time is None or parsed_event.time.utcoffset() == timedelta(0)
    assert isinstance(fields["event.category"], list)
    assert isinstance(fields["event.type"], list)
    assert fields["event.outcome"] in {"success", "failure", "unknown"}
    assert isinstance(fields["event.action"], str)
    assert fields["event.action"]
    assert "@timestamp" not in fields
    assert "event.id" not in fields
    assert fields.get("user.name", "") == fields.get("user.name", "").casefold()
    orjson.dumps(build_nested(fields))


@pytest.mark.parametrize(("parser", "example"), EXAMPLES, ids=NAMES)
def test_an_act_speaks_ecs(parser: Parser, example: ParserExample) -> None:
    result = parse_example(parser, example)

    if isinstance(result, ParsedEvent):
        check_act(result)
        assert set(result.fields["event.category"]) <= CATEGORIES
        assert set(result.fields["event.type"]) <= TYPES
        assert result.fields["event.category"]


def survives(parser: Parser, text: str) -> None:
    try:
        result: object = parse(parser, text, ARRIVED)
    except UnparseableRecord as error:
        result = error
    if isinstance(result, UnparseableRecord):
        assert result.remedy
    if isinstance(result, ParsedEvent):
        check_act(result)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_in_order(parser: Parser, text: str) -> None:
    survives(parser, text)


ODD_NUMBERS_AND_TIMES = (
    "9" * 20,
    "9" * 5000,
    "18446744073709551616",
    "1e999",
    "00000000000000000000001",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "31/Dec/9999:23:59:59 -1400",
    "01/Jan/0001:00:00:00 +1400",
    "Nov 22 9999 23:06:15",
    "Feb 29 00:00:00",
    "\x00",
    " " * 40,
)


@st.composite
def mutated(draw: st.DrawFn, lines: list[str]) -> str:
    """A line with pieces of it cut out, doubled, replaced, or taken from another one."""
    line = draw(st.sampled_from(lines))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(line)))
        end = min(len(line), begin + draw(st.integers(0, 12)))
        other = draw(st.sampled_from(lines))
        at = draw(st.integers(0, len(other)))
        middle = draw(
            st.one_of(
                st.just(""),
                st.just(line[begin:end] * 2),
                st.just(other[at : at + 20]),
                st.text(max_size=4),
                st.sampled_from(['"', "'", "\\", "[", "]", "{", "}", "null", "-1", "99", "٣", ":"]),
                st.sampled_from(ODD_NUMBERS_AND_TIMES),
            )
        )
        line = line[:begin] + middle + line[end:]
    return line


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_mutation_of_its_lines_is_read_or_refused_in_order(
    parser: Parser, data: st.DataObject
) -> None:
    survives(parser, data.draw(mutated([e.line for e in parser.examples])))


@settings(max_examples=400, deadline=None)
@given(text=mutated([example.line for _, example in EXAMPLES]))
def test_no_two_parsers_claim_the_same_line(text: str) -> None:
    own = [parser for parser in PARSERS.values() if not parser.is_fallback]

    assert len([parser.id for parser in own if claims(parser, text)]) <= 1


SURE = {name: parser for name, parser in PARSERS.items() if parser.is_sure}


def refuses_what_it_does_not_claim(parser: Parser, text: str) -> None:
    if not claims(parser, text):
        with pytest.raises(UnparseableRecord):
            parse(parser, text, ARRIVED)


@pytest.mark.parametrize("parser", SURE.values(), ids=SURE)
@settings(max_examples=400, deadline=None)
@given(text=mutated([example.line for _, example in EXAMPLES]) | st.text(max_size=200))
def test_a_sure_parser_refuses_every_line_that_it_does_not_claim(parser: Parser, text: str) -> None:
    refuses_what_it_does_not_claim(parser, text)


@pytest.mark.parametrize("parser", SURE.values(), ids=SURE)
def test_a_sure_parser_refuses_the_beginning_and_the_rest_of_any_example(parser: Parser) -> None:
    for _, example in EXAMPLES:
        for at in range(0, len(example.line), 3):
            refuses_what_it_does_not_claim(parser, example.line[:at])
            refuses_what_it_does_not_claim(parser, example.line[at:])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "Value", "Rules", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
AUDIT_KEYS = [
    "Id",
    "UserId",
    "ClientIP",
    "ClientIPAddress",
    "ErrorNumber",
    "ExtendedProperties",
    "LogonError",
    "Parameters",
    "OperationProperties",
    "ObjectId",
    "FileSizeBytes",
    "PolicyDetails",
    "ExchangeMetaData",
    "SharePointMetaData",
    "ExceptionInfo",
    "IncidentId",
    "Folders",
    "Item",
    "OrganizationId",
    "ResultStatus",
    "Workload",
    "UserAgent",
]
OPERATIONS = [
    "UserLoginFailed",
    "New-InboxRule",
    "UpdateInboxRules",
    "DlpRuleMatch",
    "FileDownloaded",
    "MailItemsAccessed",
    "Add-MailboxPermission",
    "Set-Mailbox",
    "Consent",
    "Dlp",
]


@settings(max_examples=300, deadline=None)
@given(
    operation=st.sampled_from(OPERATIONS),
    more=st.dictionaries(st.sampled_from(AUDIT_KEYS), JSON, max_size=6),
)
def test_an_audit_record_may_hold_any_type_anywhere(
    operation: str, more: dict[str, object]
) -> None:
    record = {"CreationTime": "2026-11-22T01:06:15", "Operation": operation, **more}

    survives(PARSERS["microsoft365_audit"], orjson.dumps(record).decode())


ODD_NAMES = (
    *("event", "user", "source", "event.id", "user.name", "a.b", "a", "tags", "a." * 90),
    *("event.outcome", "event.kind", "event.dataset", "observer.type", "source.ip"),
)


@settings(max_examples=200, deadline=None)
@given(
    more=st.dictionaries(
        st.sampled_from(ODD_NAMES),
        JSON,
        max_size=5,
    )
)
def test_an_ecs_object_may_hold_any_type_anywhere(more: dict[str, object]) -> None:
    record = {"@timestamp": "2026-11-22T01:06:15Z", "ecs.version": "9.4.0", **more}

    survives(PARSERS["ecs_json"], orjson.dumps(record).decode())


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_a_line_of_a_megabyte_is_read_in_two_seconds_of_work(parser: Parser) -> None:
    for example in parser.examples:
        text = example.line
        for long in (text + " x" * 500_000, text + '"' * 500_000, text[:40] + 'a="b"c ' * 150_000):
            begun = process_time()
            survives(parser, long)
            assert process_time() - begun < 2
