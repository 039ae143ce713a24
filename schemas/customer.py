"""Model customers, their people, and bitemporal ownership of assets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

PROVIDER = "provider"
"""The organization id of the provider itself: its billing panel, its firewalls, its staff."""


class FrozenModel(BaseModel):
    """Frozen, and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


MOST_HOURS = 8760
"""Of a clause on notice: a year."""


class DataRole(StrEnum):
    """Our role for the data reached through an asset (UK GDPR Art. 4(7), 4(8))."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class PecrStatus(StrEnum):
    """Is this a public electronic communications service (PECR reg. 5A)? `ask` blocks a `no`."""

    YES = "yes"
    NO = "no"
    ASK = "ask"


class DataCategory(StrEnum):
    """The words of the providers' own policies, and what customers store with them."""

    IDENTITY = "identity"
    CONTACT = "contact"
    FINANCIAL = "financial"
    TRANSACTION = "transaction"
    TECHNICAL = "technical"
    PROFILE = "profile"
    USAGE = "usage"
    MARKETING = "marketing"
    CREDENTIALS = "credentials"
    TRAFFIC = "traffic"
    MAIL = "mail"
    FILES = "files"
    WEBSITE = "website"
    BACKUP = "backup"
    HEALTH = "health"


class AssetKind(StrEnum):
    """What an event can name. `tenant`: a cloud directory's id; `source`: a configured source."""

    TENANT = "tenant"
    MAILBOX = "mailbox"
    DOMAIN = "domain"
    HOST = "host"
    IP = "ip"
    SITE = "site"
    SOURCE = "source"
    SERVICE = "service"


class PersonKind(StrEnum):
    """Why we know this person."""

    ACCOUNT_HOLDER = "account_holder"
    USER = "user"
    DATA_PROTECTION = "data_protection"


class Person(FrozenModel):
    """Someone who may have to be told."""

    id: str
    customer_id: str
    kind: PersonKind
    name: str = Field(repr=False)
    email: str = Field(default="", repr=False)
    phone: str = Field(default="", repr=False)


class Customer(FrozenModel):
    """An account, present or former."""

    id: str
    name: str = Field(repr=False)
    default_email: str = Field(default="", repr=False)
    """The default email address we store for the account."""
    phone: str = Field(default="", repr=False)
    locale: str = "en-GB"
    contract_start: datetime | None = None
    contract_end: datetime | None = None
    notice_hours: int | None = Field(default=None, ge=1, le=MOST_HOURS)
    """Hours within which our contract requires us to notify them of a breach; None: no clause with
    a limit in hours is known."""
    notice_clause: str | None = None
    """Where the contract says so, e.g. `DPA, clause 9.2`."""
    processes_for_others: bool = False
    """They are themselves processor for controllers, who must then be told by them."""
    people: tuple[Person, ...] = ()

    def find_contact(self, kind: PersonKind) -> Person | None:
        """Find the first person of that kind."""
        return next((p for p in self.people if p.kind is kind), None)


class Binding(FrozenModel):
    """An asset belonged to a customer from `valid_from` to `valid_to` (event time, half-open).

    `known_from`/`known_to` say when we knew it (transaction time): a correction closes the old row
    and adds a new one, so that a replay resolves as it was known then.
    """

    id: int = 0
    kind: AssetKind
    value: str
    """Normalised: case-folded; an IP or network in canonical text."""
    customer_id: str
    service: str = ""
    """Preset or free name, e.g. `hosted mailbox`."""
    role: DataRole
    categories: tuple[DataCategory, ...]
    pecr: PecrStatus = PecrStatus.NO
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    known_from: datetime | None = None
    known_to: datetime | None = None

    @property
    def asset(self) -> str:
        """`mailbox:jo@contoso.example`: how touches and manifests name it."""
        return f"{self.kind}:{self.value}"


class RowProblem(FrozenModel):
    """One thing wrong with one row of an imported file."""

    line: int
    column: str
    problem: str
    remedy: str


class ImportReport(FrozenModel):
    """What an import did, row by row where it matters."""

    file: str
    preset: str
    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    problems: tuple[RowProblem, ...] = ()


class UnattributedEvents(FrozenModel):
    """Events that no customer in the register owns."""

    key: str
    """`domain:contoso.example`, `mailbox:…`, `host:…`, `ip:…`, `tenant:…`"""
    events: int
    first: datetime
    last: datetime
    datasets: tuple[str, ...] = ()
