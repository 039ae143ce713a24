"""Generate what to look for of one customer, one asset or one member of staff, and what is always
allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from breachdesk.gdpr.jurisdiction import load_jurisdictions
from breachdesk.gdpr.personal_data.firm_names import FirmNameKind, list_firm_names
from breachdesk.gdpr.personal_data.folding import list_spellings, split_words
from breachdesk.gdpr.personal_data.known_names import (
    NameEntry,
    NameKind,
    NameRule,
    NameSeparator,
    select_firm_rule,
    select_person_rule,
    select_word_rule,
)
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word, is_first_name
from breachdesk.gdpr.personal_data.person_names import PersonName, list_person_names
from breachdesk.gdpr.personal_data.shared_domains import is_shared, list_own_domains
from schemas.customer import PROVIDER, AssetKind, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User

OURS = PROVIDER
_MANY = 4
"""Customers who share a domain by their addresses alone: then it is a provider's."""
_SHORTEST_LABEL = 5
_PUBLIC_BODIES = (
    "Report Fraud",
    "Action Fraud",
    "Police Scotland",
    "National Cyber Security Centre",
    "Financial Conduct Authority",
    "GDPR", "NCSC", "JSON", "CSV", "PDF",
    "Microsoft", "Microsoft 365", "Outlook", "Windows",
)  # fmt: skip
"""Named in letters as a matter of course, whatever a customer is called. Regulators and their law
are named by their jurisdictions."""


@dataclass(frozen=True, slots=True)
class PersonSurname:
    """One person's surname, for `Ms Mason` and `J. Mason`."""

    words: tuple[str, ...]
    initial: str
    owner: str
    staff: bool


Surnames = dict[str, list[PersonSurname]]
"""By the first word."""


def generate_customer_entries(customer: Customer, shared: frozenset[str]) -> Iterator[NameEntry]:
    """Generate names, account number, domains, addresses and people."""
    for name in list_firm_names(customer.name):
        kind = NameKind.NAME if name.call is FirmNameKind.FULL else NameKind.SHORT_NAME
        rule = select_firm_rule(name)
        yield NameEntry(name.words, kind, customer.id, rule)
        if rule is NameRule.ALWAYS and len(name.words) == 1:
            yield NameEntry((name.words[0] + "s",), kind, customer.id, rule)
    yield from _generate_account_entries(customer.id)
    for address in (customer.default_email, *(p.email for p in customer.people)):
        yield from _generate_address_entries(address, customer.id, shared)
    for person in customer.people:
        for spelled in list_person_names(person.name):
            yield from _generate_person_entries(spelled, NameKind.PERSON, customer.id)
            if len(spelled.surname) == 1 and classify_word(spelled.surname[0]) is WordRarity.COINED:
                yield NameEntry(spelled.surname, NameKind.PERSON, customer.id, NameRule.LOOK)


def generate_binding_entries(binding: Binding) -> Iterator[NameEntry]:
    """Generate a domain, mailbox, site, host or tenant; addresses of networks are found by
    `network_addresses`."""
    owner, value = binding.customer_id, binding.value
    if binding.kind is AssetKind.MAILBOX:
        yield from _generate_address_entries(value, owner, frozenset())
    elif binding.kind in (AssetKind.DOMAIN, AssetKind.SITE):
        yield from _generate_domain_entries(value, owner)
    elif binding.kind is AssetKind.HOST:
        yield from _generate_host_entries(value, owner)
    elif binding.kind is AssetKind.TENANT:
        yield from (
            _generate_domain_entries(value, owner)
            if "." in value
            else _generate_row_entries(
                value, NameKind.SYSTEM, owner, NameRule.ALWAYS, NameSeparator.LINK
            )
        )


def generate_staff_entries(users: Iterable[User], involved: frozenset[str]) -> Iterator[NameEntry]:
    """Generate the names of accounts and of the people behind them. First names alone block for
    those who worked on the case; for the others they warn."""
    for user in users:
        yield from _generate_account_holder_entries(user.id, user.name, worked=user.id in involved)
    known = {user.id for user in users}
    for account in involved - known:
        yield from _generate_account_holder_entries(account, "", worked=True)


def generate_profile_entries(profile: ProviderProfile) -> Iterator[NameEntry]:
    """Generate our own data, which every text may contain."""
    texts = (
        profile.legal_name, profile.trading_name, profile.registered_address, profile.complaints,
        profile.promise, profile.promise_source, profile.contact_name, profile.contact_hours,
    )  # fmt: skip
    yield from generate_phrase_entries(texts, OURS)
    yield from generate_allowed_people_entries((profile.contact_name,), OURS)
    for name in (profile.legal_name, profile.trading_name):
        for short in list_firm_names(name) if name else ():
            yield NameEntry(short.words, NameKind.SHORT_NAME, OURS, NameRule.ALLOWED)
    yield from _generate_address_entries(profile.contact_email, OURS, frozenset())


def generate_public_body_entries() -> Iterator[NameEntry]:
    """Generate authorities and laws that letters name."""
    regulators = (n for j in load_jurisdictions().values() for n in j.words.public_names)
    return generate_phrase_entries((*regulators, *_PUBLIC_BODIES), OURS)


def generate_phrase_entries(texts: Iterable[str], owner: str) -> Iterator[NameEntry]:
    """Generate phrases that are allowed, with anything between their words."""
    for text in texts:
        for spelling in list_spellings(text) if text else ():
            yield NameEntry(
                spelling, NameKind.NAME, owner, NameRule.ALLOWED, NameSeparator.ANYTHING
            )


def generate_allowed_people_entries(names: Iterable[str], owner: str) -> Iterator[NameEntry]:
    """Generate people who may be named in every usual form."""
    for name in names:
        for person in list_person_names(name):
            yield from _generate_person_entries(person, NameKind.PERSON, owner)
            if person.surname:
                yield NameEntry(person.surname, NameKind.PERSON, owner, NameRule.ALLOWED)


def build_surnames(
    customers: Iterable[Customer], users: Iterable[User], profile: ProviderProfile | None
) -> Surnames:
    """Build the surnames of everybody whom a letter could name."""
    people = [(c.id, False, p.name) for c in customers for p in c.people]
    people += [(f"staff:{u.id}", True, u.name) for u in users]
    if profile is not None and profile.contact_name:
        people.append((OURS, False, profile.contact_name))
    known: Surnames = {}
    for owner, staff, name in people:
        for spelled in list_person_names(name):
            if spelled.surname:
                initial = spelled.given_names[0][0] if spelled.given_names else ""
                row = known.setdefault(spelled.surname[0], [])
                row.append(PersonSurname(spelled.surname, initial, owner, staff))
    return known


def find_widely_used_domains(
    customers: Iterable[Customer], bindings: Iterable[Binding]
) -> frozenset[str]:
    """Find unbound domains shared by enough customers' addresses that they must be a provider's."""
    bound = {b.value for b in bindings if b.kind in (AssetKind.DOMAIN, AssetKind.SITE)}
    users = Counter(
        domain
        for customer in customers
        for domain in {
            name
            for address in (customer.default_email, *(p.email for p in customer.people))
            for name in list_own_domains(address.rpartition("@")[2])
        }
    )
    return frozenset(d for d, count in users.items() if count >= _MANY and d not in bound)


def _generate_account_holder_entries(
    account: str, name: str, *, worked: bool
) -> Iterator[NameEntry]:
    owner = f"staff:{account}"
    first = NameRule.CAPITAL if worked else NameRule.LOOK
    for spelling in list_spellings(account):
        yield NameEntry(
            spelling,
            NameKind.STAFF,
            owner,
            _select_account_rule(spelling, first),
            NameSeparator.LINK,
        )
    for spelled in list_person_names(name):
        yield from _generate_person_entries(spelled, NameKind.STAFF, owner)
        if len(spelled.surname) == 1:
            rule = select_word_rule(spelled.surname[0])
            yield NameEntry(spelled.surname, NameKind.STAFF, owner, _require_capital(rule))
        if spelled.given_names and classify_word(spelled.given_names[0]) is not WordRarity.COMMON:
            yield NameEntry(spelled.given_names[:1], NameKind.STAFF, owner, first)


def _select_account_rule(spelling: tuple[str, ...], first: NameRule) -> NameRule:
    if len(spelling) > 1:
        return NameRule.ALWAYS
    if is_first_name(spelling[0]) and classify_word(spelling[0]) is not WordRarity.COMMON:
        return first
    return _require_capital(select_word_rule(spelling[0]))


def _require_capital(rule: NameRule) -> NameRule:
    """Require a capital: a surname or an account's name in small letters is an ordinary word."""
    return NameRule.CAPITAL if rule is NameRule.EXACT else rule


def _generate_person_entries(person: PersonName, kind: NameKind, owner: str) -> Iterator[NameEntry]:
    if not person.given_names or not person.surname:
        if len(person.surname) > 1:
            yield NameEntry(person.surname, kind, owner, select_person_rule(person.surname))
        return
    rule = select_person_rule(person.in_order)
    rows = {
        person.in_order,
        (*person.surname, *person.given_names),
        (person.given_names[0], *person.surname),
        (*person.surname, person.given_names[0]),
    }
    for row in sorted(rows):
        yield NameEntry(row, kind, owner, rule)


def _generate_account_entries(account: str) -> Iterator[NameEntry]:
    """Generate the account's id, unless it is one ordinary word or only digits."""
    spelling = split_words(account)
    if len(spelling) > 1:
        yield NameEntry(spelling, NameKind.ACCOUNT, account, NameRule.ALWAYS, NameSeparator.LINK)
    elif spelling and not spelling[0].isdigit() and len(spelling[0]) > 2:
        yield NameEntry(
            spelling, NameKind.ACCOUNT, account, select_word_rule(spelling[0]), NameSeparator.LINK
        )


def _generate_address_entries(
    address: str, owner: str, shared: frozenset[str]
) -> Iterator[NameEntry]:
    if not address:
        return
    local, _, domain = address.rpartition("@")
    for row in _list_domain_forms(domain):
        yield NameEntry(
            (*split_words(local), *row),
            NameKind.ADDRESS,
            owner,
            NameRule.ALWAYS,
            NameSeparator.ADDRESS,
        )
    yield from _generate_domain_entries(domain, owner, shared)


def _generate_domain_entries(
    domain: str, owner: str, shared: frozenset[str] = frozenset()
) -> Iterator[NameEntry]:
    """Generate the domain, its parent domains, and the word before its ending."""
    names = [name for name in list_own_domains(domain) if name not in shared]
    for name in names:
        for row in _list_domain_forms(name):
            yield NameEntry(row, NameKind.DOMAIN, owner, NameRule.ALWAYS, NameSeparator.DOTS)
    if names:
        for label in _list_domain_forms(names[-1].split(".", 1)[0]):
            if len("".join(label)) >= _SHORTEST_LABEL:
                rule = select_word_rule(label[0]) if len(label) == 1 else NameRule.ALWAYS
                yield NameEntry(label, NameKind.DOMAIN, owner, rule, NameSeparator.LINK)


def _generate_host_entries(host: str, owner: str) -> Iterator[NameEntry]:
    if "." in host and not is_shared(host):
        yield from _generate_row_entries(
            host, NameKind.SYSTEM, owner, NameRule.ALWAYS, NameSeparator.DOTS
        )
        if not host.endswith((".local", ".lan", ".internal", ".home", ".corp")):
            yield from _generate_domain_entries(host, owner)
    else:
        spelling = split_words(host)
        rule = select_word_rule(spelling[0]) if len(spelling) == 1 else NameRule.ALWAYS
        yield from _generate_row_entries(host, NameKind.SYSTEM, owner, rule, NameSeparator.LINK)


def _generate_row_entries(
    value: str, kind: NameKind, owner: str, rule: NameRule, between: NameSeparator
) -> Iterator[NameEntry]:
    spelling = split_words(value)
    if spelling and len("".join(spelling)) > 2:
        yield NameEntry(spelling, kind, owner, rule, between)


def _list_domain_forms(domain: str) -> Sequence[tuple[str, ...]]:
    """List the domain as DNS writes it and as people do (`xn--mller-kva`, `müller`)."""
    forms = [split_words(domain)]
    if "xn--" in domain or not domain.isascii():
        for codec in (_decode_domain, _encode_domain):
            other = codec(domain)
            if other:
                forms += list_spellings(other)
    return tuple(dict.fromkeys(form for form in forms if form))


def _decode_domain(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return ""


def _encode_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
