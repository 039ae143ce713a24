"""Attribute each event to a customer and to the data that it touched, as of event time.

Evidence is used in this order:

1. the directory's tenant id, stamped by the vendor (`cloud.account.id`, else `organization.id`);
2. the mailbox acted on, then its domain: only in a directory's or a mail service's own records.
Anybody can type any name at any other sign-in form, so a name typed there is no evidence;
3. the machine that recorded it: `host.name`, `observer.name`, `observer.hostname`, its serial
number, `observer.ip`; then the source, if it is bound to a customer or one is configured as its
owner;
4. the site or machine that was reached: `url.domain`, `destination.ip`;
5. the source, if it is the provider's.

The first that is bound to a customer wins, with one exception: a name of step 2 never overrides a
machine of step 3 that belongs to another customer. What is bound to the provider itself decides
only if nothing below names a customer: our mail server, web server and firewall serve many.

**Records on our own sites.** A binding of kind `site` or `service` with the value
`<host>?<parameter>=<value>` (say `billing.example.net?userid=1007`) names the customer whose record
a page of that host shows. It counts only where the host is bound to the provider, never on a
customer's or a stranger's host, and only for pages that were delivered: the act then belongs to the
provider and touches the system and that customer's data."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from schemas.customer import PROVIDER, AssetKind, Binding
from schemas.pipeline.event import AssetTouch, RawRecord, Value
from schemas.pipeline.plugin import ParsedEvent
from schemas.pipeline.slotted import slotted
from schemas.settings import SourceSettings
from streams.ports import RegisterView
from streams.tokenizers import json_lines

T = TypeVar("T")
Fields = Mapping[str, Value]
Name = tuple[AssetKind, str]

PERSON_FIELDS = ("user.target.email", "user.target.name", "user.email", "user.name")
HOST_FIELDS = ("host.name", "observer.name", "observer.hostname", "observer.serial_number")
WATCHER_FIELDS = (*HOST_FIELDS, "observer.ip")
REACHED_FIELDS = ("observer.type", "url.domain", "destination.ip")
TENANT, PERSON = "the tenant's id", "the mailbox acted on"
"""Not fields, but what was made of several; empty texts where there is none."""
MAIL_SERVICES = frozenset({"imap", "imaps", "pop3", "pop3s", "smtp", "smtps", "submission"})
WATCHERS = frozenset({"firewall", "vpn", "proxy", "router", "ids", "ips"})
LONGEST_QUERY = 2_000
LONGEST_DOMAIN = 253
"""Characters of a domain name (RFC 1035); of a longer text only its parents can be bound."""
MOST_ANSWERS = 50_000
"""Remembered; then all are forgotten: whoever may send may invent names."""
_BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@slotted
class OwnerResolution:
    """The owner of an act, and the data that it reached or tried to reach."""

    organization: str | None
    touches: tuple[AssetTouch, ...] = ()
    unattributed: str | None = None
    """What a person would have to bind, if the organization is None."""


_Values = tuple[Any, ...]
"""What an answer is remembered by."""


class _ActWitness(NamedTuple):
    """Who saw an act; `machine` alone speaks against a mailbox."""

    machine: Binding | None
    seen_by: Binding | None
    """The machine, else the source."""
    owner: OwnerResolution | None
    """None: it is the provider's or nobody's, and what was reached decides."""


class _ReachResolution(NamedTuple):
    """The owner of the reached site or machine. `own_host`: our own site, with pages that may show
    customers' records."""

    resolution: OwnerResolution
    own_host: str | None = None


class EventEnricher:
    """Resolves against one immutable view and remembers its answers; make a new one for a new view.

    An answer depends on the source, on a few fields, and on time only as far as bindings begin and
    end. Each question is given only the values that its answer is remembered by, so that it cannot
    ask for what is missing from them. Only texts are remembered: `True`, `1` and `1.0` are equal
    and not the same."""

    def __init__(self, view: RegisterView, most_answers: int = MOST_ANSWERS) -> None:
        self._view = view
        self._most_answers = most_answers
        self._span = (_END_OF_TIME, _END_OF_TIME, -1)
        """Begin and end of the span between two edges of the view, and its number."""
        self._accounts: dict[_Values, tuple[OwnerResolution | None, Binding | None]] = {}
        self._watchers: dict[_Values, _ActWitness] = {}
        self._answers: dict[_Values, _ReachResolution] = {}
        self._sources: dict[int, SourceSettings] = {}
        """Kept, so that their ids stay theirs."""
        self._owned: dict[tuple[int, int], tuple[Binding, Binding | None, OwnerResolution]] = {}
        self._touched: dict[int, tuple[Binding, tuple[AssetTouch, ...]]] = {}

    def resolve(
        self, act: ParsedEvent, record: RawRecord, source: SourceSettings
    ) -> OwnerResolution:
        """Resolve the owner as of event time; as of arrival if the line carries none."""
        fields, at = act.fields, act.time or record.arrived
        begin, end, span = self._span
        if not begin <= at < end:
            span = self._select_interval(at)
        get = fields.get
        tenant, person, mailbox = _get_tenant(get), "", None
        application = get("network.application")
        if tenant or (isinstance(application, str) and application in MAIL_SERVICES):
            person = _get_person(fields)
            directory, mailbox = self._resolve_account(span, tenant, person, at)
            if directory is not None:
                return directory
        seen = (id(source), span, *map(get, WATCHER_FIELDS))
        machine, seen_by, owner = _recall(self._watchers, seen) or self._find_witness(
            seen, at, source
        )
        if mailbox is not None and not _is_of_another(machine, mailbox):
            return self._resolve_binding(mailbox)
        if owner is not None:
            return owner
        values = (*seen, tenant, person, *map(get, REACHED_FIELDS))
        answer = _recall(self._answers, values) or self._resolve_reach(values, at, seen_by, source)
        if answer.own_host is not None and get("url.query"):
            touches = self._find_touched_records(fields, answer.own_host, at)
            return OwnerResolution(PROVIDER, answer.resolution.touches + touches)
        return answer.resolution

    def _select_interval(self, at: datetime) -> int:
        """Return the number of edges up to that time."""
        edges = self._view.edges
        number = bisect_right(edges, at)
        begin = edges[number - 1] if number else _BEGIN_OF_TIME
        end = edges[number] if number < len(edges) else _END_OF_TIME
        self._span = (begin, end, number)
        return number

    def _resolve_account(
        self, span: int, tenant: str, person: str, at: datetime
    ) -> tuple[OwnerResolution | None, Binding | None]:
        """Resolve the customer of the directory, and the binding of the mailbox."""
        known = self._accounts.get((span, tenant, person))
        if known is None:
            mailbox = self.find_mailbox(person, at) if person else None
            directory = self._view.find(AssetKind.TENANT, tenant, at) if tenant else None
            known = (
                (None if directory is None else self._resolve_binding(directory, mailbox)),
                mailbox,
            )
            self._clear_when_full()
            self._accounts[span, tenant, person] = known
        return known

    def _find_witness(self, values: _Values, at: datetime, source: SourceSettings) -> _ActWitness:
        fields = dict(zip(WATCHER_FIELDS, values[2:], strict=True))
        machine = seen_by = self._find_first(_list_observers(fields), at)
        if not _is_of_customer(seen_by):
            bound = self._view.find(AssetKind.SOURCE, source.name, at)
            seen_by = bound if _is_of_customer(bound) else seen_by or bound
        owner = None
        if seen_by is not None and seen_by.customer_id != PROVIDER:
            owner = self._resolve_binding(seen_by)
        elif source.owner != PROVIDER:
            owner = OwnerResolution(source.owner)
        watcher = _ActWitness(machine, seen_by, owner)
        if _has_only_texts(values):
            self._clear_when_full()
            self._sources[id(source)] = source
            self._watchers[values] = watcher
        return watcher

    def _resolve_reach(
        self, values: _Values, at: datetime, seen_by: Binding | None, source: SourceSettings
    ) -> _ReachResolution:
        names = (*WATCHER_FIELDS, TENANT, PERSON, *REACHED_FIELDS)
        fields = dict(zip(names, values[2:], strict=True))
        answer = self._resolve_reached(fields, at)
        if answer is None:
            answer = _ReachResolution(self._resolve_remaining(fields, at, seen_by, source))
        if _has_only_texts(values):
            self._clear_when_full()
            self._sources[id(source)] = source
            self._answers[values] = answer
        return answer

    def _clear_when_full(self) -> None:
        remembered = len(self._accounts) + len(self._watchers) + len(self._answers)
        if remembered >= self._most_answers:
            self._accounts.clear()
            self._watchers.clear()
            self._answers.clear()
            self._sources.clear()

    def find_mailbox(self, address: str, at: datetime) -> Binding | None:
        """Find the mailbox's binding, else that of its domain or of the nearest bound parent."""
        return self._view.find(AssetKind.MAILBOX, address, at) or self._find_domain(
            address.rpartition("@")[2], at
        )

    def _find_domain(self, name: str, at: datetime) -> Binding | None:
        """Find the domain's binding, else its nearest bound parent's."""
        if len(name) > LONGEST_DOMAIN:
            name = name[-LONGEST_DOMAIN:].partition(".")[2]
        while "." in name:
            binding = self._view.find(AssetKind.DOMAIN, name, at)
            if binding is not None:
                return binding
            name = name.partition(".")[2]
        return None

    def _find_first(self, names: Iterable[Name], at: datetime) -> Binding | None:
        """Find the first that a customer owns, else the first that the provider owns."""
        ours = None
        for kind, value in names:
            binding = self._view.find(kind, value, at)
            if binding is None:
                continue
            if binding.customer_id != PROVIDER:
                return binding
            ours = ours or binding
        return ours

    def _resolve_reached(self, fields: Fields, at: datetime) -> _ReachResolution | None:
        """Resolve by the site, else by the machine; None if neither names a customer or our
        site."""
        host = _get_served_site(fields)
        site = self._find_site(host, at) if host else None
        if site is not None and site.customer_id != PROVIDER:
            return _ReachResolution(self._resolve_binding(site))
        machine = self._find_first(_list_destinations(fields), at)
        if machine is not None and machine.customer_id != PROVIDER:
            return _ReachResolution(self._resolve_binding(machine))
        return (
            None
            if site is None
            else _ReachResolution(OwnerResolution(PROVIDER, self._get_touches(site)), host)
        )

    def _find_site(self, host: str, at: datetime) -> Binding | None:
        return (
            self._view.find(AssetKind.SITE, host, at)
            or self._view.find(AssetKind.HOST, host, at)
            or self._find_domain(host, at)
        )

    def _find_touched_records(
        self, fields: Fields, host: str, at: datetime
    ) -> tuple[AssetTouch, ...]:
        """Find the customers with records on the page of our own site that was shown."""
        query = fields.get("url.query")
        if not query or not _is_delivered(fields):
            return ()
        touches: dict[AssetTouch, None] = {}
        for parameter, value in parse_qsl(str(query)[:LONGEST_QUERY]):
            name = f"{host}?{parameter}={value}"
            for kind in (AssetKind.SERVICE, AssetKind.SITE):
                binding = self._view.find(kind, name, at)
                if binding is not None:
                    touches.update(dict.fromkeys(self._get_touches(binding)))
        return tuple(touches)

    def _resolve_remaining(
        self, fields: Fields, at: datetime, seen_by: Binding | None, source: SourceSettings
    ) -> OwnerResolution:
        """Resolve to the provider, unless the event names an unbound person or machine."""
        stranger = _find_stranger(fields)
        ours = seen_by or self._find_first(_list_destinations(fields), at)
        if stranger is None and (ours or "owner" in source.model_fields_set):
            return OwnerResolution(PROVIDER, self._get_touches(ours) if ours else ())
        return OwnerResolution(
            None, (), stranger or _find_machine(fields) or f"source:{source.name}"
        )

    def _resolve_binding(self, binding: Binding, mailbox: Binding | None = None) -> OwnerResolution:
        """Resolve and cache: the same few bindings recur, with new names of people."""
        pair = (id(binding), id(mailbox))
        known = self._owned.get(pair)
        if known is None:
            touches = self._get_touches(binding)
            if mailbox is not None and mailbox.customer_id == binding.customer_id:
                touches = tuple(dict.fromkeys((*touches, *self._get_touches(mailbox))))
            known = (binding, mailbox, OwnerResolution(binding.customer_id, touches))
            self._owned[pair] = known
        return known[2]

    def _get_touches(self, binding: Binding) -> tuple[AssetTouch, ...]:
        """Return the touches of a binding, one shared tuple for the same few bindings."""
        known = self._touched.get(id(binding))
        if known is None:
            touches = tuple(
                AssetTouch(binding.customer_id, binding.asset, category.value)
                for category in binding.categories
            )
            known = self._touched[id(binding)] = (binding, touches)
        return known[1]


def _recall(remembered: Mapping[_Values, T], values: _Values) -> T | None:
    try:
        return remembered.get(values)
    except TypeError:  # a list cannot be remembered by
        return None


def _has_only_texts(values: _Values) -> bool:
    """Whether all values are texts, apart from the source and the span."""
    return all(value is None or type(value) is str for value in values[2:])


def _is_of_customer(binding: Binding | None) -> bool:
    return binding is not None and binding.customer_id != PROVIDER


def _get_tenant(get: Callable[[str], Value]) -> str:
    tenant = get("cloud.account.id") or get("organization.id")
    return str(tenant) if tenant else ""


def _get_person(fields: Fields) -> str:
    """Return the mailbox acted on, of a record from a directory or mail service; else empty."""
    for field in PERSON_FIELDS:
        name = fields.get(field)
        if name and "@" in (text := str(name)):
            return text.casefold()
    return ""


def _get_served_site(fields: Fields) -> str:
    """Return the site that answered. A firewall's `url.domain` is only a site that somebody behind
    it visited."""
    if json_lines.to_word(fields.get("observer.type")) in WATCHERS:
        return ""
    return str(fields.get("url.domain") or "")


def _list_observers(fields: Fields) -> list[Name]:
    names = [(AssetKind.HOST, str(name)) for field in HOST_FIELDS if (name := fields.get(field))]
    return names + _list_addresses(fields.get("observer.ip"))


def _list_destinations(fields: Fields) -> list[Name]:
    return _list_addresses(fields.get("destination.ip"))


def _list_addresses(value: Value) -> list[Name]:
    """List the addresses of an ECS field, which may be one or a list."""
    if not value:
        return []
    several = value if isinstance(value, list) else [value]
    return [(AssetKind.IP, str(one)) for one in several]


def _is_of_another(seen_by: Binding | None, mailbox: Binding) -> bool:
    return seen_by is not None and seen_by.customer_id not in (PROVIDER, mailbox.customer_id)


def _is_delivered(fields: Fields) -> bool:
    """Whether a page was shown. A redirect follows a form that was saved, but also a visitor who
    has not signed in: it counts for forms only."""
    status = json_lines.to_number(fields.get("http.response.status_code"))
    if status is None or status == 304:
        return True
    posted = fields.get("http.request.method") == "POST"
    return status < (400 if posted else 300)


def _find_stranger(fields: Fields) -> str | None:
    """Find a name that represents a customer and is not bound."""
    person, tenant = fields[PERSON], fields[TENANT]
    if person:
        return f"domain:{person.rpartition('@')[2]}"
    if tenant:
        return f"tenant:{tenant.casefold()}"
    host = _get_served_site(fields)
    return f"domain:{host.casefold()}" if host else None


def _find_machine(fields: Fields) -> str | None:
    """Find the machine that would have to be bound."""
    for kind, value in [*_list_observers(fields), *_list_destinations(fields)]:
        return f"{kind}:{value.casefold()}"
    return None
