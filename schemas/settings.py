"""Define settings as plain frozen models; bootstrap loads them from file and environment."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from schemas.addresses import REMEDY, find_address_problem
from schemas.customer import PROVIDER, AssetKind, FrozenModel
from schemas.customer_source import CustomerSources
from schemas.followed_files import FollowedFilesSettings
from schemas.origin_data import OriginSettings
from schemas.polled_tenant import Microsoft365Settings
from schemas.text_signs import find_name_problem


def _check_line(text: str) -> str:
    why = find_name_problem(text)
    if why:
        raise ValueError(f"it {why}; type it again, in one line")
    return text


def _check_address(text: str) -> str:
    why = find_address_problem(text) if text else None
    if why:
        raise ValueError(f"it {why}. {REMEDY}")
    return text


Line = Annotated[str, AfterValidator(_check_line)]
"""One line that is allowed in a message's header."""
AddressOrNone = Annotated[str, AfterValidator(_check_address)]
"""One mail address, or empty: none is set."""


class ProviderProfile(FrozenModel):
    """Who we are, as notices and reports say it. A blank mandatory field blocks release."""

    legal_name: Line = ""
    trading_name: Line = ""
    company_number: Line = ""
    registered_address: str = ""
    ico_registration: Line = ""
    sector: Line = ""
    """What we do, as the regulator's form asks for it."""
    contact_name: Line = ""
    """A named person for questions (and the Art. 33(3)(b) contact point)."""
    contact_email: AddressOrNone = ""
    contact_phone: Line = ""
    contact_hours: Line = ""
    complaints: str = ""
    """How to complain to us (DPA 2018 s.164A)."""
    promise: str = ""
    """Our own published sentence, quoted; empty: we publish none, and none binds."""
    promise_source: Line = ""
    invoices_before: date | None = None
    """`ring the number on an invoice from before <date>`"""
    locale: str = "en-GB"
    zone: str = "Europe/London"
    witness_email: AddressOrNone = ""
    """The nominated outsider told of a break-glass."""


class SmtpTls(StrEnum):
    """How a connection to the smarthost is protected. `none` is for loopback sinks only."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SmtpAuth(StrEnum):
    """Microsoft 365 ends basic authentication by default at the end of December 2026."""

    NONE = "none"
    PASSWORD = "password"  # noqa: S105 - the name of a method
    XOAUTH2 = "xoauth2"


class KafkaSecurity(StrEnum):
    """How a connection to Kafka is protected."""

    PLAINTEXT = "plaintext"
    TLS = "tls"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_TLS = "sasl_tls"


class SaslMechanism(StrEnum):
    """RFC 5802 (SCRAM), RFC 7628 (OAUTHBEARER), RFC 4616 (PLAIN)."""

    SCRAM_SHA_256 = "scram-sha-256"
    SCRAM_SHA_512 = "scram-sha-512"
    OAUTHBEARER = "oauthbearer"
    PLAIN = "plain"


class PostgresTls(StrEnum):
    """libpq's sslmode."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class SenderSettings(FrozenModel):
    """One sender of mail, and the assets that it depends on."""

    id: str = "main"
    channel: str = "smtp"
    """Plug-in in notifiers/channels: smtp | maildir."""
    from_name: Line = ""
    from_email: AddressOrNone = ""
    envelope_from: AddressOrNone = ""
    host: str = ""
    port: int = 587
    tls: SmtpTls = SmtpTls.STARTTLS
    ca_file: Path | None = None
    auth: SmtpAuth = SmtpAuth.PASSWORD
    username: str = ""
    secret: SecretStr = SecretStr("")
    maildir: Path | None = None
    assets: tuple[tuple[AssetKind, str], ...] = ()
    """Tenant, mailbox and domain that this sender depends on: if one is in the evidence, it is
    refused."""
    timeout_seconds: float = 30.0


class SourceSettings(FrozenModel):
    """A configured source of records."""

    name: str
    parser: str = "auto"
    zone: str = "Europe/London"
    owner: str = PROVIDER
    """Organization whose system this is."""
    horizon_hours: float = 24.0
    """H: how late a record may arrive and still count (24 syslog, 168 cloud audit)."""
    silence_minutes: int | None = Field(default=None, ge=0)
    """Quiet for longer: silent. None: for longer than its own past explains, at least an hour; 0:
    never silent."""
    max_future_minutes: float = Field(default=10.0, ge=0.0)
    """A stamp further ahead of its arrival is suspect: the event gets the time of its arrival."""
    fields: dict[str, str] = {}
    """ECS names by the keys of a generic format (CEF, LEEF, JSON, key=value)."""


class ReadingSettings(FrozenModel):
    """What reading one record may cost; beyond that it becomes a dead letter."""

    seconds: float = Field(default=1.0, ge=0.1)
    """Of processor time for any record."""
    seconds_per_mib: float = Field(default=2.0, ge=0.0)
    """Added for its length."""
    memory_mib: int = Field(default=512, ge=256)
    """Most memory of the process that reads records."""
    parsers: tuple[str, ...] = ()
    """Further parsers, each as `module:attribute`."""


class ClientCertificates(StrEnum):
    """Which certificates senders of syslog over TLS must have."""

    REQUIRED = "required"
    """One that an authority in `ca_file` issued, or that is in it."""
    LISTED = "listed"
    """Such a one that `senders` names."""
    OPTIONAL = "optional"
    """Such a one, or none."""
    NONE = "none"
    """None is asked for."""


class SyslogTlsSettings(FrozenModel):
    """Syslog over TLS (RFC 5425)."""

    port: int = Field(default=0, ge=0, le=65535)
    """0: off. The registered port is 6514."""
    cert_file: Path | None = None
    """PEM: our certificate, and those between it and its authority."""
    key_file: Path | None = None
    """PEM: its private key without a passphrase; None: it is in `cert_file`."""
    ca_file: Path | None = None
    """PEM: authorities of the senders' certificates, or single certificates of senders."""
    client_certificates: ClientCertificates = ClientCertificates.REQUIRED
    handshake_seconds: float = Field(default=10.0, gt=0)
    """A handshake that takes longer is ended."""
    senders: dict[str, str] = {}
    """Fingerprint (`sha-256:AB:CD…`) or name in the certificate → source name."""

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        if self.port and self.cert_file is None:
            raise ValueError("cert_file is missing")
        needs_authority = self.client_certificates is not ClientCertificates.NONE
        if self.port and needs_authority and self.ca_file is None:
            raise ValueError('ca_file is missing; without client certificates they are "none"')
        return self


class IntakeSettings(FrozenModel):
    """Listeners; all on loopback unless told otherwise."""

    host: str = "127.0.0.1"
    http_tokens: dict[str, SecretStr] = {}
    """source → bearer token; `*` for any source."""
    http_records: int = Field(default=50_000, ge=1)
    """Most records of one request; more are refused with 413."""
    syslog_udp: int = 0
    """Port; 0: off."""
    syslog_tcp: int = 0
    syslog_connections: int = Field(default=1000, ge=1)
    """Most syslog TCP connections at a time; those beyond leave a blind interval."""
    syslog_connections_per_sender: int = Field(default=100, ge=1)
    """Of one address."""
    syslog_idle_seconds: float = Field(default=900.0, gt=0)
    """A connection that has sent no whole record for so long is closed."""
    max_line_bytes: int = 4 * 1024 * 1024
    syslog_tls: SyslogTlsSettings = SyslogTlsSettings()
    senders: dict[str, str] = {}
    """Sender address → source name, for syslog."""


class NoticePolicy(FrozenModel):
    """Delivery policy of notices."""

    expires_hours: float = 72.0
    deferred_retry_minutes: tuple[int, ...] = (5, 15, 30, 60)
    telephone_after_deferred_hours: float = 4.0
    unknown_resend: bool = False
    """Resend `unknown` 15 minutes after intent without a person: off by default."""
    break_glass_delay_minutes: int = 15
    contact_change_days: int = Field(default=30, ge=0, le=3650)
    """A customer's contact that changed at most this many days before an incident, or later, is
    shown with the recipient; the person who changed it cannot approve."""


class StoreSettings(FrozenModel):
    """Where the store is. Nothing said: `store.db` in the data folder."""

    url: str = ""
    """`postgresql://user@host:5432/database`; the password belongs into `password` or a file."""
    schema_name: str = ""
    """PostgreSQL schema (search_path); empty: the role's own default."""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    tls: PostgresTls = PostgresTls.PREFER
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    pool_size: int = Field(default=5, ge=1)
    """Most connections of one process."""

    @property
    def distributed(self) -> bool:
        """Is the store a server that many processes share?"""
        return bool(self.url)


class KafkaSettings(FrozenModel):
    """Where the records are carried. Nothing said: the journal in the data folder."""

    servers: str = ""
    """`host:port,host:port`; empty: no Kafka."""
    prefix: str = Field(default="breachdesk.", max_length=40)
    """Of every topic's name."""
    group: str = "breachdesk"
    """Consumer group of the workers; their Faust agents' group is this and `.agents`."""
    security: KafkaSecurity = KafkaSecurity.PLAINTEXT
    mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    token_file: Path | None = None
    """OAUTHBEARER: a file with the present token, renewed by whoever issues it."""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    partitions: int = Field(default=4, ge=1)
    """Of each raw topic when it is created."""
    replication: int = Field(default=1, ge=1)
    min_insync_replicas: int = Field(default=1, ge=1)
    raw_retention_hours: float = 24.0 * 30
    batch_records: int = Field(default=4000, ge=1)
    """Most records in one transaction, also where the journal carries them."""
    session_seconds: float = Field(default=15.0, ge=1.0)
    """A worker that was silent for so long loses its partitions to the others."""
    dead_letter_limit: int = Field(default=100, ge=1)
    """Records on which the program itself failed before a worker says that it is not ready."""
    export_events: bool = False
    """Also export every normalised event."""


class DetectionSettings(FrozenModel):
    """What the state of open windows may take (docs/reference/streaming.md)."""

    memory_mib: int = Field(default=256, ge=16)
    """Of groups in memory; what lies beyond is in the store, and is read when it is needed."""
    disk_mib: int = Field(default=20_000, ge=64)
    """Of groups in the store; beyond it no record is processed until there is space: records wait
    in the journal or in Kafka, and every health page says so."""
    batch_milliseconds: int = Field(default=250, ge=10)
    """How long one batch should take at most: batches shrink and grow to meet it."""


class OpsSettings(FrozenModel):
    """What a process says of itself: /metrics, /healthz, /readyz, logs, traces."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """Of `worker` and `dispatch`; 0: off. The console answers on its own port."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str = ""
    """`http://host:4318/v1/traces`; empty: no traces. Needs the extra `otel`."""


class HttpSettings(FrozenModel):
    """Limits of the one HTTP port: console, intake, metrics and health."""

    connections: int = Field(default=1000, ge=10)
    """Most at a time; beyond that those go that keep us waiting."""
    connections_per_address: int = Field(default=100, ge=1)
    """Of one client address; loopback, where a proxy represents many clients, is not counted."""
    header_seconds: float = Field(default=10.0, gt=0)
    """The head of a request must come within so long."""
    body_grace_seconds: float = Field(default=10.0, gt=0)
    """A body may be slow for so long."""
    body_bytes_per_second: int = Field(default=1024, ge=1)
    """And must come at this pace after that."""
    body_seconds: float = Field(default=300.0, gt=0)
    """Longest that we wait for one body in all."""


class AuditSettings(FrozenModel):
    """Where the audit chain's head is noted outside the store."""

    anchor_file: Path | None = None
    """A file on another machine's mount, best where this program may only add; None: no anchor."""
    anchor_minutes: int = Field(default=60, ge=1, le=10_080)
    """A new line at least so often while something is audited; decisive acts get theirs at once."""


class RetentionSettings(FrozenModel):
    """How long personal data is kept; the sources are in docs/reference/retention.md."""

    case_years: int = Field(default=7, ge=0, le=100)
    """After a case with a breach is closed nobody can erase it for so long."""
    near_miss_months: int = Field(default=13, ge=0, le=1_200)
    """The same for a case without one."""
    delivery_failure_days: int = Field(default=30, ge=1, le=36_500)
    """What people wrote of bounces and unclear ends, as a server's log or letter said it."""


class ConsoleSettings(FrozenModel):
    """How people reach the console, and how long they stay signed in."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    idle_minutes: int = Field(default=30, ge=1, le=720)
    """A session that nobody uses for so long ends."""
    longest_hours: float = Field(default=12.0, gt=0, le=24)
    """A session ends after so long, however busy it is."""

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        """Check that each is an address or a network: with a name or `*` strangers could choose
        their own address."""
        for proxy in proxies:
            if ip_network(proxy).prefixlen == 0:
                raise ValueError("a network of every address is no proxy")
        return proxies

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def longest(self) -> timedelta:
        return timedelta(hours=self.longest_hours)


class LawSettings(FrozenModel):
    """How old a review of the law may be."""

    review_months: int = Field(default=6, ge=1, le=120)
    """`preflight` warns of entries whose review is older than that many months."""


class Settings(FrozenModel):
    """Everything a process needs to know before it starts."""

    data_dir: Path
    store: StoreSettings = StoreSettings()
    kafka: KafkaSettings = KafkaSettings()
    ops: OpsSettings = OpsSettings()
    http: HttpSettings = HttpSettings()
    templates_dir: Path | None = None
    rules_dirs: tuple[Path, ...] = ()
    profile: ProviderProfile = ProviderProfile()
    sources: tuple[SourceSettings, ...] = ()
    senders: tuple[SenderSettings, ...] = ()
    intake: IntakeSettings = IntakeSettings()
    microsoft365: tuple[Microsoft365Settings, ...] = ()
    customers: CustomerSources = ()
    files: tuple[FollowedFilesSettings, ...] = ()
    detection: DetectionSettings = DetectionSettings()
    reading: ReadingSettings = ReadingSettings()
    origins: OriginSettings = OriginSettings()
    notices: NoticePolicy = NoticePolicy()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    law: LawSettings = LawSettings()
    console: ConsoleSettings = ConsoleSettings()
    console_host: str = "127.0.0.1"
    console_port: int = Field(default=8080, ge=0, le=65535)
    drill: bool = False
    demo: bool = False
    jurisdictions: tuple[str, ...] = ()
    """Ids of the regulators that breaches are reported to, besides those that always apply."""

    @field_validator("microsoft365")
    @classmethod
    def _check_tenants(
        cls, tenants: tuple[Microsoft365Settings, ...]
    ) -> tuple[Microsoft365Settings, ...]:
        for names in ([each.tenant for each in tenants], [each.source_name for each in tenants]):
            if len(set(names)) < len(names):
                raise ValueError("a tenant or a source is named twice")
        return tenants

    def get_source(self, name: str) -> SourceSettings:
        """Return the source's settings, or defaults under its name: an unknown source is never
        refused."""
        return next((s for s in self.sources if s.name == name), SourceSettings(name=name))
