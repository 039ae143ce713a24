"""What to look for of one customer, one asset, one member of staff; and what may always stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from breachdesk.gdpr.firm_names import Call, firm_names
from breachdesk.gdpr.folding import spellings, words
from breachdesk.gdpr.known_names import (
    Between,
    Entry,
    Kind,
    Rule,
    firm_rule,
    person_rule,
    word_rule,
)
from breachdesk.gdpr.ordinary_words import Weight, is_first_name, weight
from breachdesk.gdpr.person_names import PersonName, person_names
from breachdesk.gdpr.shared_domains import is_shared, own_domains
from schemas.customer import PROVIDER, AssetKind, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User

OURS = PROVIDER
_MANY = 4
"""Customers who share a domain by their addresses alone: then it is a provider's."""
_SHORTEST_LABEL = 5
_PUBLIC_BODIES = (
    "Information Commissioner's Office",
    "Information Commission",
    "Information Commissioner",
    "Wycliffe House, Water Lane, Wilmslow, Cheshire",
    "Report Fraud",
    "Action Fraud",
    "Police Scotland",
    "National Cyber Security Centre",
    "Data Protection Act",
    "Financial Conduct Authority",
    "UK GDPR", "GDPR", "PECR", "ICO", "NCSC", "JSON", "CSV", "PDF",
    "Microsoft", "Microsoft 365", "Outlook", "Windows",
)  # fmt: skip
"""Named in letters as a matter of course, whatever a customer is called."""


@dataclass(frozen=True, slots=True)
class Surname:
    """One person's surname, for `Ms Mason` and `J. Mason`."""

    words: tuple[str, ...]
    initial: str
    owner: str
    staff: bool


Surnames = dict[str, list[Surname]]
"""By the first word."""


def of_customer(customer: Customer, shared: frozenset[str]) -> Iterator[Entry]:
    """Names, account number, domains, addresses and people."""
    for name in firm_names(customer.name):
        kind = Kind.NAME if name.call is Call.FULL else Kind.SHORT_NAME
        rule = firm_rule(name)
        yield Entry(name.words, kind, customer.id, rule)
        if rule is Rule.ALWAYS and len(name.words) == 1:
            yield Entry((name.words[0] + "s",), kind, customer.id, rule)
    yield from _of_account(customer.id)
    for address in (customer.default_email, *(p.email for p in customer.people)):
        yield from _of_address(address, customer.id, shared)
    for person in customer.people:
        for spelled in person_names(person.name):
            yield from _of_person(spelled, Kind.PERSON, customer.id)
            if len(spelled.surname) == 1 and weight(spelled.surname[0]) is Weight.COINED:
                yield Entry(spelled.surname, Kind.PERSON, customer.id, Rule.LOOK)


def of_binding(binding: Binding) -> Iterator[Entry]:
    """A domain, mailbox, site, host or tenant; addresses of networks are found otherwise."""
    owner, value = binding.customer_id, binding.value
    if binding.kind is AssetKind.MAILBOX:
        yield from _of_address(value, owner, frozenset())
    elif binding.kind in (AssetKind.DOMAIN, AssetKind.SITE):
        yield from _of_domain(value, owner)
    elif binding.kind is AssetKind.HOST:
        yield from _of_host(value, owner)
    elif binding.kind is AssetKind.TENANT:
        yield from (
            _of_domain(value, owner)
            if "." in value
            else _row(value, Kind.SYSTEM, owner, Rule.ALWAYS, Between.LINK)
        )


def of_staff(users: Iterable[User], involved: frozenset[str]) -> Iterator[Entry]:
    """Names of accounts and of the people behind them. First names alone count of those who worked
    on the case; of the others they want a look."""
    for user in users:
        yield from _of_one_of_staff(user.id, user.name, worked=user.id in involved)
    known = {user.id for user in users}
    for account in involved - known:
        yield from _of_one_of_staff(account, "", worked=True)


def of_profile(profile: ProviderProfile) -> Iterator[Entry]:
    """What we say of ourselves may stand in every text."""
    texts = (
        profile.legal_name, profile.trading_name, profile.registered_address, profile.complaints,
        profile.promise, profile.promise_source, profile.contact_name, profile.contact_hours,
    )  # fmt: skip
    yield from phrases(texts, OURS)
    yield from allowed_people((profile.contact_name,), OURS)
    for name in (profile.legal_name, profile.trading_name):
        for short in firm_names(name) if name else ():
            yield Entry(short.words, Kind.SHORT_NAME, OURS, Rule.ALLOWED)
    yield from _of_address(profile.contact_email, OURS, frozenset())


def public_bodies() -> Iterator[Entry]:
    """Authorities that letters name."""
    return phrases(_PUBLIC_BODIES, OURS)


def phrases(texts: Iterable[str], owner: str) -> Iterator[Entry]:
    """Rows of words that may stand, with anything between them."""
    for text in texts:
        for way in spellings(text) if text else ():
            yield Entry(way, Kind.NAME, owner, Rule.ALLOWED, Between.ANYTHING)


def allowed_people(names: Iterable[str], owner: str) -> Iterator[Entry]:
    """People who may be named in every usual form."""
    for name in names:
        for person in person_names(name):
            yield from _of_person(person, Kind.PERSON, owner)
            if person.surname:
                yield Entry(person.surname, Kind.PERSON, owner, Rule.ALLOWED)


def surnames(
    customers: Iterable[Customer], users: Iterable[User], profile: ProviderProfile | None
) -> Surnames:
    """Of everybody whom a letter could name."""
    people = [(c.id, False, p.name) for c in customers for p in c.people]
    people += [(f"staff:{u.id}", True, u.name) for u in users]
    if profile is not None and profile.contact_name:
        people.append((OURS, False, profile.contact_name))
    known: Surnames = {}
    for owner, staff, name in people:
        for spelled in person_names(name):
            if spelled.surname:
                initial = spelled.given[0][0] if spelled.given else ""
                row = known.setdefault(spelled.surname[0], [])
                row.append(Surname(spelled.surname, initial, owner, staff))
    return known


def widely_used_domains(
    customers: Iterable[Customer], bindings: Iterable[Binding]
) -> frozenset[str]:
    """Domains of so many customers' addresses that they must be a provider's, unless bound."""
    bound = {b.value for b in bindings if b.kind in (AssetKind.DOMAIN, AssetKind.SITE)}
    users = Counter(
        domain
        for customer in customers
        for domain in {
            name
            for address in (customer.default_email, *(p.email for p in customer.people))
            for name in own_domains(address.rpartition("@")[2])
        }
    )
    return frozenset(d for d, count in users.items() if count >= _MANY and d not in bound)


def _of_one_of_staff(account: str, name: str, *, worked: bool) -> Iterator[Entry]:
    owner = f"staff:{account}"
    first = Rule.CAPITAL if worked else Rule.LOOK
    for way in spellings(account):
        yield Entry(way, Kind.STAFF, owner, _account_rule(way, first), Between.LINK)
    for spelled in person_names(name):
        yield from _of_person(spelled, Kind.STAFF, owner)
        if len(spelled.surname) == 1:
            rule = word_rule(spelled.surname[0])
            yield Entry(spelled.surname, Kind.STAFF, owner, _capital_only(rule))
        if spelled.given and weight(spelled.given[0]) is not Weight.COMMON:
            yield Entry(spelled.given[:1], Kind.STAFF, owner, first)


def _account_rule(way: tuple[str, ...], first: Rule) -> Rule:
    if len(way) > 1:
        return Rule.ALWAYS
    if is_first_name(way[0]) and weight(way[0]) is not Weight.COMMON:
        return first
    return _capital_only(word_rule(way[0]))


def _capital_only(rule: Rule) -> Rule:
    """A surname or an account's name in small letters is a word like any other."""
    return Rule.CAPITAL if rule is Rule.EXACT else rule


def _of_person(person: PersonName, kind: Kind, owner: str) -> Iterator[Entry]:
    if not person.given or not person.surname:
        if len(person.surname) > 1:
            yield Entry(person.surname, kind, owner, person_rule(person.surname))
        return
    rule = person_rule(person.in_order)
    rows = {
        person.in_order,
        (*person.surname, *person.given),
        (person.given[0], *person.surname),
        (*person.surname, person.given[0]),
    }
    for row in sorted(rows):
        yield Entry(row, kind, owner, rule)


def _of_account(account: str) -> Iterator[Entry]:
    """An id of one ordinary word or of digits alone is no name."""
    way = words(account)
    if len(way) > 1:
        yield Entry(way, Kind.ACCOUNT, account, Rule.ALWAYS, Between.LINK)
    elif way and not way[0].isdigit() and len(way[0]) > 2:
        yield Entry(way, Kind.ACCOUNT, account, word_rule(way[0]), Between.LINK)


def _of_address(address: str, owner: str, shared: frozenset[str]) -> Iterator[Entry]:
    if not address:
        return
    local, _, domain = address.rpartition("@")
    for row in _forms(domain):
        yield Entry((*words(local), *row), Kind.ADDRESS, owner, Rule.ALWAYS, Between.ADDRESS)
    yield from _of_domain(domain, owner, shared)


def _of_domain(domain: str, owner: str, shared: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """The domain, those above it, and the word before its ending."""
    names = [name for name in own_domains(domain) if name not in shared]
    for name in names:
        for row in _forms(name):
            yield Entry(row, Kind.DOMAIN, owner, Rule.ALWAYS, Between.DOTS)
    if names:
        for label in _forms(names[-1].split(".", 1)[0]):
            if len("".join(label)) >= _SHORTEST_LABEL:
                rule = word_rule(label[0]) if len(label) == 1 else Rule.ALWAYS
                yield Entry(label, Kind.DOMAIN, owner, rule, Between.LINK)


def _of_host(host: str, owner: str) -> Iterator[Entry]:
    if "." in host and not is_shared(host):
        yield from _row(host, Kind.SYSTEM, owner, Rule.ALWAYS, Between.DOTS)
        if not host.endswith((".local", ".lan", ".internal", ".home", ".corp")):
            yield from _of_domain(host, owner)
    else:
        way = words(host)
        rule = word_rule(way[0]) if len(way) == 1 else Rule.ALWAYS
        yield from _row(host, Kind.SYSTEM, owner, rule, Between.LINK)


def _row(value: str, kind: Kind, owner: str, rule: Rule, between: Between) -> Iterator[Entry]:
    way = words(value)
    if way and len("".join(way)) > 2:
        yield Entry(way, kind, owner, rule, between)


def _forms(domain: str) -> Sequence[tuple[str, ...]]:
    """As DNS writes it and as people do (`xn--mller-kva`, `müller`)."""
    forms = [words(domain)]
    if "xn--" in domain or not domain.isascii():
        for codec in (_decoded, _encoded):
            other = codec(domain)
            if other:
                forms += spellings(other)
    return tuple(dict.fromkeys(form for form in forms if form))


def _decoded(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return ""


def _encoded(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
