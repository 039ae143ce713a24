"""Whose is it? Every act gets its customer and the data it touched, as of event time.

What an act says is trusted in this order:

1. the directory's tenant id, stamped by the vendor (`cloud.account.id`, else `organization.id`);
2. the mailbox acted on, then its domain: only in a directory's or a mail service's own records.
   Anybody can type any name at any other sign-in form, so a name typed there says nothing;
3. the machine that saw it: `host.name`, `observer.name`, `observer.hostname`, its serial number,
   `observer.ip`; then the source, if it is bound to a customer or one is configured as its owner;
4. the site or machine that was reached: `url.domain`, `destination.ip`;
5. the source, if it is the provider's.

The first that is bound to a customer wins, with one exception: a name of step 2 never beats a
machine of step 3 that belongs to another customer. What is bound to the provider itself decides
only when nothing below names a customer: our mail server, web server and firewall serve many.

**Records on our own sites.** A binding of kind `site` or `service` with the value
`<host>?<parameter>=<value>` (say `billing.example.net?userid=1007`) names the customer whose
record a page of that host shows. It counts only where the host is bound to the provider, never
on a customer's or a stranger's host, and only for pages that were delivered: the act then belongs
to the provider and touches the system, and beside it that customer's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from schemas.customer import PROVIDER, AssetKind, Binding
from schemas.event import RawRecord, Touch, Value
from schemas.plugin import Act
from schemas.quick import quick
from schemas.settings import SourceSettings
from streams.ports import RegisterView
from streams.tokenizers import json_lines

Fields = Mapping[str, Value]
Name = tuple[AssetKind, str]

PERSON_FIELDS = ("user.target.email", "user.target.name", "user.email", "user.name")
HOST_FIELDS = ("host.name", "observer.name", "observer.hostname", "observer.serial_number")
MAIL_SERVICES = frozenset({"imap", "imaps", "pop3", "pop3s", "smtp", "smtps", "submission"})
WATCHERS = frozenset({"firewall", "vpn", "proxy", "router", "ids", "ips"})
LONGEST_QUERY = 2_000
LONGEST_DOMAIN = 253
"""Characters of a domain name (RFC 1035); of a longer text only its parents can be bound."""


@quick
class Resolution:
    """Whose act it is, and whose data it reached or tried to reach."""

    organization: str | None
    touches: tuple[Touch, ...] = ()
    unattributed: str | None = None
    """What a person would have to bind, if the organization is None."""


class Enricher:
    """Resolves against one immutable view; make a new one for a new view."""

    def __init__(self, view: RegisterView) -> None:
        self._view = view
        self._known: dict[int, tuple[Touch, ...]] = {}
        self._whose: dict[tuple[int, int], Resolution] = {}

    def resolve(self, act: Act, record: RawRecord, source: SourceSettings) -> Resolution:
        """As of event time; of arrival where the line carries none."""
        fields, at = act.fields, act.time or record.arrived
        tenant, person = _tenant(fields), _person(fields)
        mailbox = self._mailbox(person, at) if person else None
        directory = self._view.find(AssetKind.TENANT, tenant, at) if tenant else None
        if directory is not None:
            return self._theirs(directory, mailbox)
        seen_by = self._first(_observers(fields), at)
        if mailbox is not None and not _of_another(seen_by, mailbox):
            return self._theirs(mailbox)
        if not _of_a_customer(seen_by):
            bound = self._view.find(AssetKind.SOURCE, source.name, at)
            seen_by = bound if _of_a_customer(bound) else seen_by or bound
        if seen_by is not None and seen_by.customer_id != PROVIDER:
            return self._theirs(seen_by)
        if source.owner != PROVIDER:
            return Resolution(source.owner)
        return self._reached(fields, at) or self._left_over(fields, at, seen_by, source)

    def _mailbox(self, address: str, at: datetime) -> Binding | None:
        return self._view.find(AssetKind.MAILBOX, address, at) or self._domain(
            address.rpartition("@")[2], at
        )

    def _domain(self, name: str, at: datetime) -> Binding | None:
        """The domain's, else its nearest bound parent's."""
        if len(name) > LONGEST_DOMAIN:
            name = name[-LONGEST_DOMAIN:].partition(".")[2]
        while "." in name:
            found = self._view.find(AssetKind.DOMAIN, name, at)
            if found is not None:
                return found
            name = name.partition(".")[2]
        return None

    def _first(self, names: Iterable[Name], at: datetime) -> Binding | None:
        """The first that a customer owns, else the first that the provider owns."""
        ours = None
        for kind, value in names:
            found = self._view.find(kind, value, at)
            if found is None:
                continue
            if found.customer_id != PROVIDER:
                return found
            ours = ours or found
        return ours

    def _reached(self, fields: Fields, at: datetime) -> Resolution | None:
        """By the site, else by the machine; None where neither names a customer or our site."""
        host = _served(fields)
        site = self._site(host, at) if host else None
        if site is not None and site.customer_id != PROVIDER:
            return self._theirs(site)
        machine = self._first(_destination(fields), at)
        if machine is not None and machine.customer_id != PROVIDER:
            return self._theirs(machine)
        if site is None:
            return None
        return Resolution(PROVIDER, self._touches(site) + self._records(fields, host, at))

    def _site(self, host: str, at: datetime) -> Binding | None:
        return (
            self._view.find(AssetKind.SITE, host, at)
            or self._view.find(AssetKind.HOST, host, at)
            or self._domain(host, at)
        )

    def _records(self, fields: Fields, host: str, at: datetime) -> tuple[Touch, ...]:
        """Whose records a page of our own site showed."""
        query = fields.get("url.query")
        if not query or not _delivered(fields):
            return ()
        touches: dict[Touch, None] = {}
        for parameter, value in parse_qsl(str(query)[:LONGEST_QUERY]):
            name = f"{host}?{parameter}={value}"
            for kind in (AssetKind.SERVICE, AssetKind.SITE):
                found = self._view.find(kind, name, at)
                if found is not None:
                    touches.update(dict.fromkeys(self._touches(found)))
        return tuple(touches)

    def _left_over(
        self, fields: Fields, at: datetime, seen_by: Binding | None, source: SourceSettings
    ) -> Resolution:
        """The provider's own, unless it names somebody or something that nobody has bound."""
        stranger = _stranger(fields)
        ours = seen_by or self._first(_destination(fields), at)
        if stranger is None and (ours or "owner" in source.model_fields_set):
            return Resolution(PROVIDER, self._touches(ours) if ours else ())
        return Resolution(None, (), stranger or _machine(fields) or f"source:{source.name}")

    def _theirs(self, binding: Binding, mailbox: Binding | None = None) -> Resolution:
        """The same few bindings come again and again; the view keeps them, so that ids stay."""
        pair = (id(binding), id(mailbox))
        found = self._whose.get(pair)
        if found is None:
            found = self._whose[pair] = self._owned_by(binding, mailbox)
        return found

    def _owned_by(self, binding: Binding, mailbox: Binding | None) -> Resolution:
        touches = self._touches(binding)
        if mailbox is not None and mailbox.customer_id == binding.customer_id:
            touches = tuple(dict.fromkeys((*touches, *self._touches(mailbox))))
        return Resolution(binding.customer_id, touches)

    def _touches(self, binding: Binding) -> tuple[Touch, ...]:
        touches = self._known.get(id(binding))
        if touches is None:
            touches = tuple(
                Touch(binding.customer_id, binding.asset, category.value)
                for category in binding.categories
            )
            self._known[id(binding)] = touches
        return touches


def _of_a_customer(binding: Binding | None) -> bool:
    return binding is not None and binding.customer_id != PROVIDER


def _tenant(fields: Fields) -> str:
    return str(fields.get("cloud.account.id") or fields.get("organization.id") or "")


def _person(fields: Fields) -> str:
    """The mailbox acted on, where the record's maker knows mailboxes; else empty."""
    if not _tenant(fields) and (
        json_lines.word(fields.get("network.application")) not in MAIL_SERVICES
    ):
        return ""
    for field in PERSON_FIELDS:
        name = fields.get(field)
        if name and "@" in (text := str(name)):
            return text.casefold()
    return ""


def _served(fields: Fields) -> str:
    """The site that answered. A firewall's `url.domain` is only where somebody behind it went."""
    if json_lines.word(fields.get("observer.type")) in WATCHERS:
        return ""
    return str(fields.get("url.domain") or "")


def _observers(fields: Fields) -> list[Name]:
    names = [(AssetKind.HOST, str(name)) for field in HOST_FIELDS if (name := fields.get(field))]
    return names + _addresses(fields.get("observer.ip"))


def _destination(fields: Fields) -> list[Name]:
    return _addresses(fields.get("destination.ip"))


def _addresses(value: Value) -> list[Name]:
    """ECS lets an address field be one or a list."""
    if not value:
        return []
    several = value if isinstance(value, list) else [value]
    return [(AssetKind.IP, str(one)) for one in several]


def _of_another(seen_by: Binding | None, mailbox: Binding) -> bool:
    return seen_by is not None and seen_by.customer_id not in (PROVIDER, mailbox.customer_id)


def _delivered(fields: Fields) -> bool:
    """Was a page shown? A redirect answers a form that was saved, but also a visitor who has not
    signed in: it counts for forms only."""
    status = json_lines.number(fields.get("http.response.status_code"))
    if status is None or status == 304:
        return True
    posted = fields.get("http.request.method") == "POST"
    return status < (400 if posted else 300)


def _stranger(fields: Fields) -> str | None:
    """A name that stands for a customer and is bound to nobody."""
    person, tenant = _person(fields), _tenant(fields)
    if person:
        return f"domain:{person.rpartition('@')[2]}"
    if tenant:
        return f"tenant:{tenant.casefold()}"
    host = _served(fields)
    return f"domain:{host.casefold()}" if host else None


def _machine(fields: Fields) -> str | None:
    """The machine that would have to be bound."""
    for kind, value in [*_observers(fields), *_destination(fields)]:
        return f"{kind}:{value.casefold()}"
    return None
