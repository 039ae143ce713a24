"""Add to an event what its addresses and its user agent say of where it came from.

Nothing here replaces what the vendor says. An event's identity does not depend on it: a replay with
newer data gives the same events with other countries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Generic, TypeVar

import iptocc
import maxminddb
from ua_parser import parse as parse_user_agent

from schemas.errors import ConfigurationError
from schemas.origin_data import OriginSettings
from schemas.pipeline.event import Value
from streams.normalise.known_networks import read_networks

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_ADDRESSES = 50_000
MOST_AGENTS = 10_000
"""Remembered; then all are forgotten: whoever may send may invent them."""
LONGEST_AGENT = 1_000
"""Characters of a user agent that are looked at: the time grows with them."""
AGENT = "user_agent.original"
AGENT_NAME = "user_agent.name"
SIDES = ("source", "destination")
NETWORK_KIND, NETWORK_NAME = "breach.network.kind", "breach.network.name"
"""Of the source only."""
COUNTRY = "geo.country_iso_code"
UNNAMED = "Other"
"""What the parser of user agents answers for one that it does not know."""

Facts = Mapping[str, Value]
NOTHING: Facts = {}


class _WatchedFile(Generic[T]):
    """A file's content, read again once the file is another one."""

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self._path, self._read = path, read
        self.content = read(path)
        self._stamp = self._get_stamp()

    def refresh(self) -> bool:
        """Read it again if it changed. One that cannot be read leaves the content as it was."""
        stamp = self._get_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.content = self._read(self._path)
        except ConfigurationError as problem:
            log.warning("the former content of a file of networks or addresses stays: %s", problem)
            return False
        return True

    def _get_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


class OriginEnricher:
    """Remembers its answers: the same addresses and user agents come again and again."""

    def __init__(self, settings: OriginSettings) -> None:
        """Raises ConfigurationError when a file of the settings cannot be read."""
        self._settings = settings
        self._countries = _watch(settings.country_file, _open_database)
        self._systems = _watch(settings.asn_file, _open_database)
        self._networks = _watch(settings.networks_file, read_networks)
        self._addresses: dict[str, dict[str, Facts]] = {side: {} for side in SIDES}
        self._sides = [(side, f"{side}.ip", self._addresses[side]) for side in SIDES]
        self._agents: dict[str, Facts] = {}

    def refresh(self) -> None:
        """Read files that changed again; once a batch."""
        files = (self._countries, self._systems, self._networks)
        changes = [file.refresh() for file in files if file is not None]
        if True in changes:
            self._forget_addresses()

    def add(self, fields: dict[str, Value]) -> None:
        """Add the facts to the fields of an event."""
        for side, field, facts_by_address in self._sides:
            address = fields.get(field)
            if address is None or type(address) is not str:
                continue
            facts = facts_by_address.get(address)
            if facts is None:
                facts = self._find_facts(side, address)
            if facts:
                for name, value in facts.items():
                    fields.setdefault(name, value)
        agent = fields.get(AGENT)
        if type(agent) is str and AGENT_NAME not in fields and self._settings.user_agents:
            agent = agent[:LONGEST_AGENT]
            facts = self._agents.get(agent)
            for name, value in (self._parse_agent(agent) if facts is None else facts).items():
                fields.setdefault(name, value)

    def _find_facts(self, side: str, text: str) -> Facts:
        try:
            address = ip_address(text)
        except ValueError:
            facts = NOTHING
        else:
            facts = self._describe(side, address)
        if len(self._addresses[side]) >= MOST_ADDRESSES:
            self._forget_addresses()
        self._addresses[side][text] = facts
        return facts

    def _forget_addresses(self) -> None:
        for facts_by_address in self._addresses.values():
            facts_by_address.clear()

    def _describe(self, side: str, address: IPv4Address | IPv6Address) -> Facts:
        facts: dict[str, Value] = {}
        network = None if self._networks is None else self._networks.content.find(address)
        if network is not None and side == "source":
            facts[NETWORK_KIND] = network.kind.value
            if network.name is not None:
                facts[NETWORK_NAME] = network.name
        if not address.is_global:
            return facts
        if (country := self._find_country(address)) is not None:
            facts[f"{side}.{COUNTRY}"] = country
        system = None if self._systems is None else _look_up(self._systems.content, address)
        if system is not None and isinstance(system.get("autonomous_system_number"), int):
            facts[f"{side}.as.number"] = system["autonomous_system_number"]
            if name := system.get("autonomous_system_organization"):
                facts[f"{side}.as.organization.name"] = str(name)
        return facts

    def _find_country(self, address: IPv4Address | IPv6Address) -> str | None:
        if self._countries is not None:
            record = _look_up(self._countries.content, address) or {}
            country = record.get("country") or record.get("registered_country") or {}
            if code := country.get("iso_code"):
                return str(code)
        return iptocc.country_code(str(address)) if self._settings.countries else None

    def _parse_agent(self, text: str) -> Facts:
        parts = parse_user_agent(text)
        facts: dict[str, Value] = {}
        if parts.user_agent is not None and parts.user_agent.family != UNNAMED:
            agent = parts.user_agent
            facts[AGENT_NAME] = agent.family
            numbers = (agent.major, agent.minor, agent.patch, agent.patch_minor)
            if version := ".".join(number for number in numbers if number):
                facts["user_agent.version"] = version
        if parts.os is not None and parts.os.family != UNNAMED:
            facts["user_agent.os.name"] = parts.os.family
            if parts.os.major:
                facts["user_agent.os.version"] = parts.os.major
        if parts.device is not None and parts.device.family != UNNAMED:
            facts["user_agent.device.name"] = parts.device.family
        if len(self._agents) >= MOST_AGENTS:
            self._agents.clear()
        self._agents[text] = facts
        return facts


def _watch(path: Path | None, read: Callable[[Path], T]) -> _WatchedFile[T] | None:
    return None if path is None else _WatchedFile(path, read)


def _open_database(path: Path) -> maxminddb.Reader:
    """Load it into memory, so that the file may be replaced."""
    try:
        return maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as problem:
        raise ConfigurationError(
            f"it is no database of addresses: {problem}",
            place=str(path),
            remedy="Give an .mmdb file, or leave the setting out.",
        ) from None


def _look_up(
    database: maxminddb.Reader, address: IPv4Address | IPv6Address
) -> Mapping[str, Any] | None:
    """Look the address up; a database of IPv4 has no answer for IPv6."""
    try:
        record = database.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        return None
    return record if isinstance(record, dict) else None
