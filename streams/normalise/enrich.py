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

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
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
SEEN_FIELDS = (
    *("cloud.account.id", "organization.id", "network.application"),
    *(*HOST_FIELDS, "observer.ip"),
)
"""Which decide alone for most events."""
REACHED_FIELDS = ("observer.type", "url.domain", "destination.ip")
MAIL_SERVICES = frozenset({"imap", "imaps", "pop3", "pop3s", "smtp", "smtps", "submission"})
WATCHERS = frozenset({"firewall", "vpn", "proxy", "router", "ids", "ips"})
LONGEST_QUERY = 2_000
LONGEST_DOMAIN = 253
"""Characters of a domain name (RFC 1035); of a longer text only its parents can be bound."""
MOST_ANSWERS = 50_000
"""Remembered; then all are forgotten: whoever may send may invent names."""
_BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@quick
class Resolution:
    """Whose act it is, and whose data it reached or tried to reach."""

    organization: str | None
    touches: tuple[Touch, ...] = ()
    unattributed: str | None = None
    """What a person would have to bind, if the organization is None."""


_Values = tuple[Any, ...]
"""A source's id, a span's number, and the values of fields."""
_Answer = tuple[Resolution, str | None]
"""With the host of our own site, whose pages may show customers' records."""


class Enricher:
    """Resolves against one immutable view and remembers its answers; make a new one for a new view.

    An answer depends on the source, on a few fields, and on time only as far as bindings begin and
    end. The values it is remembered by are also all that the question is given, so that nothing can
    be asked that is missing from them. Only texts are remembered: `True`, `1` and `1.0` are equal
    and not the same.
    """

    def __init__(self, view: RegisterView, most_answers: int = MOST_ANSWERS) -> None:
        self._view = view
        self._most_answers = most_answers
        self._span = (_END_OF_TIME, _END_OF_TIME, -1)
        """Begin and end of the span between two edges of the view, and its number."""
        self._seen: dict[_Values, Resolution | tuple[str, ...]] = {}
        self._answers: dict[_Values, _Answer] = {}
        self._sources: dict[int, SourceSettings] = {}
        """Kept, so that their ids stay theirs."""
        self._touched: dict[int, tuple[Binding, tuple[Touch, ...]]] = {}

    def resolve(self, act: Act, record: RawRecord, source: SourceSettings) -> Resolution:
        """As of event time; of arrival where the line carries none."""
        fields, at = act.fields, act.time or record.arrived
        begin, end, span = self._span
        if not begin <= at < end:
            span = self._move_to(at)
        get = fields.get
        seen = (id(source), span, *map(get, SEEN_FIELDS))
        try:
            known = self._seen.get(seen)
        except TypeError:  # a list cannot be remembered by
            known = None
        if known is None:
            known = self._ask_watchers(seen, at, source)
        if isinstance(known, Resolution):
            return known
        further = (*seen, *map(get, known))
        try:
            answer = self._answers.get(further)
        except TypeError:
            answer = None
        resolution, host = answer or self._ask_all(known, further, at, source)
        if host is not None and get("url.query"):
            touches = resolution.touches + self._records(fields, host, at)
            return Resolution(PROVIDER, touches)
        return resolution

    def _move_to(self, at: datetime) -> int:
        """The number of edges up to that time."""
        edges = self._view.edges
        number = bisect_right(edges, at)
        begin = edges[number - 1] if number else _BEGIN_OF_TIME
        end = edges[number] if number < len(edges) else _END_OF_TIME
        self._span = (begin, end, number)
        return number

    def _ask_watchers(
        self, seen: _Values, at: datetime, source: SourceSettings
    ) -> Resolution | tuple[str, ...]:
        """The answer where these fields suffice, else the names of the further ones."""
        fields = dict(zip(SEEN_FIELDS, seen[2:], strict=True))
        known: Resolution | tuple[str, ...]
        if _knows_mailboxes(fields):
            known = PERSON_FIELDS + REACHED_FIELDS
        else:
            known = self._watched(self._watcher(fields, at, source), source) or REACHED_FIELDS
        if _are_texts(seen):
            self._make_space(source)
            self._seen[seen] = known
        return known

    def _ask_all(
        self, further: tuple[str, ...], values: _Values, at: datetime, source: SourceSettings
    ) -> _Answer:
        fields = dict(zip(SEEN_FIELDS + further, values[2:], strict=True))
        answer = self._answer(fields, at, source)
        if _are_texts(values):
            self._make_space(source)
            self._answers[values] = answer
        return answer

    def _make_space(self, source: SourceSettings) -> None:
        if len(self._seen) + len(self._answers) >= self._most_answers:
            self._seen.clear()
            self._answers.clear()
            self._sources.clear()
        self._sources[id(source)] = source

    def _answer(self, fields: Fields, at: datetime, source: SourceSettings) -> _Answer:
        tenant, person = _tenant(fields), _person(fields)
        mailbox = self._mailbox(person, at) if person else None
        directory = self._view.find(AssetKind.TENANT, tenant, at) if tenant else None
        if directory is not None:
            return self._theirs(directory, mailbox), None
        seen_by = self._first(_observers(fields), at)
        if mailbox is not None and not _of_another(seen_by, mailbox):
            return self._theirs(mailbox), None
        seen_by = self._watcher(fields, at, source)
        watched = self._watched(seen_by, source)
        if watched is not None:
            return watched, None
        reached = self._reached(fields, at)
        return reached or (self._left_over(fields, at, seen_by, source), None)

    def _watcher(self, fields: Fields, at: datetime, source: SourceSettings) -> Binding | None:
        """The machine that saw it, else the source that it came by."""
        seen_by = self._first(_observers(fields), at)
        if _of_a_customer(seen_by):
            return seen_by
        bound = self._view.find(AssetKind.SOURCE, source.name, at)
        return bound if _of_a_customer(bound) else seen_by or bound

    def _watched(self, seen_by: Binding | None, source: SourceSettings) -> Resolution | None:
        """Whose it is by who saw it; None: it is the provider's or nobody's."""
        if seen_by is not None and seen_by.customer_id != PROVIDER:
            return self._theirs(seen_by)
        return Resolution(source.owner) if source.owner != PROVIDER else None

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

    def _reached(self, fields: Fields, at: datetime) -> _Answer | None:
        """By the site, else by the machine; None where neither names a customer or our site."""
        host = _served(fields)
        site = self._site(host, at) if host else None
        if site is not None and site.customer_id != PROVIDER:
            return self._theirs(site), None
        machine = self._first(_destination(fields), at)
        if machine is not None and machine.customer_id != PROVIDER:
            return self._theirs(machine), None
        return None if site is None else (Resolution(PROVIDER, self._touches(site)), host)

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
        touches = self._touches(binding)
        if mailbox is not None and mailbox.customer_id == binding.customer_id:
            touches = tuple(dict.fromkeys((*touches, *self._touches(mailbox))))
        return Resolution(binding.customer_id, touches)

    def _touches(self, binding: Binding) -> tuple[Touch, ...]:
        """The same few bindings come again and again: theirs are one tuple."""
        known = self._touched.get(id(binding))
        if known is None:
            touches = tuple(
                Touch(binding.customer_id, binding.asset, category.value)
                for category in binding.categories
            )
            known = self._touched[id(binding)] = (binding, touches)
        return known[1]


def _are_texts(values: _Values) -> bool:
    """Apart from the source and the span."""
    return all(value is None or type(value) is str for value in values[2:])


def _of_a_customer(binding: Binding | None) -> bool:
    return binding is not None and binding.customer_id != PROVIDER


def _tenant(fields: Fields) -> str:
    return str(fields.get("cloud.account.id") or fields.get("organization.id") or "")


def _knows_mailboxes(fields: Fields) -> bool:
    """Does a directory or a mail service say it?"""
    return bool(_tenant(fields)) or (
        json_lines.word(fields.get("network.application")) in MAIL_SERVICES
    )


def _person(fields: Fields) -> str:
    """The mailbox acted on, where the record's maker knows mailboxes; else empty."""
    if not _knows_mailboxes(fields):
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
