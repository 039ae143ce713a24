"""Find evidence that a name in the logs belongs to a customer. Every look-up is in an index, so that
the cost grows with the number of names and not with that of customers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from breachdesk.gdpr.personal_data.firm_names import list_firm_names
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word
from breachdesk.gdpr.personal_data.shared_domains import list_own_domains
from schemas.binding_proposal import EvidenceKind, ProposalEvidence
from schemas.customer import PROVIDER, AssetKind, Binding, Customer

WEIGHTS: Mapping[EvidenceKind, int] = {
    EvidenceKind.MAIL_DOMAIN: 60,
    EvidenceKind.BOUND_SITE: 50,
    EvidenceKind.CUSTOMER_ID: 45,
    EvidenceKind.NAME: 35,
    EvidenceKind.SEEN_TOGETHER: 30,
}
"""Of the best evidence of each kind; a score is their sum, at most 100."""
SHORTEST_NAME = 4
"""Letters of a firm's short name that count in a machine's name."""
MOST_OWNERS = 5
"""A name or domain that more customers share says nothing."""
MACHINE_WORDS = frozenset(
    [
        "admin",
        "backup",
        "cloud",
        "desktop",
        "exchange",
        "firewall",
        "gateway",
        "laptop",
        "mail",
        "office",
        "print",
        "proxy",
        "router",
        "server",
        "services",
        "switch",
        "terminal",
        "web",
    ]
)
_TOKENS = re.compile(r"[a-z]+|[0-9]+")
_DOMAINS = frozenset({AssetKind.DOMAIN, AssetKind.MAILBOX, AssetKind.HOST, AssetKind.SITE})
EvidenceByCustomer = Mapping[str, frozenset[ProposalEvidence]]
"""Evidence by customer id."""


class EvidenceIndex:
    """What the register says of customers, by what could occur in a name."""

    def __init__(self, customers: Iterable[Customer], bindings: Iterable[Binding]) -> None:
        self._domains: dict[str, set[str]] = defaultdict(set)
        self._sites: dict[str, set[str]] = defaultdict(set)
        self._names: dict[str, set[str]] = defaultdict(set)
        self._ids: dict[str, set[str]] = defaultdict(set)
        for customer in customers:
            if customer.id != PROVIDER:
                self._add_customer(customer)
        for binding in bindings:
            if binding.kind is AssetKind.SITE and binding.customer_id != PROVIDER:
                host = binding.value.partition("?")[0]
                for domain in list_own_domains(host)[-1:]:
                    self._sites[domain].add(binding.customer_id)

    def find(self, asset: str, together: Iterable[tuple[str, str]] = ()) -> EvidenceByCustomer:
        """Find all evidence for this asset (`kind:value`). `together`: customers and their assets
        that alerts name beside it."""
        kind, _, value = asset.partition(":")
        evidence: dict[str, set[ProposalEvidence]] = defaultdict(set)
        for customer_id, each in self._generate(kind, value):
            evidence[customer_id].add(each)
        for customer_id, other in together:
            if customer_id != PROVIDER:
                each = ProposalEvidence(kind=EvidenceKind.SEEN_TOGETHER, value=other)
                evidence[customer_id].add(each)
        return {customer_id: frozenset(items) for customer_id, items in evidence.items()}

    def _add_customer(self, customer: Customer) -> None:
        addresses = (customer.default_email, *(person.email for person in customer.people))
        for address in addresses:
            for domain in list_own_domains(address.rpartition("@")[2])[-1:]:
                self._domains[domain].add(customer.id)
        for name in list_firm_names(customer.name):
            compact = "".join(_TOKENS.findall("".join(name.words)))
            if len(compact) >= SHORTEST_NAME and not _is_ordinary(name.words):
                self._names[compact].add(customer.id)
        compact = "".join(_TOKENS.findall(customer.id.casefold()))
        if len(compact) >= 3 and not compact.isalpha():
            self._ids[compact].add(customer.id)

    def _generate(self, kind: str, value: str) -> Iterator[tuple[str, ProposalEvidence]]:
        domain = value.rpartition("@")[2]
        if kind in _DOMAINS:
            for own in list_own_domains(domain):
                yield from _list_owners(EvidenceKind.MAIL_DOMAIN, own, self._domains)
                yield from _list_owners(EvidenceKind.BOUND_SITE, own, self._sites)
        if kind in _DOMAINS or kind == AssetKind.SOURCE:
            for part in _list_parts(domain):
                yield from _list_owners(EvidenceKind.NAME, part, self._names)
                yield from _list_owners(EvidenceKind.CUSTOMER_ID, part, self._ids)


def _is_ordinary(words: Sequence[str]) -> bool:
    """Whether a name is one word that machines are called by too, whoever owns them."""
    if len(words) > 1:
        return False
    word = words[0]
    return word in MACHINE_WORDS or classify_word(word) <= WordRarity.PLACE


def compute_score(evidence: Iterable[ProposalEvidence]) -> int:
    """Compute the score: each kind of evidence counts once."""
    kinds = {each.kind for each in evidence}
    return min(sum(WEIGHTS.get(kind, 0) for kind in kinds), 100)


def _list_owners(
    kind: EvidenceKind, value: str, owners: Mapping[str, set[str]]
) -> Iterator[tuple[str, ProposalEvidence]]:
    customers = owners.get(value, ())
    if len(customers) <= MOST_OWNERS:
        for customer_id in sorted(customers):
            yield customer_id, ProposalEvidence(kind=kind, value=value)


def _list_parts(host: str) -> list[str]:
    """List the runs of neighbouring words of each label: `orchard-srv1.contoso.local` gives
    `orchard`, `orchardsrv`, `srv`, `srv1` and so on. A run of letters gives its beginnings too."""
    parts: dict[str, None] = {}
    for label in host.casefold().split(".")[:-1] or [host.casefold()]:
        tokens = _TOKENS.findall(label)[:12]
        for begin in range(len(tokens)):
            for end in range(begin + 1, min(begin + 5, len(tokens)) + 1):
                parts["".join(tokens[begin:end])] = None
        for token in tokens[:3]:
            parts.update(dict.fromkeys(token[:n] for n in range(6, min(len(token), 40))))
    return list(parts)
