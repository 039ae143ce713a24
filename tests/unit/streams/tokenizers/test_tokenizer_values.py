from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.errors import UnparseableRecord
from streams.parsers.microsoft365_audit import audit_record
from streams.tokenizers import addresses, combined_log, key_value, people, stamps


def test_pairs_survive_both_quotes_gaps_empty_values_and_duplicates() -> None:
    pairs = key_value.parse_pairs("""a="one two"  b='x y' c= d="" e=1 msg="first" msg="second" """)

    assert pairs == [
        ("a", "one two"),
        ("b", "x y"),
        ("c", ""),
        ("d", ""),
        ("e", "1"),
        ("msg", "first"),
        ("msg", "second"),
    ]
    assert key_value.select_first_values(pairs)["msg"] == "first"


def test_quotes_inside_a_quoted_value_do_not_end_it() -> None:
    pairs = key_value.parse_pairs('msg="he said "hi" there" src=1.2.3.4')

    assert pairs == [("msg", 'he said "hi" there'), ("src", "1.2.3.4")]


def test_a_key_inside_a_word_is_no_key() -> None:
    assert key_value.parse_pairs("xsrc=1 y:src=2 src=3") == [("xsrc", "1"), ("src", "3")]


@pytest.mark.parametrize(
    ("text", "ip", "port"),
    [
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1:443", "192.0.2.1", 443),
        ("2001:DB8:0::7", "2001:db8::7", None),
        ("[2001:DB8::7]:443", "2001:db8::7", 443),
        ("[2001:DB8::7]", "2001:db8::7", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
        ("fe80::1%eth0", "fe80::1", None),
        ("", None, None),
        ("unknown", None, None),
        ("192.0.2.1:99999", "192.0.2.1", None),
        ("192.0.2.1:٣", "192.0.2.1", None),
        ("9" * 1000, None, None),
    ],
)
def test_endpoints_come_in_every_shape(text: str, ip: str | None, port: int | None) -> None:
    assert addresses.parse_endpoint(text) == (ip, port)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1:53:X3:DC01", ("192.0.2.1", 53, "X3", "DC01")),
        ("192.0.2.1:53:X3:", ("192.0.2.1", 53, "X3", "")),
        ("192.0.2.1::X500", ("192.0.2.1", None, "X500", "")),
        (":28503:WAN:HOST", (None, 28503, "WAN", "HOST")),
        ("2001:db8::7", ("2001:db8::7", None, "", "")),
        ("192.0.2.1", ("192.0.2.1", None, "", "")),
    ],
)
def test_sonicwall_endpoints_may_lack_any_part(text: str, expected: tuple[object, ...]) -> None:
    assert addresses.parse_named_endpoint(text) == expected


def test_names_are_case_folded_and_addresses_told_apart() -> None:
    address: dict[str, object] = {}
    name: dict[str, object] = {}
    nobody: dict[str, object] = {}
    people.put_user(address, "Jo@Contoso.Example")
    people.put_user(name, "CONTOSO\\Jo")
    people.put_user(nobody, "Not Available")

    assert address == {
        "user.name": "jo@contoso.example",
        "user.email": "jo@contoso.example",
        "user.domain": "contoso.example",
    }
    assert name == {"user.name": "contoso\\jo"}
    assert nobody == {}


def test_a_common_log_stamp_counts_its_offset() -> None:
    assert stamps.parse_common_log("22/Nov/2026:01:06:15 -0130") == datetime(
        2026, 11, 22, 2, 36, 15, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["31/Feb/2026:01:06:15 +0000", "22/Nov/0000:01:06:15 +0000"])
def test_an_absurd_common_log_stamp_is_refused(text: str) -> None:
    with pytest.raises(UnparseableRecord):
        stamps.parse_common_log(text)


def test_zulu_shows_microseconds_only_where_there_are_some() -> None:
    assert stamps.format_zulu(datetime(2026, 11, 22, 1, tzinfo=UTC)) == "2026-11-22T01:00:00.000Z"
    fine = datetime(2026, 11, 22, 1, 0, 0, 1, tzinfo=UTC)
    assert stamps.format_zulu(fine) == "2026-11-22T01:00:00.000001Z"


@pytest.mark.parametrize(
    ("logged", "text"),
    [
        ("a\\x22b", 'a"b'),
        ('a\\"b', 'a"b'),
        ("caf\\xC3\\xA9", "café"),
        ("\\xff", "\\xff"),
        ("a\\\\x22", "a\\x22"),
    ],
)
def test_escapes_of_web_servers_are_undone(logged: str, text: str) -> None:
    assert combined_log.decode_escapes(logged) == text


def test_parameters_may_be_written_as_a_command() -> None:
    named_values = audit_record.parse_named_values(
        '-Name "a b" -ForwardTo ("x@y.example","z") -Force True'
    )

    assert named_values == {"Name": "a b", "ForwardTo": "x@y.example,z", "Force": "True"}
