"""Service presets: what a service stores, by its usual name, so that nobody types roles and
categories.

Roles after UK GDPR Art. 4(7) and (8): we are processor for what customers store with us, controller
for what we keep about them. `ask` under PECR reg. 5A: only the provider knows whether this resale
makes it the provider of a public electronic communications service. The review date is in the law's
data, under `service_roles`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.customer import AssetKind, DataCategory, DataRole, PecrStatus

C = DataCategory
REFERENCE = "service_roles"
"""Where the law's data says when a person last looked at the table."""


@dataclass(frozen=True, slots=True)
class ServicePreset:
    """Role, categories and PECR flag of a service."""

    name: str
    role: DataRole
    categories: tuple[DataCategory, ...]
    why: str
    pecr: PecrStatus = PecrStatus.NO


_TABLE = (
    ServicePreset(
        "Microsoft 365 tenant",
        DataRole.PROCESSOR,
        (C.MAIL, C.FILES),
        "The customer's mail and files; we administer the directory on its behalf.",
    ),
    ServicePreset(
        "hosted mailbox", DataRole.PROCESSOR, (C.MAIL,), "The customer's own mail on our platform."
    ),
    ServicePreset(
        "hosted mail domain", DataRole.PROCESSOR, (C.MAIL,), "All mailboxes under the domain."
    ),
    ServicePreset(
        "hosted website",
        DataRole.PROCESSOR,
        (C.WEBSITE,),
        "Whatever the customer's site collects and stores.",
    ),
    ServicePreset(
        "backup",
        DataRole.PROCESSOR,
        (C.BACKUP,),
        "Copies of the customer's systems and disk images.",
    ),
    ServicePreset(
        "file share", DataRole.PROCESSOR, (C.FILES,), "Files that the customer keeps with us."
    ),
    ServicePreset(
        "monitored computer",
        DataRole.PROCESSOR,
        (C.FILES, C.TECHNICAL),
        "A computer of the customer that we can reach through remote management.",
    ),
    ServicePreset(
        "managed server",
        DataRole.PROCESSOR,
        (C.FILES, C.MAIL, C.CREDENTIALS, C.TECHNICAL),
        "A server of the customer that we administer: its shares, mail and accounts.",
    ),
    ServicePreset(
        "workstation",
        DataRole.PROCESSOR,
        (C.FILES, C.MAIL, C.TECHNICAL),
        "A computer on which one of the customer's people works: its files and cached mail.",
    ),
    ServicePreset(
        "managed firewall",
        DataRole.PROCESSOR,
        (C.TRAFFIC, C.TECHNICAL),
        "Connections of the customer's people, in logs that we keep for the customer.",
    ),
    ServicePreset(
        "managed network",
        DataRole.PROCESSOR,
        (C.TECHNICAL,),
        "Switches and wireless points whose settings we keep; no connection logs.",
    ),
    ServicePreset(
        "domain",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT),
        "The registrant's details that we pass to the registry.",
    ),
    ServicePreset(
        "broadband line",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.TRAFFIC),
        "Subscriber and traffic data of a line we sell; PECR may apply.",
        PecrStatus.ASK,
    ),
    ServicePreset(
        "telephone line",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.TRAFFIC),
        "Subscriber and call data of a line we sell; PECR may apply.",
        PecrStatus.ASK,
    ),
    ServicePreset(
        "billing account",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.FINANCIAL, C.TRANSACTION),
        "The account in our billing panel or accounts system.",
    ),
    ServicePreset(
        "customer portal",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.PROFILE),
        "Sign-ins, details and preferences of the portal's users.",
    ),
    ServicePreset(
        "helpdesk",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.TECHNICAL, C.USAGE),
        "Tickets and the contact details of those who raised them.",
    ),
    ServicePreset(
        "support passwords",
        DataRole.CONTROLLER,
        (C.CREDENTIALS,),
        "Passwords shared with us to support the customer's equipment.",
    ),
    ServicePreset(
        "our billing panel",
        DataRole.CONTROLLER,
        (C.IDENTITY, C.CONTACT, C.FINANCIAL, C.TRANSACTION),
        "The panel itself, with every customer's account (customer id `provider`).",
    ),
    ServicePreset(
        "our own system",
        DataRole.CONTROLLER,
        (C.TECHNICAL,),
        "Any other machine of the provider (customer id `provider`).",
    ),
)
SERVICES: Mapping[str, ServicePreset] = {preset.name.casefold(): preset for preset in _TABLE}
"""By case-folded name."""

USUAL: Mapping[AssetKind, str] = {
    AssetKind.TENANT: "Microsoft 365 tenant",
    AssetKind.MAILBOX: "hosted mailbox",
    AssetKind.DOMAIN: "hosted mail domain",
    AssetKind.IP: "broadband line",
    AssetKind.SITE: "hosted website",
    AssetKind.SOURCE: "managed firewall",
    AssetKind.SERVICE: "billing account",
}
"""What an asset most often is, when a person binds it and names no service. A machine may hold files
and mail or only pass them on: a person must say which."""
