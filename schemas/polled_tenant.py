"""Define the settings of a Microsoft 365 tenant whose audit records are polled."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.customer import PROVIDER, FrozenModel


class AuditContent(StrEnum):
    """Content types of the Management Activity API."""

    ENTRA = "Audit.AzureActiveDirectory"
    EXCHANGE = "Audit.Exchange"
    SHAREPOINT = "Audit.SharePoint"
    GENERAL = "Audit.General"
    DLP = "DLP.All"


def _check_identifier(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("it is no id like 11111111-2222-3333-4444-555555555555") from None


def _check_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("it is no https address of a host alone")
    return f"https://{parts.netloc}"


EntraId = Annotated[str, AfterValidator(_check_identifier)]
HostAddress = Annotated[str, AfterValidator(_check_address)]


class Microsoft365Settings(FrozenModel):
    """A Microsoft 365 tenant whose audit records are polled."""

    tenant: EntraId
    client: EntraId
    """Application (client) id of the app registration."""
    certificate_file: Path | None = None
    """PEM: the private key, without a passphrase, and the certificate."""
    secret_file: Path | None = None
    """The client secret, where there is no certificate."""
    source: str = ""
    """Name of the source; empty: `microsoft365-` and the tenant id."""
    customer: str = PROVIDER
    """Organization whose tenant this is."""
    content_types: tuple[AuditContent, ...] = Field(default=tuple(AuditContent), min_length=1)
    poll_seconds: float = Field(default=60.0, ge=1.0)
    look_back_hours: float = Field(default=6.0, ge=0.0, le=144.0)
    """Content that became available so long before the last poll is listed again: some comes
    late."""
    login: HostAddress = "https://login.microsoftonline.com"
    """Where tokens come from; another one in a national cloud."""
    api: HostAddress = "https://manage.office.com"
    """The Management Activity API; another one in a national cloud."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's, for a proxy that ends TLS."""

    @field_validator("content_types")
    @classmethod
    def _drop_repeated(cls, content_types: tuple[AuditContent, ...]) -> tuple[AuditContent, ...]:
        return tuple(dict.fromkeys(content_types))

    @model_validator(mode="after")
    def _check_credential(self) -> Self:
        if (self.certificate_file is None) == (self.secret_file is None):
            raise ValueError("name either certificate_file or secret_file")
        return self

    @property
    def source_name(self) -> str:
        return self.source or f"microsoft365-{self.tenant}"
