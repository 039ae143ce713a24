"""Name what Windows gives as numbers: why a sign-in was refused, and how it was made."""

from __future__ import annotations

STATUSES = {
    "0xc000005e": "no logon servers available",
    "0xc0000064": "user name does not exist",
    "0xc000006a": "wrong password",
    "0xc000006d": "bad user name or password",
    "0xc000006e": "account restriction",
    "0xc000006f": "outside authorised hours",
    "0xc0000070": "unauthorised workstation",
    "0xc0000071": "password expired",
    "0xc0000072": "account disabled",
    "0xc00000dc": "server in the wrong state",
    "0xc0000133": "clocks out of sync",
    "0xc000015b": "logon type not granted",
    "0xc000018c": "trust relationship failed",
    "0xc0000192": "netlogon service not started",
    "0xc0000193": "account expired",
    "0xc0000224": "password must change",
    "0xc0000225": "Windows error",
    "0xc0000234": "account locked out",
    "0xc00002ee": "unfinished with errors",
    "0xc0000371": "no secret for the account",
    "0xc0000413": "authentication firewall",
}
"""NTSTATUS of 4625 and 4776."""
KERBEROS = {
    "0x1": "client entry expired",
    "0x2": "server entry expired",
    "0x6": "user name does not exist",
    "0x7": "service not in the database",
    "0x8": "several principal entries",
    "0x9": "client or server has no key",
    "0xb": "requested start time is later than end time",
    "0xc": "policy rejects the request",
    "0xd": "option not granted",
    "0xe": "encryption type not supported",
    "0xf": "checksum type not supported",
    "0x10": "pre-authentication type not supported",
    "0x12": "account disabled, expired or locked out",
    "0x17": "password expired",
    "0x18": "wrong password",
    "0x19": "pre-authentication required",
    "0x1b": "must use user to user",
    "0x1d": "service not available",
    "0x1f": "integrity check failed",
    "0x20": "ticket expired",
    "0x21": "ticket not yet valid",
    "0x22": "replay",
    "0x25": "clocks out of sync",
    "0x29": "message modified",
    "0x3c": "general error",
}
"""Result codes of 4768, 4769 and 4771 (RFC 4120 7.5.9)."""
LOGON_TYPES = {
    "0": "System",
    "2": "Interactive",
    "3": "Network",
    "4": "Batch",
    "5": "Service",
    "7": "Unlock",
    "8": "NetworkCleartext",
    "9": "NewCredentials",
    "10": "RemoteInteractive",
    "11": "CachedInteractive",
    "12": "CachedRemoteInteractive",
    "13": "CachedUnlock",
}
_PLACEHOLDERS = {
    "%%2304": "an error occurred during logon",
    "%%2305": "account expired",
    "%%2306": "netlogon service not active",
    "%%2307": "account locked out",
    "%%2308": "logon type not granted",
    "%%2309": "password expired",
    "%%2310": "account disabled",
    "%%2311": "outside authorised hours",
    "%%2312": "unauthorised workstation",
    "%%2313": "unknown user name or bad password",
}
KERBEROS_EVENTS = frozenset({4768, 4769, 4770, 4771})


def normalise_status(text: str) -> str:
    """Return `0xc000006a` of `0xC000006A` or of its decimal form; empty: none, or success."""
    lowered = text.strip().casefold()
    if lowered.lstrip("-").isdecimal() and lowered.isascii() and len(lowered) <= 11:
        lowered = hex(int(lowered) & 0xFFFFFFFF)
    if not lowered.startswith("0x") or not lowered[2:].strip("0"):
        return ""
    return "0x" + lowered[2:].lstrip("0")


def find_reason(code: int, status: str, sub_status: str, text: str) -> str | None:
    """Return why it was refused: the finer number's meaning, else what Windows says."""
    table = KERBEROS if code in KERBEROS_EVENTS else STATUSES
    for number in (sub_status, status):
        if number in table:
            return table[number]
    if text in _PLACEHOLDERS:
        return _PLACEHOLDERS[text]
    if text and text != "-" and not text.startswith("%%"):
        return text
    return status or None
