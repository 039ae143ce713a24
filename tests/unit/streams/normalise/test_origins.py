"""Countries, networks and user agents are added to events, and what a vendor says stays."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from schemas.errors import ConfigurationError
from schemas.origin_data import OriginSettings
from schemas.pipeline.event import Value
from streams.normalise.known_networks import read_networks
from streams.normalise.origins import OriginEnricher

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

BROKEN = (None, b"", b"\xff\xfe\x00", b"\x00" * 4096)
"""Contents of files; None: there is no file."""


def add(settings: OriginSettings, **fields: Value) -> dict[str, Value]:
    """The fields that are added; `__` stands for a dot."""
    values = {name.replace("__", "."): value for name, value in fields.items()}
    before = dict(values)
    OriginEnricher(settings).add(values)
    assert {name: values[name] for name in before} == before
    return {name: value for name, value in values.items() if name not in before}


def write_networks(folder: Path, *lines: str) -> Path:
    path = folder / "networks.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_database(folder: Path, name: str, *records: tuple[str, dict[str, object]]) -> Path:
    writer = MMDBWriter(6, "Test", languages=["en"], ipv4_compatible=True)
    for network, record in records:
        writer.insert_network(IPSet([network]), record)
    path = folder / name
    writer.to_db_file(str(path))
    return path


def test_an_address_has_the_country_of_its_registry() -> None:
    added = add(OriginSettings(), source__ip="81.2.69.193", destination__ip="2a00:1450:4009::1")

    assert added == {
        "source.geo.country_iso_code": "GB",
        "destination.geo.country_iso_code": "IE",
    }


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "203.0.113.66",
        "fe80::1",
        "fe80::1%eth0",
        "no address",
        "",
        7,
        ["81.2.69.193"],
    ],
)
def test_an_address_that_nobody_holds_has_no_country(address: Value) -> None:
    assert add(OriginSettings(), source__ip=address) == {}


def test_what_the_vendor_says_of_an_address_stays() -> None:
    added = add(OriginSettings(), source__ip="81.2.69.193", source__geo__country_iso_code="SE")

    assert added == {}


def test_an_operators_databases_go_before_the_data_of_the_program(tmp_path: Path) -> None:
    country = ("81.2.69.0/24", {"country": {"iso_code": "FR"}})
    system = (
        "81.2.69.0/24",
        {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"},
    )
    settings = OriginSettings(
        country_file=write_database(tmp_path, "country.mmdb", country),
        asn_file=write_database(tmp_path, "asn.mmdb", system),
    )

    added = add(settings, source__ip="81.2.69.193", destination__ip="178.85.138.132")

    assert added == {
        "source.geo.country_iso_code": "FR",
        "source.as.number": 64500,
        "source.as.organization.name": "Example",
        "destination.geo.country_iso_code": "NL",
    }


def test_the_smallest_known_network_of_the_source_is_named(tmp_path: Path) -> None:
    path = write_networks(
        tmp_path,
        "cidr,kind,name",
        "# addresses for documentation",
        "203.0.113.0/24, hosting, Example Hosting",
        "203.0.113.64/28,VPN,Example VPN",
        "2001:db8::/32,relay",
        "",
    )
    settings = OriginSettings(networks_file=path)

    assert add(settings, source__ip="203.0.113.66", destination__ip="203.0.113.1") == {
        "breach.network.kind": "vpn",
        "breach.network.name": "Example VPN",
    }
    assert add(settings, source__ip="203.0.113.1")["breach.network.name"] == "Example Hosting"
    assert add(settings, source__ip="2001:db8::7") == {"breach.network.kind": "relay"}
    assert add(settings, source__ip="198.51.100.1") == {}


@pytest.mark.parametrize(
    "line", ["203.0.113.0/24", "203.0.113.0/24,club", "203.0.113.1/24,vpn", "nowhere,vpn"]
)
def test_a_line_that_is_no_network_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    path = write_networks(tmp_path, "198.51.100.0/24,vpn", line)

    with pytest.raises(ConfigurationError, match=r"networks\.csv, line 2"):
        read_networks(path)


@pytest.mark.parametrize(
    ("setting", "content"),
    [
        *((setting, content) for setting in ("country_file", "asn_file") for content in BROKEN),
        *(("networks_file", content) for content in BROKEN if content != b""),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_start(
    tmp_path: Path, setting: str, content: bytes | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=str(path)):
        OriginEnricher(OriginSettings.model_validate({setting: path}))


def test_a_file_that_changes_is_read_again_and_a_broken_one_changes_nothing(
    tmp_path: Path,
) -> None:
    path = write_networks(tmp_path, "203.0.113.0/24,vpn")
    enricher = OriginEnricher(OriginSettings(networks_file=path))

    def kind() -> Value:
        enricher.refresh()
        fields: dict[str, Value] = {"source.ip": "203.0.113.66"}
        enricher.add(fields)
        return fields.get("breach.network.kind")

    assert kind() == "vpn"
    replacement = tmp_path / "new.csv"
    replacement.write_text("203.0.113.0/24,tor", encoding="utf-8")
    replacement.replace(path)
    assert kind() == "tor"
    path.write_text("203.0.113.0/24,nonsense", encoding="utf-8")
    assert kind() == "tor"
    path.unlink()
    assert kind() == "tor"
    write_networks(tmp_path, "203.0.113.0/24,hosting")
    assert kind() == "hosting"


def test_a_user_agent_names_its_program_and_system() -> None:
    added = add(OriginSettings(), user_agent__original=FIREFOX)

    assert added == {
        "user_agent.name": "Firefox",
        "user_agent.version": "140.0",
        "user_agent.os.name": "Windows",
        "user_agent.os.version": "10",
    }


@pytest.mark.parametrize("agent", ["", "-", "x" * 100_000, "\x00", None, 5, [FIREFOX]])
def test_a_user_agent_that_says_nothing_adds_nothing(agent: Value) -> None:
    assert add(OriginSettings(), user_agent__original=agent) == {}


def test_everything_can_be_switched_off() -> None:
    settings = OriginSettings(countries=False, user_agents=False)

    assert add(settings, source__ip="81.2.69.193", user_agent__original=FIREFOX) == {}


def test_all_of_a_lists_networks_are_found_by_their_first_and_last_address(tmp_path: Path) -> None:
    networks = ["203.0.113.0/25", "203.0.113.128/25", "198.51.100.7/32", "2001:db8:1::/48"]
    listed = read_networks(write_networks(tmp_path, *(f"{each},vpn" for each in networks)))

    for first, last in (
        ("203.0.113.0", "203.0.113.255"),
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff"),
    ):
        assert listed.find(ip_address(first)) is not None
        assert listed.find(ip_address(last)) is not None
    for outside in ("203.0.112.255", "203.0.114.0", "198.51.100.6", "2001:db8:2::"):
        assert listed.find(ip_address(outside)) is None
