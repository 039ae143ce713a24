"""Parse PAN-OS: CSV in the vendor's fixed order, CEF, LEEF, and Cortex's JSON.

`1,2026/11/22 09:11:51,serial,TRAFFIC,end,…`: the fourth column names the kind of log, and that the
columns (columns.py). All shapes become the same names first."""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.paloalto_panos import acts, values
from streams.parsers.paloalto_panos.columns import ALIASES, COLUMNS, KEYS, LABELS
from streams.parsers.paloalto_panos.examples import EXAMPLES
from streams.tokenizers import cef, csv_lines, json_lines, leef

_CSV = re.compile(
    r"\s*+[0-9]{1,12},(?:[0-9]{4}(?:/[0-9]{2}/[0-9]{2})? |[0-9]{4}-[0-9]{2}-[0-9]{2}T)[0-9:.Z+-]{8,24},"
    r"[^,\"]{0,40}+,(?P<kind>[A-Za-z-]{3,20}),[^,]{0,40}+,"
)
_AUDIT = re.compile(
    r"\s*+(?P<serial>[0-9]{1,20}),(?P<time>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8}),audit,[0-9]+,"
)
_AUDIT_COLUMNS = ("cmd", "admin", "opaque", "result")
_JSON_HINT = '"LogType"'
_JSON_KINDS = frozenset(COLUMNS) | frozenset(ALIASES) | {"DNS"}
_ESCAPED_QUOTES = re.compile(r"(?<=,)\\\"([^\\\"]*+)\\\"(?=,|\Z)")
"""Quotes of a column that a relay has escaped, so that they do not hide its commas."""
_VIRTUAL_SYSTEM = re.compile(r"vsys[0-9]{0,5}")
_TRANSPORTS = frozenset(
    [
        "tcp",
        "udp",
        "icmp",
        "ipv6-icmp",
        "icmp6",
        "gre",
        "esp",
        "ah",
        "sctp",
        "igmp",
        "ospf",
        "pim",
        "hopopt",
        "ipip",
        "ipv6",
        "l2tp",
        "vrrp",
        "eigrp",
        "udplite",
        "rsvp",
        "ipv4",
        "ip",
    ]
)
_VENDOR = "Palo Alto Networks"
Columns = dict[str, str]


def _can_parse(line: SourceLine) -> bool:
    return _read(line.text) is not None


@lru_cache(maxsize=2)
def _read(text: str) -> Columns | None:
    """Read any of the shapes to the vendor's names of columns, or return None."""
    match = _CSV.match(text)
    if match is not None:
        return _read_csv(text, match["kind"])
    audit = _AUDIT.match(text)
    if audit is not None:
        fields = csv_lines.split_fields(text[audit.end() :])
        record = csv_lines.join_columns(_AUDIT_COLUMNS, fields)
        return {**record, "type": "AUDIT", "serial": audit["serial"], "time": audit["time"]}
    if text.lstrip().startswith("{"):
        return _read_json(text) if _JSON_HINT in text else None
    header = cef.read_header(text)
    if header is not None:
        return _read_cef(text) if header.vendor == _VENDOR else None
    leef_header = leef.read_header(text)
    if leef_header is not None and leef_header.vendor == _VENDOR:
        return _read_leef(text)
    return None


def _read_csv(text: str, name: str) -> Columns | None:
    kind = ALIASES.get(name.upper(), name.upper())
    columns = COLUMNS.get(kind)
    if columns is None:
        return None
    if '\\"' in text:
        text = _ESCAPED_QUOTES.sub(r'"\1"', text)
    fields = [field.strip() for field in csv_lines.split_fields(text)]
    if "vsys" in columns and "dstuser" in columns:
        columns = _align(columns, fields)
    record = csv_lines.join_columns(columns, fields)
    record["type"] = kind
    high = values.find_high_resolution(fields[len(columns) - 2 :])
    if high:
        record["time_high"] = high
    return record


def _align(columns: tuple[str, ...], fields: list[str]) -> tuple[str, ...]:
    """Align the columns with a format from which the operator has removed the users: the virtual
    system and the transport are known by their values. Columns whose place is unknown are left out."""
    at, end = columns.index("vsys"), columns.index("proto")
    if end >= len(fields) or fields[end].lower() in _TRANSPORTS or not fields[end].isalpha():
        return columns
    for left_out in (("dstuser",), ("srcuser", "dstuser")):
        place = at - len(left_out)
        moved = tuple(name for name in columns if name not in left_out)
        if _VIRTUAL_SYSTEM.fullmatch(fields[place]) and fields[end - len(left_out)] in _TRANSPORTS:
            return moved
    return columns[: columns.index("srcuser")]


def _read_json(text: str) -> Columns | None:
    try:
        document = json_lines.read_object(text)
    except UnparseableRecord:
        return None
    kind = json_lines.to_word(document.get("LogType")).upper()
    if kind not in _JSON_KINDS:
        return None
    record: Columns = {}
    for key, value in document.items():
        word = json_lines.to_word(value)
        if word and key in KEYS:
            record.setdefault(KEYS[key], word)
    record["type"] = ALIASES.get(kind, kind)
    return record


def _read_cef(text: str) -> Columns | None:
    parsed = cef.read(text)
    if parsed is None:
        return None
    record: Columns = {}
    for key, value in parsed.fields.items():
        name = key.removeprefix("PanOS")
        record.setdefault(KEYS.get(name, name), value)
    for label, value in cef.list_labelled(parsed.fields).items():
        if label in LABELS:
            record[LABELS[label]] = value
    header = parsed.header
    names = [header.code.upper(), header.name.upper()]
    kind = next((name for name in names if name in _JSON_KINDS), "SYSTEM")
    record["subtype"] = (header.name if names[0] == kind else header.code).lower()
    record["type"] = ALIASES.get(kind, kind)
    # The firewall sends the client's bytes as `in`, as CEF has it; Cortex as `out`.
    sent, received = ("out", "in") if header.product == "LF" else ("in", "out")
    record.setdefault("bytes_sent", parsed.fields.get(sent, ""))
    record.setdefault("bytes_received", parsed.fields.get(received, ""))
    record.setdefault("session_end_reason", parsed.fields.get("reason", ""))
    return record


def _read_leef(text: str) -> Columns | None:
    parsed = leef.read(text)
    if parsed is None:
        return None
    record: Columns = {}
    for key, value in parsed.fields.items():
        record.setdefault(KEYS.get(key, key), value)
    code = parsed.header.code.upper()
    named = code if code in COLUMNS or code in ALIASES else "SYSTEM"
    kind = (record.get("type") or record.get("cat") or named).upper()
    record["type"] = ALIASES.get(kind, kind)
    record.setdefault("subtype", parsed.header.code.lower())
    record["subtype"] = (parsed.fields.get("Subtype") or record["subtype"]).lower()
    return record


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _read(line.text)
    if record is None:
        raise UnparseableRecord(
            "no log of PAN-OS",
            place="paloalto_panos",
            remedy="Send syslog in the default format, or as CEF or LEEF.",
        )
    fields: dict[str, Value] = acts.build_act(record)
    values.put_values(fields, record)
    acts.put_sentence(fields, record)
    return ParsedEvent(values.parse_time(record, line), fields)


PARSER = Parser(
    id="paloalto_panos",
    title="Palo Alto Networks PAN-OS (CSV, CEF, LEEF, Cortex JSON)",
    hints=(
        *(f",{name},".encode() for name in sorted({*COLUMNS, *ALIASES})),
        b",audit,",
        b"|Palo Alto Networks|",
        _JSON_HINT.encode(),
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions",
        "https://docs.paloaltonetworks.com/resources/cef",
    ),
    examples=EXAMPLES,
)
