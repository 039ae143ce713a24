"""Format lines of firewalls, routers and servers in their vendors' formats (syslog)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from breachdesk.demo.provider import FIREWALL_ADDRESS, FIREWALL_SERIAL, MAIL_HOST
from breachdesk.demo.timeline import format_syslog_time

VIGOR_NAME = "Vigor_Marlow"
VIGOR_SOURCE = "draytek-marlow"
UNIFI_NAME = "UDMP-Glebe"


class PacketFlow(NamedTuple):
    """Source and destination of a packet."""

    source: str
    source_port: int
    target: str
    port: int
    protocol: str = "tcp"


def format_sonicwall(
    at: datetime, code: int, message: str, flow: PacketFlow, *, extra: str = ""
) -> str:
    """Format SonicOS enhanced syslog: no host, no zone."""
    return (
        f'<134>  id=firewall sn={FIREWALL_SERIAL} time="{at:%Y-%m-%d %H:%M:%S}" '
        f'fw={FIREWALL_ADDRESS} pri=6 c=1024 m={code} msg="{message}" n={at.second + 1} '
        f"src={flow.source}:{flow.source_port}:X1 dst={flow.target}:{flow.port}:X0 "
        f"proto={flow.protocol}{extra}"
    )


def format_vigor_packet(at: datetime, verdict: str, rule: str, flow: PacketFlow) -> str:
    """Format DrayOS, where the router's name is in the place of the program."""
    direction = "WAN->LAN/RT/VPN" if verdict == "Block" else "LAN/RT/VPN->WAN"
    return (
        f"<134>{format_syslog_time(at)} {VIGOR_NAME}: [FILTER][{verdict}][{direction}, 121:45:04    ]"
        f"[@S:R={rule}, {flow.source}:{flow.source_port}->{flow.target}:{flow.port}]"
        f"[{flow.protocol.upper()}][HLen=20, TLen=52, Flag=S, Seq=2902598136, Ack=0, Win=64240]"
    )


def format_vigor_refusal(at: datetime, address: str) -> str:
    """Format a refused sign-in to the router's VPN portal; no user is named."""
    return f"<150>{format_syslog_time(at)} {VIGOR_NAME}: [SSL]Portal login fail from IP {address}!"


def format_vigor_tunnel(at: datetime, user: str, *, up: bool) -> str:
    """Format the start or end of a user's VPN tunnel."""
    state = f"[UP][SSLTunnel][@{user}]" if up else f"[DOWN][SSLTunnel][@{user}]"
    return f"<137>{format_syslog_time(at)} {VIGOR_NAME}: [H2L]{state}"


def format_unifi_packet(at: datetime, letter: str, flow: PacketFlow) -> str:
    """Format a packet in the kernel log of a UniFi gateway; D drop, A accept."""
    rule = "Block All Traffic" if letter == "D" else "Allow Web Out"
    chain = "WAN_LOCAL" if letter == "D" else "LAN_OUT"
    ways = ("eth8", "") if letter == "D" else ("br0", "eth8")
    return (
        f"{format_syslog_time(at)} {UNIFI_NAME} [{chain}-{letter}-2147483647] "
        f'DESCR="[{chain}]{rule}" IN={ways[0]} OUT={ways[1]} '
        f"MAC=74:ac:b9:11:22:33:00:50:56:aa:bb:cc:08:00 SRC={flow.source} DST={flow.target} "
        f"LEN=60 TOS=00 PREC=0x00 TTL=51 ID={flow.source_port} DF PROTO={flow.protocol.upper()} "
        f"SPT={flow.source_port} DPT={flow.port} SEQ=1 ACK=0 WINDOW=64240 SYN URGP=0 MARK=1a0000"
    )


def format_sshd(at: datetime, pid: int, message: str, *, program: str = "sshd") -> str:
    """Format OpenSSH on the mail gateway."""
    return f"<38>{format_syslog_time(at)} {MAIL_HOST} {program}[{pid}]: {message}"


def format_web(at: datetime, host: str, address: str, request: str, status: int, size: int) -> str:
    """Format nginx, combined, preceded by the virtual host."""
    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
    )
    return (
        f"{host} {address} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"{request} HTTP/1.1" {status} {size} "-" "{agent}"'
    )
