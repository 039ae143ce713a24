"""An address is shown with what is known of it."""

from __future__ import annotations

import pytest

from breachdesk.console.views.labels import NETWORK, format_origin
from schemas.origin_data import NetworkKind


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        ({"source.ip": "203.0.113.66"}, ""),
        ({"source.geo.country_iso_code": "NL"}, "NL"),
        (
            {
                "source.geo.country_iso_code": "NL",
                "source.as.number": 64500,
                "source.as.organization.name": "Example",
                "breach.network.kind": "vpn",
            },
            "NL, AS64500 Example, VPN",
        ),
        ({"source.as.organization.name": "Example"}, "Example"),
    ],
)
def test_an_origin_is_shown_in_one_line(summary: dict[str, object], text: str) -> None:
    assert format_origin(summary) == text


def test_every_kind_of_network_has_a_label() -> None:
    assert NETWORK.keys() == set(NetworkKind)
