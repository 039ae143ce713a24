"""Parse the W3C logs of Internet Information Services: web and FTP sites.

IIS writes the fields that an administrator selects in one fixed order, and `#Fields:` in each file
says which. Where the intake put that header before a line, it names the fields. Otherwise a record
is read by itself, so each field is recognised by its form and its place in that order; where two
selections cannot be distinguished, the field is absent."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, stamps, web_access

_IP = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?)"
_STAMP = r"\s*+(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?) "
_WEB = re.compile(
    _STAMP + r"(?:(?P<site>[A-Z0-9]{2,10}SVC[0-9]{1,10}) )?"
    r"(?:(?P<computer>(?!-|[0-9.]+ )[\w.-]{1,254}) )?"
    rf"(?:(?P<server>{_IP}|-) )?(?P<method>[A-Z_-]{{3,32}}|-) (?P<path>[/*]\S*+|-) (?P<query>\S++) "
    rf"(?P<port>[0-9]{{1,5}}|-) (?P<user>\S++) (?P<client>{_IP}|-) (?P<rest>.*)\Z",
    re.DOTALL,
)
_FTP = re.compile(
    _STAMP + rf"(?P<client>{_IP}|-) (?P<user>\S++) (?P<server>{_IP}|-) (?P<port>[0-9]{{1,5}}|-) "
    r"(?P<method>[A-Za-z]{3,32}) (?P<path>\S++) (?P<status>[0-9]{1,3}|-) (?P<windows>[0-9]{1,10}|-) "
    r"(?P<sub>[0-9]{1,10}|-)(?: (?P<session>[0-9a-f-]{8,36}|-))?(?: (?P<full>\S++))?\s*\Z"
)
_NUMBER = re.compile(r"[0-9]{1,18}|-")
_STATUS = re.compile(r"[1-5][0-9]{2}")
_HEADER = re.compile(r"#(?:Software|Version|Date|Fields|Start-Date|End-Date|Remark): ?")
_OTHER_HEADER = re.compile(
    r"#(?:Version: 1\.0|Date: [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})\s*"
)
_PLACE = re.compile(r"[a-z][a-z0-9+.-]{1,16}://|[a-z][a-z0-9+.-]{1,16}:", re.IGNORECASE)
_METHODS = (
    *("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "REPORT", "LOCK"),
    *("TRACE", "CONNECT", "MOVE", "COPY", "MKCOL", "SEARCH", "DEBUG", "RPC_IN_DATA"),
    *("RPC_OUT_DATA", "PASS", "USER", "RETR", "STOR", "DELE", "APPE", "QUIT", "LIST", "CWD"),
    *("PASV", "EPSV", "PORT"),
)
"""Of which one is in almost every line: a cheap first filter."""
_SIGN_IN_CODES = {"230": "success", "530": "failure", "430": "failure", "421": "failure"}


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    header, newline, content = text.partition("\n")
    if newline and header.startswith("#Fields:"):
        text = content
        if _read_named(header, content) is not None:
            return True
    return (
        _WEB.match(text) is not None
        or _FTP.match(text) is not None
        or (_HEADER.match(text) is not None and _is_iis_header(text))
    )


def _is_iis_header(text: str) -> bool:
    if "\n" in text:
        return False
    if text.startswith("#Fields:"):
        return " cs-method " in text or " cs-uri" in text
    return (
        text.startswith("#Software: Microsoft Internet Information Services")
        or _OTHER_HEADER.fullmatch(text) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    text = line.text
    if _HEADER.match(text) and _is_iis_header(text):
        return IgnoredLine("header of a W3C log")
    header, newline, content = text.partition("\n")
    if newline and header.startswith("#Fields:"):
        text = content
        named = _read_named(header, content)
        if named is not None:
            return _parse_named(named)
    match = _WEB.match(text)
    if match is not None:
        return _parse_request(match)
    match = _FTP.match(text)
    if match is None:
        raise web_access.build_unreadable("iis_access")
    return _parse_command(match)


def _parse_request(match: re.Match[str]) -> ParsedEvent:
    fields = web_access.build_fields("iis")
    words = match["rest"].split()
    at = _find_status(words)
    web_access.put_method(fields, match["method"])
    query = "" if match["query"] == "-" else f"?{match['query']}"
    web_access.put_target(fields, match["path"] + query)
    _put_server(fields, match)
    web_access.put_user(fields, _decode(match["user"]))
    client = addresses.parse_address(match["client"])
    forwarded = ""
    if at is not None:
        web_access.put_status(fields, words[at])
        _put_codes(fields, words[at : at + 3])
        _put_texts(fields, words[:at])
        forwarded = _put_numbers(fields, words[at + 3 :])
    web_access.put_clients(fields, client or "", forwarded)
    if match["site"]:
        fields["service.id"] = match["site"]
    return ParsedEvent(_read_time(match["day"]), fields)


def _read_named(header: str, content: str) -> dict[str, str] | None:
    """Read a line behind the header of its file: its values by the names of the fields. None: the
    numbers of both differ, or it is no request."""
    names = header.removeprefix("#Fields:").strip(" \r").split(" ")
    values = content.strip(" \r").split(" ")
    if len(names) != len(values) or not {"cs-method", "cs-uri-stem", "sc-status"} <= set(names):
        return None
    pairs = zip(names, values, strict=True)
    return {name.casefold(): value for name, value in pairs if value != "-"}


def _parse_named(named: dict[str, str]) -> ParsedEvent:
    get = named.get
    fields = web_access.build_fields("iis")
    web_access.put_method(fields, get("cs-method", "-"))
    query = f"?{named['cs-uri-query']}" if "cs-uri-query" in named else ""
    web_access.put_target(fields, get("cs-uri-stem", "-") + query)
    server = addresses.parse_address(get("s-ip", ""))
    addresses.put_endpoint(fields, "destination", server, addresses.parse_port(get("s-port", "")))
    web_access.put_user(fields, _decode(get("cs-username", "-")))
    web_access.put_status(fields, get("sc-status", "-"))
    codes = (get("sc-status", "-"), get("sc-substatus", "-"), get("sc-win32-status", "-"))
    _put_codes(fields, list(codes))
    web_access.put_version(fields, get("cs-version", ""))
    web_access.put_agent(fields, _decode(get("cs(user-agent)", "-")))
    web_access.put_referrer(fields, get("cs(referer)", "-"))
    if "cs-host" in named:
        web_access.put_host(fields, named["cs-host"])
    for field, name in (("http.response.bytes", "sc-bytes"), ("http.request.bytes", "cs-bytes")):
        web_access.put_number(fields, field, get(name, "-"))
    web_access.put_duration(fields, get("time-taken", "-"), 10**6)
    client = addresses.parse_address(get("c-ip", ""))
    forwarded = get("x-forwarded-for", get("cs(x-forwarded-for)", ""))
    web_access.put_clients(fields, client or "", forwarded.replace("+", ""))
    if "s-sitename" in named:
        fields["service.id"] = named["s-sitename"]
    if "s-computername" in named:
        fields["host.name"] = named["s-computername"].casefold()
    return ParsedEvent(_read_named_time(named), fields)


def _read_named_time(named: dict[str, str]) -> datetime | None:
    if "date" not in named or "time" not in named:
        return None
    return _read_time(f"{named['date']} {named['time']}")


def _put_server(fields: dict[str, Value], match: re.Match[str]) -> None:
    server = addresses.parse_address(match["server"] or "")
    addresses.put_endpoint(fields, "destination", server, addresses.parse_port(match["port"]))
    computer = match.groupdict().get("computer")
    if computer:
        fields["host.name"] = computer.casefold()


def _find_status(words: list[str]) -> int | None:
    """Find the place of `sc-status sc-substatus sc-win32-status`: the first three numbers."""
    for at in range(min(len(words) - 2, 12)):
        if _STATUS.fullmatch(words[at]) and all(map(_NUMBER.fullmatch, words[at + 1 : at + 3])):
            return at
    return None


def _put_codes(fields: dict[str, Value], codes: list[str]) -> None:
    _, sub, windows = codes
    if sub not in {"0", "-"}:
        fields["event.code"] = f"{codes[0]}.{sub}"
    if windows not in {"0", "-"}:
        fields["event.reason"] = f"Windows error {windows}"


def _put_texts(fields: dict[str, Value], words: list[str]) -> None:
    """Set what stands before the status: version, user agent, cookie, referrer, host.

    Cookies are personal data and are not kept."""
    if words and words[0].startswith("HTTP/"):
        web_access.put_version(fields, words[0])
        words = words[1:]
    if words:
        web_access.put_agent(fields, _decode(words[0]))
    places = [word for word in words[1:] if _PLACE.match(word)]
    if places:
        web_access.put_referrer(fields, places[0])
    if len(words) >= 3 and not _PLACE.match(words[-1]) and "=" not in words[-1]:
        host = words[-1]
        if host != "-":
            web_access.put_host(fields, host)


def _put_numbers(fields: dict[str, Value], words: list[str]) -> str:
    """Set what follows the status: bytes both ways, milliseconds; return a forwarded list.

    Fields that an administrator adds by hand stand last; an address there is a forwarded one."""
    count = next((at for at, word in enumerate(words) if not _NUMBER.fullmatch(word)), len(words))
    figures = words[:count]
    if len(figures) == 3:
        web_access.put_number(fields, "http.response.bytes", figures[0])
        web_access.put_number(fields, "http.request.bytes", figures[1])
    if figures and len(figures) <= 3:
        web_access.put_duration(fields, figures[-1], 10**6)
    rest = words[count:]
    return rest[0].replace("+", "") if rest and web_access.parse_list(rest[0]) else ""


def _decode(text: str) -> str:
    """Undo IIS's plus signs, which stand for spaces."""
    return text.replace("+", " ")


def _parse_command(match: re.Match[str]) -> ParsedEvent:
    command, status = match["method"].upper(), match["status"]
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["protocol"],
        "event.outcome": "unknown",
        "event.action": f"ftp-{command.lower()}",
        "service.name": "iis",
        "network.protocol": "ftp",
    }
    if command == "PASS":
        fields |= {
            "event.category": ["authentication"],
            "event.type": ["start"],
            "event.action": "ftp-login",
            "event.outcome": _SIGN_IN_CODES.get(status, "unknown"),
        }
    elif command in {"RETR", "STOR", "DELE", "APPE"}:
        fields |= {"event.category": ["file"], "event.type": ["access"]}
        web_access.put_text(fields, "file.path", _decode(match["path"]))
        fields["event.outcome"] = "failure" if status >= "400" else "success"
    if status != "-":
        fields["event.code"] = status
    _put_server(fields, match)
    web_access.put_user(fields, _decode(match["user"]))
    web_access.put_clients(fields, match["client"], "")
    return ParsedEvent(_read_time(match["day"]), fields)


def _read_time(day: str) -> datetime:
    """Read the stamp, which W3C logs write in UTC."""
    return stamps.parse_iso(day)


PARSER = Parser(
    id="iis_access",
    title="Internet Information Services (W3C, web and FTP)",
    hints=(
        *(f" {method} ".encode() for method in _METHODS),
        b"Channel",
        b"#Fields:",
        b"#Software: Microsoft",
        b"#Version: 1.0",
        b"#Date: 2",
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/en-us/windows/win32/http/w3c-logging",
        "https://learn.microsoft.com/en-us/iis/configuration/system.applicationhost/sites/site/logfile/",
    ),
    examples=(
        ParserExample(
            "2026-11-22 01:06:15 192.0.2.80 GET /owa/ q=1&b=2 443 CONTOSO\\JSmith 203.0.113.66"
            " Mozilla/5.0+(Windows+NT+10.0) https://www.contoso.example/ 200 0 0 123",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "destination.ip": "192.0.2.80",
                "destination.port": 443,
                "user.name": "jsmith",
                "user.domain": "contoso",
                "http.request.method": "GET",
                "http.request.referrer": "https://www.contoso.example/",
                "http.response.status_code": 200,
                "url.path": "/owa/",
                "url.query": "q=1&b=2",
                "user_agent.original": "Mozilla/5.0 (Windows NT 10.0)",
                "event.duration": 123000000,
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 W3SVC1 WEB01 192.0.2.80 POST /login.aspx - 80 - 10.0.0.5 HTTP/1.1"
            " curl/8.5.0 a=b;+c=d - www.contoso.example 401 2 5 456 789 15 198.51.100.4,+203.0.113.66",
            {
                "event.outcome": "failure",
                "event.code": "401.2",
                "event.reason": "Windows error 5",
                "source.ip": "203.0.113.66",
                "host.name": "web01",
                "http.version": "1.1",
                "http.response.bytes": 456,
                "http.request.bytes": 789,
                "url.domain": "www.contoso.example",
                "event.duration": 15000000,
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 fe80::1%3 GET /x 192.0.2.1+200+0+0 80 - 2001:db8::7 - - 404 0 2 0",
            {
                "source.ip": "2001:db8::7",
                "http.response.status_code": 404,
                "user_agent.original": None,
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 203.0.113.66 jo 192.0.2.80 21 PASS *** 530 1326 41"
            " 8124db49-68d2-461c-a95b-d92ad1e8af15 -",
            {
                "event.category": ["authentication"],
                "event.action": "ftp-login",
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "destination.port": 21,
            },
        ),
        ParserExample("#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port", None),
        ParserExample("#Version: 1.0", None),
        ParserExample("#Date: 2026-11-22 01:06:15", None),
        ParserExample(
            "#Fields: date time c-ip cs-method cs-uri-stem cs-username sc-status cs-bytes"
            " X-Forwarded-For\n2026-11-22 01:06:15 10.0.0.5 POST /owa/auth.owa CONTOSO\\jo 401 789"
            " 198.51.100.4,+203.0.113.66",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "jo",
                "http.request.bytes": 789,
                "http.response.bytes": None,
                "http.response.status_code": 401,
                "url.path": "/owa/auth.owa",
            },
        ),
    ),
)
