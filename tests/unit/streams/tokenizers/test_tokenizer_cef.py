"""Headers and extensions of CEF and LEEF, whole and broken."""

from __future__ import annotations

import pytest

from streams.tokenizers import cef, leef

WHOLE = "CEF:0|Vendor|Box 7|1.2|100|Login failed|7|src=203.0.113.66 suser=jo"


def test_a_whole_header_is_read() -> None:
    record = cef.read(WHOLE)

    assert record is not None
    assert record.header[:6] == ("Vendor", "Box 7", "1.2", "100", "Login failed", "7")
    assert record.fields == {"src": "203.0.113.66", "suser": "jo"}


BROKEN = {
    "a blank before the version": ("CEF: 0|V|P|1|100|Name|5|src=192.0.2.1", ("100", "Name", "5")),
    "a blank before the colon": ("CEF :0|V|P|1|100|Name|5|src=192.0.2.1", ("100", "Name", "5")),
    "a later version": ("CEF:1.0|V|P|1|100|Name|5|src=192.0.2.1", ("100", "Name", "5")),
    "quotes around the line": ('"CEF:0|V|P|1|100|Name|5|src=192.0.2.1"', ("100", "Name", "5")),
    "no prefix": ("0|V|P|1|100|Name|5|src=192.0.2.1", ("100", "Name", "5")),
    "no name": ("CEF:0|V|P|1|admins|1|src=192.0.2.1 msg=a|b", ("admins", "", "1")),
    "no severity": ("CEF:0|V|P|1|100|Name|src=192.0.2.1 msg=a|b", ("100", "Name", "")),
    "an empty name": ("CEF:0|V|P|1|100||5|src=192.0.2.1", ("100", "", "5")),
    "an empty severity": ("CEF:0|V|P|1|100|Name||src=192.0.2.1", ("100", "Name", "")),
    "a severity in words": (
        "CEF:0|V|P|1|100|Name|Very-High|src=192.0.2.1",
        ("100", "Name", "Very-High"),
    ),
    "a bar in the name": ("CEF:0|V|P|1|100|One|Two|5|src=192.0.2.1", ("100", "One|Two", "5")),
    "an escaped bar": (r"CEF:0|V|P|1|100|One\|Two|5|src=192.0.2.1", ("100", "One|Two", "5")),
    "blanks around fields": (
        "CEF:0| V | P |1| 100 | Name | 5 | src=192.0.2.1",
        ("100", "Name", "5"),
    ),
}


@pytest.mark.parametrize(("line", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_header_is_read(line: str, expected: tuple[str, str, str]) -> None:
    record = cef.read(line)

    assert record is not None
    assert record.header[:2] == ("V", "P")
    assert (record.header.code, record.header.name, record.header.severity) == expected
    assert record.fields["src"] == "192.0.2.1"


@pytest.mark.parametrize(
    "line",
    ["", "CEF:0", "CEF:0|V", "Invalid user CEF:0|V|P|1|2|3|4|src=192.0.2.1", "0|1", "x=CEF:0|V|P"],
)
def test_no_header_is_refused(line: str) -> None:
    assert cef.read(line) is None


EXTENSIONS = {
    "blanks in a value": ("msg=two words spt=22", {"msg": "two words", "spt": "22"}),
    "a blank before a value": ("spt= 12345 dpt=53", {"spt": "12345", "dpt": "53"}),
    "an empty value": ("suser= dpt=53", {"suser": "", "dpt": "53"}),
    "an escaped sign": (
        r"msg=a\=b c\\d\|e src=192.0.2.1",
        {"msg": r"a=b c\d|e", "src": "192.0.2.1"},
    ),
    "an escaped key": (
        r"suser=jo src\=198.51.100.9 src=192.0.2.1",
        {"suser": "jo src=198.51.100.9", "src": "192.0.2.1"},
    ),
    "a line break": (r"msg=one\ntwo", {"msg": "one\ntwo"}),
    "a path": (r"filePath=C:\new\table.txt", {"filePath": r"C:\new\table.txt"}),
    "an escaped path": (r"filePath=C:\\new\\table.txt", {"filePath": r"C:\new\table.txt"}),
    "an address with a query": (
        "request=http://x.example/?a=1&b=2 dpt=80",
        {"request": "http://x.example/?a=1&b=2", "dpt": "80"},
    ),
    "quotes": ('msg="Connection closed" dpt=80', {"msg": "Connection closed", "dpt": "80"}),
    "a pair in quotes": (
        'msg="x src=198.51.100.9 y" src=192.0.2.1',
        {"msg": "x src=198.51.100.9 y", "src": "192.0.2.1"},
    ),
    "a quote that is not closed": ('msg="x src=192.0.2.1', {"msg": '"x', "src": "192.0.2.1"}),
    "a duplicate key": ("msg=one msg=two", {"msg": "one"}),
    "an index": ("tags[0]=a tags[1]=b", {"tags[0]": "a", "tags[1]": "b"}),
}


@pytest.mark.parametrize(("extension", "expected"), EXTENSIONS.values(), ids=EXTENSIONS)
def test_an_extension_is_read(extension: str, expected: dict[str, str]) -> None:
    record = cef.read(f"CEF:0|V|P|1|100|Name|5|{extension}")

    assert record is not None
    assert record.fields == expected


def test_custom_fields_have_the_names_of_their_labels() -> None:
    record = cef.read("CEF:0|V|P|1|1|N|5|cs1=Block all cs1Label=Rule cn1Label=Count cs2Label=No")

    assert record is not None
    assert cef.list_labelled(record.fields) == {"Rule": "Block all"}


def test_a_key_with_two_values_is_contradictory() -> None:
    record = cef.read("CEF:0|V|P|1|1|N|5|src=192.0.2.1 msg=a src=192.0.2.2 msg=a")

    assert record is not None
    assert cef.list_contradictory(record.pairs) == {"src"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("7.5", 7), ("Very-High", 9), ("low", 2), ("", None), ("odd", None)],
)
def test_a_severity_is_a_number(text: str, expected: int | None) -> None:
    assert cef.parse_severity(text) == expected


LEEF = {
    "tabs": ("LEEF:1.0|V|P|1|login|src=192.0.2.1\tusrName=Jo Smith", None),
    "a named sign": ("LEEF:2.0|V|P|1|login|^|src=192.0.2.1^usrName=Jo Smith", "^"),
    "a code": ("LEEF:2.0|V|P|1|login|x5E|src=192.0.2.1^usrName=Jo Smith", "^"),
    "a code of a tab": ("LEEF:2.0|V|P|1|login|0x09|src=192.0.2.1\tusrName=Jo Smith", "\t"),
    "no delimiter": ("LEEF:2.0|V|P|1|login|src=192.0.2.1\tusrName=Jo Smith", None),
    "an empty delimiter": ("LEEF:2.0|V|P|1|login||src=192.0.2.1\tusrName=Jo Smith", None),
    "a relay's tabs": ("LEEF:1.0|V|P|1|login|src=192.0.2.1#011usrName=Jo Smith", None),
    "blanks for tabs": ("LEEF:1.0|V|P|1|login|src=192.0.2.1 usrName=Jo Smith", None),
    "quotes": ('"LEEF:1.0|V|P|1|login|src=192.0.2.1\tusrName=Jo Smith"', None),
}


@pytest.mark.parametrize(("line", "delimiter"), LEEF.values(), ids=LEEF)
def test_leef_is_read_with_any_delimiter(line: str, delimiter: str | None) -> None:
    record = leef.read(line)

    assert record is not None
    assert record.header[:5] == ("V", "P", "1", "login", delimiter)
    assert record.fields == {"src": "192.0.2.1", "usrName": "Jo Smith"}
