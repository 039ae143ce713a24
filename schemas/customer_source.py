"""Define the settings of a folder or address from which the customer register is kept true."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from schemas.customer import FrozenModel


def is_loopback_name(host: str) -> bool:
    """Whether the host is `localhost` or a loopback address."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or parts.username or parts.password or parts.fragment:
        raise ValueError("it is no address of a host without a user name")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback_name(parts.hostname)):
        return text
    raise ValueError("it is no https address; http is for this machine alone")


SourceAddress = Annotated[str, AfterValidator(_check_address)]


class CustomerSourceSettings(FrozenModel):
    """A folder or addresses that hold the customer register of another system."""

    name: str = Field(pattern=r"[a-z0-9][a-z0-9._-]{0,39}")
    folder: Path | None = None
    """Every file of it together is one delivery."""
    addresses: tuple[SourceAddress, ...] = ()
    """Everything that they answer together is one delivery."""
    vendor: str = "auto"
    """`plain`, or a plug-in in breachdesk/casework/imports/vendors."""
    email: Literal["primary", "billing"] = "primary"
    """Whose address becomes the default address: the primary contact's, or where invoices go."""
    every_minutes: float = Field(default=60.0, ge=1.0)
    header_file: Path | None = None
    """`Name: value` lines of request headers, or a bearer token alone."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's."""
    most_percent: float = Field(default=20.0, gt=0.0, le=100.0)
    """When more customers change or go than this part, every change waits for a person."""
    most_mib: float = Field(default=20.0, gt=0.0, le=50.0)
    seconds: float = Field(default=60.0, gt=0.0, le=600.0)
    """How long reading may take."""
    services: dict[str, str] = {}
    """Service presets of machines by the vendor's word or number for their type."""

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.folder is None) == (not self.addresses):
            raise ValueError("name either a folder or addresses")
        return self


def _check_names(
    sources: tuple[CustomerSourceSettings, ...],
) -> tuple[CustomerSourceSettings, ...]:
    if len({source.name for source in sources}) < len(sources):
        raise ValueError("a source of customers is named twice")
    return sources


CustomerSources = Annotated[tuple[CustomerSourceSettings, ...], AfterValidator(_check_names)]
