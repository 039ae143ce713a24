"""Read who acts in an ASA's or FTD's message, and from where.

A name that a stranger typed is read greedily between the fixed words around it, so that what it
holds (` : user IP = 192.0.2.1`) stays part of the name."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, people

_IP = r"[0-9A-Fa-f.:]++"
_GROUP = re.compile(
    rf"Group <(?P<group_a>[^<>]*+)> User (?:<(?P<user_a>.*)> )?IP <(?P<ip_a>[^<>\s]*+)>(?P<rest_a>.*)"
    rf"|Group (?P<group_b>\S++) User (?:(?P<user_b>.*) )?IP (?P<ip_b>{_IP})(?=\s)(?P<rest_b>.*)"
    r"|Group = (?P<group_c>[^,]*+), (?:Username = (?P<user_c>.*), )?IP = (?P<ip_c>[^\s,]++)(?P<rest_c>.*)"
    r"|IP = (?P<ip_d>[^\s,]++)(?P<rest_d>.*)"
    r"|Group = (?P<group_e>[^,]*+)(?P<rest_e>.*)",
    re.DOTALL,
)
_AAA = re.compile(
    r"AAA (?:user )?[\w ]{0,40}?\b(?:Successful|Rejected|ACCEPT|REJECT|Locked)\b[^:]{0,20}:"
    r"(?:\s*reason = (?P<reason>[^:]*+):)?"
    r"(?:\s*(?:server =\s*(?P<server>[^\s,]++)|local database)\s*[:,])?"
    r"\s*[Uu]ser = ?",
)
_USER_IP = re.compile(r"[Uu]ser IP = (\S*)\Z")
_IKE = re.compile(
    r"Local:(?P<here>\S+?):(?P<port>[0-9]{1,5}) Remote:(?P<there>\S+?):(?P<there_port>[0-9]{1,5}) "
    r"Username:(?P<user>\S*+) ?(?P<rest>.*)",
    re.DOTALL,
)
_SENTENCES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'Login (?:denied|permitted) from \S++ to \S++ for user "(?P<user>.*)"',
        rf"User authentication \w++: (?:IP(?: address)?: (?P<ip>{_IP}), )?Uname: (?P<user>.*)",
        r"(?:New )?[Uu]ser [\w ]{1,40}: Uname: (?P<user>.*?)(?: From: .*| Priv: .*)?\Z",
        rf"User '(?P<user>.*)', running '[^']*+' from IP (?P<ip>{_IP}), executed (?P<command>.*)",
        r"User '(?P<user>.*?)' executed (?:the |cmd: )(?P<command>.*)",
        r"Auth\w*+ \w++ ?(?:\([^)]*+\) )?for user '?(?P<user>.*)'? from [^\s/]++/",
        r"Authen Session (?:Start|End): user '?(?P<user>.*?)'?, sid [0-9]++(?:, elapsed [0-9]++ seconds)?",
        r"Attempted console login failed\.? ?[Uu]ser (?P<user>.*) did NOT",
        (
            rf"SSH session from (?:(?P<ip>{_IP}) )?on interface \S++ for user (?P<user>.*)"
            " (?:disconnected by|terminated)"
        ),
        (
            r"\([^()]*+\) WebVPN session for client user (?P<user>.*),"
            rf" IP(?:v4|v6)? (?P<ip>{_IP}) has"
        ),
        r"Authentication: \w++, group = (?>(?P<group>.*?) user = )(?P<user>.*) , Session Type",
        rf"DAP: User (?P<user>.*), Addr (?P<ip>{_IP})[,:]",
        r"AAA retrieved \w++ group policy (?P<group>\S++) for user (?:= )?(?P<user>.*)",
        r"FTP connection from \S++ to [^\s,]++, user (?P<user>.*) \w++ file (?P<file>.*)",
        r"IPSEC: .*\(user= ?(?P<user>[^()]*+)\)",
        rf"user-identity: (?:Add|Delete) IP-User mapping (?P<ip>{_IP}) - (?P<user>.*) \w++\Z",
        rf"(?:PIX )?[Cc]onsole enable password incorrect for (?P<tries>[0-9]{{1,6}}) tries? \(from (?:\w{{1,20}} \(remote )?(?P<ip>{_IP})",
        rf"(?P<ip>{_IP}) end configuration",
        rf"\w++ configuration: (?P<ip>{_IP}) ",
        rf"\[?Host (?P<ip>{_IP}) is attacking",
        rf"\[ *(?P<ip>{_IP})\] drop rate-[0-9]",
        rf"Threat-detection \w++ host (?P<ip>{_IP})",
        r"AAA [^:]{1,80}: user = (?P<user>.*)",
    )
)
_VOLUME = re.compile(r"Bytes xmt: ([0-9]{1,18}), Bytes rcv: ([0-9]{1,18})(?:, Reason: (.*))?")
_RESUMED = re.compile(rf"from (?:IP )?<?({_IP})>?\.?\Z")
_URL = re.compile(r'WebVPN access \w++: "?(.*?)"?\Z', re.DOTALL)
_SECURITY_GROUP = re.compile(r"(?:, *|\A)[0-9]{1,6}(?::\w*+)?\Z")
_MASKED = frozenset({"*****", "none", "unknown"})


def put_name(fields: dict[str, Value], name: str) -> None:
    r"""Set the user of `LOCAL\name, 9999:tag`, where a number alone is a security group's."""
    put_typed_name(fields, _SECURITY_GROUP.sub("", name.strip().strip("'\"")))


def put_typed_name(fields: dict[str, Value], name: str) -> None:
    r"""Set the user of `DOMAIN\name` or `LOCAL\name`; a masked name is none."""
    name = name.strip().strip("'\"")
    domain, slash, rest = name.rpartition("\\")
    if slash:
        name = rest
        domain = domain.removeprefix("LOCAL").strip("\\")
    if not name or name.casefold() in _MASKED or len(name) > 256:
        return
    people.put_user(fields, name)
    if slash and domain:
        fields["user.domain"] = domain


def put_address(fields: dict[str, Value], side: str, text: str | None) -> None:
    """Set an end that is an address or a host's name."""
    if not text:
        return
    ip = addresses.parse_address(text)
    if ip is not None:
        fields[f"{side}.ip"] = ip
    elif re.search(r"[A-Za-z]", text) and text.casefold() not in _MASKED:
        fields[f"{side}.domain"] = text


def put_person(fields: dict[str, Value], code: str, body: str) -> str | None:
    """Set who acts and from where; return the reason that the sentence gives, if it does."""
    if body.startswith(("Group ", "IP = ")):
        return _put_group(fields, code, body)
    if body.startswith("AAA "):
        match = _AAA.match(body)
        if match is not None:
            return _put_aaa(fields, body, match)
    if body.startswith("Local:"):
        return _put_tunnel(fields, body)
    for pattern in _SENTENCES:
        match = pattern.match(body)
        if match is not None:
            _put_sentence(fields, match.groupdict())
            break
    return None


def _put_sentence(fields: dict[str, Value], groups: dict[str, str | None]) -> None:
    put_typed_name(fields, groups.get("user") or "")
    put_address(fields, "source", groups.get("ip"))
    for key, name in (("group", "user.group.name"), ("file", "file.path")):
        value = groups.get(key)
        if value:
            fields[name] = value
    tries = groups.get("tries")
    if tries:
        fields["breach.auth.attempts"] = int(tries)
    command = groups.get("command")
    if command:
        fields["process.command_line"] = command.strip().strip("'.")


def _put_group(fields: dict[str, Value], code: str, body: str) -> str | None:
    match = _GROUP.match(body)
    if match is None:
        return None
    groups = {name[:-2]: value for name, value in match.groupdict().items() if value is not None}
    put_typed_name(fields, groups.get("user", ""))
    put_address(fields, "source", groups.get("ip"))
    group = groups.get("group", "")
    if group and addresses.parse_address(group) is None:
        fields["user.group.name"] = group
    return _put_session(fields, code, groups.get("rest", "").strip(" ,"))


def _put_session(fields: dict[str, Value], code: str, rest: str) -> str | None:
    """Set what the rest of a VPN session's message says; return its reason."""
    volume = _VOLUME.search(rest)
    if volume is not None:
        # The device transmits to the client, and the client is the source here.
        fields["source.bytes"], fields["destination.bytes"] = int(volume[2]), int(volume[1])
        fields["network.bytes"] = int(volume[1]) + int(volume[2])
        return volume[3]
    if code == "722055":
        fields["user_agent.original"] = rest.partition("Client Type: ")[2]
        return None
    if code in {"716003", "716004"}:
        url = _URL.search(rest)
        fields |= {} if url is None else {"url.original": url[1]}
        return None
    if code == "716059":
        resumed = _RESUMED.search(rest[-80:])
        ip = addresses.parse_address(resumed[1].rstrip(".")) if resumed is not None else None
        if ip is not None:
            # The address before is the one that the tunnel assigned.
            fields["destination.ip"] = fields.get("source.ip")
            fields["source.ip"] = ip
        return None
    return rest.partition("terminated: ")[2].rstrip(".") or rest or None


def _put_aaa(fields: dict[str, Value], body: str, match: re.Match[str]) -> str | None:
    rest = body[match.end() :]
    place = rest.casefold().rfind("user ip = ")
    last = _USER_IP.match(rest[place:]) if place >= 0 else None
    if last is not None:
        put_address(fields, "source", last[1])
        rest = rest[:place].rstrip(" ").removesuffix(":")
    put_typed_name(fields, rest)
    put_address(fields, "destination", match["server"])
    return None if match["reason"] is None else match["reason"].strip()


def _put_tunnel(fields: dict[str, Value], body: str) -> str | None:
    """Set the ends of an IKE negotiation: the remote one is the client."""
    match = _IKE.match(body)
    if match is None:
        return None
    put_address(fields, "source", match["there"])
    put_address(fields, "destination", match["here"])
    for side, port in (("source", "there_port"), ("destination", "port")):
        number = addresses.parse_port(match[port])
        fields |= {} if number is None else {f"{side}.port": number}
    put_typed_name(fields, match["user"])
    return match["rest"] or None
