r"""Parse Fortinet's logs: FortiGate, and FortiManager, FortiAuthenticator and FortiWeb, which write alike.

`key="value"` pairs between blanks or commas, quotes in values escaped with a backslash, or CEF with
the same keys under CEF's names. What a line is about stands in type and subtype, the verdict in
action and status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.fortinet_fortigate import acts, values
from streams.parsers.fortinet_fortigate.examples import EXAMPLES
from streams.tokenizers import cef

_START = re.compile(
    r"\s*+(?:(?:date|time|timestamp|itime|logver|eventtime|devname|devid|device_id|logid|log_id|tz"
    r"|vd)=\"?[^\s,\"]*+\"?(?:[\s,]++|\Z))+"
)
_BARE = re.compile(
    r"\s*+type=\"(?:event|traffic|utm)\" subtype=\"[\w-]{1,40}\" (?:eventtype=\"[\w-]{1,60}\" )?"
    r"level=\"\w{1,20}\" vd=\""
)
"""A line whose beginning a collector has cut."""
_DEVICE_KEY = re.compile(r"(?<![\w-])(?:devid|logid|device_id|log_id|eventtime|logdesc)=")
_TYPE_KEY = re.compile(
    r"[\s,]type=\"?(?:traffic|utm|event|attack|statistics|spam|virus|dns|ztna|gtp|anomaly|webfilter|ips"
    r"|app-ctrl|emailfilter|dlp|voip|waf|content)\b|[\s,]desc=\""
)
_OTHERS_KEY = re.compile(r"(?<![\w-])(?:log_type|log_component|hostname=\S+ srcip=\S+ sn)=")
_PAIR = re.compile(
    r"(?:(?<=[\s,])|\A)([A-Za-z_][\w-]*+)=(?:\"((?:[^\"\\]++|\\.)*+)\"|([^\s,\"][^\s,]*+)?)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\([\"\\])")
_CEF_PREFIX = re.compile(r"(?:FTNTFGT|FortinetFortiGate|FTNTFML|FTNTFWB|ad\.)(?=\w)")
_CEF_SUBJECT = re.compile(r"(?i:traffic|utm|event|app-ctrl|dns|voip|gtp)(?![a-z])")
"""How FortiOS begins the name of a record; other programs write CEF in its name."""
_CEF_NAMES = {
    "src": "srcip",
    "spt": "srcport",
    "dst": "dstip",
    "dpt": "dstport",
    "sourceTranslatedAddress": "transip",
    "sourceTranslatedPort": "transport",
    "destinationTranslatedAddress": "tranip",
    "destinationTranslatedPort": "tranport",
    "deviceInboundInterface": "srcintf",
    "deviceOutboundInterface": "dstintf",
    "deviceExternalId": "devid",
    "dvchost": "devname",
    "deviceSeverity": "level",
    "externalId": "sessionid",
    "act": "action",
    "duser": "user",
    "suser": "user",
    "outcome": "status",
    "app": "service",
    "dhost": "hostname",
    "request": "url",
    "requestClientApplication": "agent",
    "requestContext": "referralurl",
    "requestMethod": "httpmethod",
    "fname": "filename",
    "fsize": "filesize",
    "fileHash": "filehash",
    "out": "sentbyte",
    "in": "rcvdbyte",
    "sproc": "ui",
    "smac": "srcmac",
    "dmac": "dstmac",
}


def _can_parse(line: SourceLine) -> bool:
    return _is_pairs(line.text) or _is_cef(line.text)


def _is_cef(text: str) -> bool:
    header = cef.read_header(text)
    return (
        header is not None
        and header.vendor == "Fortinet"
        and "client" not in header.product.lower()
        and (_CEF_SUBJECT.match(header.name) is not None or _CEF_PREFIX.search(text) is not None)
    )


def _is_pairs(text: str) -> bool:
    if _START.match(text) is None:
        return _BARE.match(text) is not None
    head = text[:2000]
    return (
        _DEVICE_KEY.search(head) is not None
        and (_TYPE_KEY.search(head) is not None)
        and _OTHERS_KEY.search(head) is None
    )


@lru_cache(maxsize=2)
def _read_pairs(text: str) -> Mapping[str, str]:
    """Read the first value of each key: what a stranger can type stands behind the addresses."""
    pairs: dict[str, str] = {}
    for key, quoted, plain in _PAIR.findall(text):
        value = plain or quoted
        if "\\" in value:
            value = _ESCAPE.sub(r"\1", value)
        pairs.setdefault(key, value)
    return pairs


@lru_cache(maxsize=2)
def _read_cef(text: str) -> Mapping[str, str]:
    record = cef.read(text)
    if record is None:
        return {}
    pairs: dict[str, str] = {}
    for key, value in record.pairs:
        short = _CEF_PREFIX.sub("", key, count=1)
        pairs.setdefault(_CEF_NAMES.get(short, short) if short == key else short, value)
    subject = pairs.pop("cat", "") or record.header.name.partition(" ")[0]
    kind, _, rest = subject.partition(":")
    pairs.setdefault("type", kind)
    if rest:
        pairs.setdefault("subtype", rest)
    pairs.setdefault("logid", record.header.code)
    pairs.setdefault("product", record.header.product)
    return pairs


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    text = line.text
    if _is_cef(text):
        pairs = _read_cef(text)
    elif _is_pairs(text):
        pairs = _read_pairs(text)
    else:
        raise UnparseableRecord(
            "no message of Fortinet (type= and devid= or logid=)",
            place="fortinet_fortigate",
            remedy="Send syslog in the default format, as CSV or as CEF.",
        )
    fields: dict[str, Value] = acts.build_act(pairs)
    values.put_values(fields, pairs)
    acts.put_words(fields, pairs)
    return ParsedEvent(values.parse_time(pairs, line), fields)


PARSER = Parser(
    id="fortinet_fortigate",
    title="Fortinet FortiGate (key=value, CSV, CEF)",
    hints=(
        b"logid=",
        b"log_id=",
        b"|Fortinet|",
        b"devid=",
        b"device_id=",
        b"eventtime=",
        b"vd=",
        b"logdesc=",
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.fortinet.com/document/fortigate/7.6.0/fortios-log-message-reference",
        "https://docs.fortinet.com/document/fortigate/7.6.0/administration-guide/834425",
    ),
    examples=EXAMPLES,
)
