"""Define Fenland IT Support Ltd, an invented provider, its customers, staff and machines."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from breachdesk.demo.firms import ROWS
from schemas.settings import ProviderProfile

PANEL = "billing.fenlandhosting.example"
"""The provider's own billing panel (WHMCS); its pages name customers by ?userid=."""
MAIL_HOST = "mail-gw"
FIREWALL_SERIAL = "2CB8ED4A11F0"
FIREWALL_ADDRESS = "198.51.100.2"
OFFICE = "10.20.0"
"""Staff reach the panel through the office network or its VPN."""

ATTACKER = "203.0.113.55"
VICTIM = "hartwell-dental"
SPRAYED = (VICTIM, "cedar-legal", "marlow-finch", "quill-recruitment")
"""Customers whose Microsoft 365 accounts are tried; only the victim's one opens."""
VIEWED = ("foxglove-hotel", "juniper-hr")
"""Customers whose account pages are opened in the billing panel."""
VIGOR_OWNER = "marlow-finch"
"""Has the DrayTek router that is silent for three hours of the night."""
UNIFI_OWNER = "glebe-school"
FORMER = "ivy-interiors"
"""A former customer: the account data is kept for years after the contract's end."""

PROFILE = ProviderProfile(
    legal_name="Fenland IT Support Ltd",
    trading_name="Fenland IT",
    company_number="00000000",
    registered_address="4 Sluice Yard, Ely Road, Fenland, FE1 0XX",
    ico_registration="Z0000000",
    sector="Online technology and telecoms",
    contact_name="Tess Fairlie",
    contact_email="dataprotection@fenland-it.example",
    contact_phone="01632 960199",
    contact_hours="Monday to Friday, 8:30am to 5:30pm",
    complaints="Write to complaints@fenland-it.example or to our address. We reply within 30 days.",
    promise="Should we find that a security breach may have laid a customer's personal details "
    "open to others, we will tell that customer as soon as we reasonably can, at the main email "
    "address on their account.",
    promise_source="Our privacy policy, section 9, of 3 March 2026",
    invoices_before=date(2026, 11, 1),
    witness_email="trustee@ouse-accountants.example",
)

_FIRST = [
    "amy",
    "ben",
    "cara",
    "dan",
    "ella",
    "finn",
    "gina",
    "hugh",
    "iris",
    "jack",
    "kate",
    "liam",
    "mona",
    "nick",
    "olga",
    "paul",
]
_LAST = ["archer", "bell", "cross", "doyle", "ellis", "frost", "grey", "hobbs"]
_NAMESPACE = uuid.UUID("5d3c1f62-6f0e-5a0c-8a43-0c0e8a1d9b10")


def compute_uuid(*parts: object) -> str:
    """Compute the same id for the same parts (RFC 9562, version 5)."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(str(part) for part in parts)))


@dataclass(frozen=True)
class DemoFirm:
    """One customer and its machines."""

    number: int
    id: str
    name: str
    holder: str
    area: str
    services: str

    @property
    def userid(self) -> int:
        """Account number in the billing panel."""
        return 1001 + self.number

    @property
    def domain(self) -> str:
        return f"{self.id.replace('-', '')}.example"

    @property
    def tenant(self) -> str:
        """Microsoft 365 directory id; empty without Microsoft 365."""
        return compute_uuid("tenant", self.id) if "m" in self.services else ""

    @property
    def site(self) -> str:
        return f"www.{self.domain}" if "w" in self.services else ""

    @property
    def office(self) -> str:
        """Public address of the office."""
        return f"198.51.100.{100 + self.number}"

    @property
    def phone(self) -> str:
        return f"0{self.area} 960{self.number:03}"

    @cached_property
    def staff(self) -> Sequence[str]:
        """Sign-in names, the account holder's first."""
        holder = self.holder.removeprefix("Dr ").lower().replace(" ", ".")
        count = 11 if self.id in SPRAYED else 3 + self.number % 4
        names = [
            f"{_FIRST[(self.number * 3 + i * 5) % 16]}.{_LAST[(self.number + i) % 8]}"
            for i in range(count - 1)
        ]
        return [f"{name}@{self.domain}" for name in dict.fromkeys([holder, *names])]


FIRMS: Sequence[DemoFirm] = tuple(
    DemoFirm(number, *row.split("|")) for number, row in enumerate(ROWS.splitlines())
)
BY_ID = {firm.id: firm for firm in FIRMS}
CLOUD = tuple(firm for firm in FIRMS if firm.tenant)
SITES = tuple(firm for firm in FIRMS if firm.site)
STOLEN = BY_ID[VICTIM].staff[4]
"""The account that opens."""
