"""Limit how often a secret may be tried. Each try is counted before the secret is checked, in the
store, so that no number of tries at the same time, and no second console, evaluates more than the
limit.

A stranger can use up an account's tries for strangers, and no others: a browser that signed in to
the account before has tries of its own, and so has an address that did; a signed-in session has its
own for whatever asks for the password again."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from breachdesk.ports import Store, UnitOfWork

WINDOW = timedelta(minutes=15)
FAMILIAR = timedelta(days=90)
"""A browser or an address that an account signed in from is known for so long."""
OF_DEVICE = 5
OF_ACCOUNT_AT_ADDRESS = 5
OF_STRANGERS = 5
"""At one account, of all strangers together."""
OF_ADDRESS = 30
"""At all accounts."""
OF_SESSION = 5


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where a sign-in comes from: the network, and the token of a browser that was here before."""

    network: str
    device: str | None = None

    @property
    def device_mark(self) -> str | None:
        return None if self.device is None else compute_digest("device", self.device)

    def compute_address_mark(self, user_id: str) -> str:
        """Compute a mark that differs with the account, so that users of one address cannot learn
        of each other."""
        return compute_digest("address", user_id, self.network)


@dataclass(frozen=True, slots=True)
class AttemptReservation:
    """A counted try, or until when none is allowed."""

    ids: Sequence[int] = ()
    full_until: datetime | None = None


class AttemptThrottle:
    """Reserves tries in the store that every console shares."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve_sign_in(
        self, name: str, origin: RequestOrigin, now: datetime
    ) -> AttemptReservation:
        """Reserve one try to sign in under that name, whether or not there is such an account."""
        limits = self._store.read(lambda uow: list_sign_in_limits(uow, name, origin, now))
        return self._reserve(limits, now)

    def reserve_again(self, user_id: str, token_hash: str, now: datetime) -> AttemptReservation:
        """Reserve one try of a signed-in person to prove their identity again."""
        return self._reserve({compute_digest("again", user_id, token_hash): OF_SESSION}, now)

    def _reserve(self, limits: Mapping[str, int], now: datetime) -> AttemptReservation:
        # Read first: who is refused must not make the store write.
        until = self._store.read(lambda uow: uow.sign_ins.get_full_until(limits, WINDOW, now))
        if until is not None:
            return AttemptReservation(full_until=until)

        def reserve_attempt(uow: UnitOfWork) -> AttemptReservation:
            until = uow.sign_ins.get_full_until(limits, WINDOW, now)
            if until is not None:
                return AttemptReservation(full_until=until)
            return AttemptReservation(uow.sign_ins.reserve(limits, WINDOW, now))

        return self._store.write(reserve_attempt)


def is_familiar_device(
    uow: UnitOfWork, name: str | None, origin: RequestOrigin, now: datetime
) -> bool:
    """Whether this browser has signed in to that account; None: to any."""
    mark = origin.device_mark
    return mark is not None and uow.sign_ins.is_recognised(name, mark, now - FAMILIAR)


def list_sign_in_limits(
    uow: UnitOfWork, name: str, origin: RequestOrigin, now: datetime
) -> Mapping[str, int]:
    """List the keys that count a sign-in under that name from there, and how many tries each
    allows."""
    if is_familiar_device(uow, name, origin, now):
        return {compute_digest("account from device", name, origin.device or ""): OF_DEVICE}
    limits = {compute_digest("address", origin.network): OF_ADDRESS}
    if uow.sign_ins.is_recognised(name, origin.compute_address_mark(name), now - FAMILIAR):
        return limits | {
            compute_digest("account at address", name, origin.network): OF_ACCOUNT_AT_ADDRESS
        }
    return limits | {build_strangers_key(name): OF_STRANGERS}


def build_strangers_key(name: str) -> str:
    """Build the key that counts the tries of all strangers at one account."""
    return compute_digest("account", name)


def remember_origin(uow: UnitOfWork, user_id: str, origin: RequestOrigin, now: datetime) -> None:
    """Remember that the account signed in from there."""
    marks = [origin.compute_address_mark(user_id)]
    if origin.device_mark is not None:
        marks.append(origin.device_mark)
    uow.sign_ins.remember(user_id, marks, now)


def compute_network(address: str) -> str:
    """Compute the network whose tries are counted together: an IPv6 caller owns a whole /64."""
    parsed = _parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else "unknown"


def shorten_address(address: str) -> str:
    """Shorten a session's address to what its owner needs to recognise it."""
    parsed = _parse_address(address)
    if parsed is None:
        return "unknown"
    if parsed.is_loopback:
        return "this machine"
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def compute_digest(*parts: str) -> str:
    """Compute what the store keeps of a key or a mark."""
    return hashlib.sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()


def _parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
