"""Other customers' data and our staff's names in a text that one customer reads.

The index is built once from the register; a text is then read in one pass, however many names there
are. What it cannot find: nicknames, misspellings, a description that names nobody, postal addresses
(the register holds none), and a name that is also a name of the reader.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Self

from breachdesk.gdpr import entries_of
from breachdesk.gdpr.folding import Token, folded, joined, tokens
from breachdesk.gdpr.known_names import Entries, Entry, Kind, Rule
from breachdesk.gdpr.name_signs import BLOCK, WARN, severity
from breachdesk.gdpr.network_addresses import Address, addresses_in, numbers_in
from breachdesk.gdpr.person_names import HONORIFICS, person_names
from breachdesk.gdpr.register_names import RegisterNames
from schemas.customer import PROVIDER, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User

_PLAIN_HONORIFICS = frozenset(
    ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "rev", "revd", "cllr")
)
_NO_INITIALS = frozenset("ai")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something in a text that is not the reader's."""

    kind: Kind
    severity: str
    """block | warn"""
    start: int
    end: int
    quote: str = field(repr=False)
    """The words as folded: for a screen, never for a log."""


_ENGLISH = (Rule.WEAK, Rule.CAPITAL, Rule.LOOK)
"""Rules of single words that a template may hold for its own reasons."""


class Spans:
    """Stretches of a text."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def hold(self, start: int, end: int) -> bool:
        """Does any of them hold this one whole?"""
        at = bisect_right(self._starts, start)
        return at > 0 and self._reach[at - 1] >= end


@dataclass(frozen=True)
class Reader:
    """Whose eyes a text is for: what is theirs may stand in it."""

    customer_id: str
    names: tuple[str, ...] = field(default=(), repr=False)
    """Names and addresses as the frozen list has them; the register may have changed since."""
    reference: str | None = None
    typed: frozenset[str] | None = field(default=None, repr=False)
    """Folded words that a person typed for this case. An ordinary word outside them is the
    template's own and names nobody. None: every word counts."""

    @cached_property
    def entries(self) -> Entries:
        """What may stand for this reader alone."""
        whole = entries_of.phrases(self.names, self.customer_id)
        return Entries((*whole, *entries_of.allowed_people(self.names, self.customer_id)))

    @cached_property
    def surnames(self) -> frozenset[tuple[str, ...]]:
        """Surnames that may follow an honorific."""
        return frozenset(p.surname for name in self.names for p in person_names(name))


MOST_TEXTS = 2_000


@dataclass(frozen=True, slots=True)
class _Text:
    """A folded text, and what can be said of it whoever reads it."""

    tokens: Sequence[Token] = field(repr=False)
    words: frozenset[str] = field(repr=False)
    rows: Mapping[int, Sequence[tuple[int, list[Entry]]]] = field(repr=False)
    """Which of its words begin a row of the register's words."""
    titles: frozenset[int]
    """Places of what may stand before a surname."""
    numbers: Sequence[tuple[int, int, str]] = field(repr=False)
    addresses: Sequence[tuple[int, int, Address]] = field(repr=False)

    def begins(self, reader: Reader) -> Iterable[int]:
        """Places of words that begin a row of the reader's own."""
        first_words = reader.entries.first_words
        if first_words.isdisjoint(self.words):
            return ()
        return (at for at, token in enumerate(self.tokens) if token.word in first_words)


class ForeignData:
    """Names, domains, addresses and numbers of all customers, and the names of our staff."""

    def __init__(self, names: RegisterNames, involved: Iterable[str] = ()) -> None:
        """`involved`: accounts that worked on the case; their first names count too."""
        self._names = names
        self.customers = names.customers
        self.staff = len(names.users)
        self._entries = Entries(names.staff_entries(frozenset(involved)), names.entries)
        self._read_before: dict[str, _Text] = {}
        """Most sentences stand in every letter of a breach: each is split and looked up once."""
        self._folded_before: dict[str, tuple[str, str | None]] = {}

    @classmethod
    def among(
        cls,
        customers: Iterable[Customer],
        bindings: Iterable[Binding] = (),
        users: Iterable[User] = (),
        *,
        profile: ProviderProfile | None = None,
        involved: Iterable[str] = (),
    ) -> Self:
        """Of these customers and accounts."""
        return cls(RegisterNames(customers, bindings, users, profile=profile), involved)

    def find(self, text: str, reader: Reader) -> Sequence[Hit]:
        """What is not the reader's, from left to right, the longest where several overlap."""
        plain, whole = self._folded(
            text.replace(reader.reference, " ") if reader.reference else text
        )
        hits = self._read(plain, reader)
        if whole is not None:
            hits += self._read(whole, reader)
        return _longest(hits)

    def find_folded(self, plain: str, reader: Reader) -> Sequence[Hit]:
        """As `find`, in a text that is folded already: places are those of this very text."""
        return _longest(self._read(plain, reader))

    def others(self, reader: Reader) -> int:
        """How many customers' data is looked for."""
        return self.customers - (reader.customer_id in self._names.customer_ids)

    def _read(self, plain: str, reader: Reader) -> list[Hit]:
        text = self._text(plain)
        found = text.tokens
        own = frozenset((reader.customer_id, PROVIDER))
        allowed: list[tuple[int, int]] = []
        hits: list[Hit] = []
        for place in sorted({*text.rows, *text.titles, *text.begins(reader)}):
            for length, entries in self._rows(text, plain, place, reader):
                if any(e.owner in own or e.rule is Rule.ALLOWED for e in entries):
                    allowed.append((found[place].start, found[place + length - 1].end))
                    continue
                hits += _judged(entries, plain, found, place, length, reader)
            if place in text.titles:
                hits += self._titled(plain, found, place, own, reader)
        hits += self._numbered(text, plain, own)
        return [hit for hit in hits if not any(a <= hit.start and hit.end <= b for a, b in allowed)]

    def _folded(self, text: str) -> tuple[str, str | None]:
        """The folded text, and the same with divided words made whole."""
        known = self._folded_before.get(text)
        if known is None:
            plain = folded(text)
            known = plain, joined(plain)
            if len(self._folded_before) >= MOST_TEXTS:
                self._folded_before.clear()
            self._folded_before[text] = known
        return known

    def _text(self, plain: str) -> _Text:
        known = self._read_before.get(plain)
        if known is None:
            known = self._looked_up(plain)
            if len(self._read_before) >= MOST_TEXTS:
                self._read_before.clear()
            self._read_before[plain] = known
        return known

    def _looked_up(self, plain: str) -> _Text:
        found = tokens(plain)
        return _Text(
            found,
            words=frozenset(token.word for token in found),
            rows={
                place: row
                for place, token in enumerate(found)
                if self._entries.may_begin(token.word)
                and (row := tuple(self._entries.at(plain, found, place)))
            },
            titles=frozenset(at for at, token in enumerate(found) if _may_be_title(token)),
            numbers=tuple(numbers_in(plain)),
            addresses=tuple(addresses_in(plain)),
        )

    def _rows(
        self, text: _Text, plain: str, place: int, reader: Reader
    ) -> Iterator[tuple[int, list[Entry]]]:
        yield from text.rows.get(place, ())
        yield from reader.entries.at(plain, text.tokens, place)

    def _titled(
        self, plain: str, found: Sequence[Token], place: int, own: frozenset[str], reader: Reader
    ) -> Iterator[Hit]:
        """`Ms Mason`, `Dr J. Mason`, `J. Mason`."""
        title = found[place]
        initial = len(title.word) == 1
        at = place + 1
        if not initial and at < len(found) and len(found[at].word) == 1:
            at += 1
        if at >= len(found) or plain[title.end : found[at].start].strip(" .\n\t")[1:]:
            return
        if (initial or title.word not in _PLAIN_HONORIFICS) and not found[at].capital:
            return
        named = [
            s
            for s in self._names.surnames.get(found[at].word, ())
            if s.words == tuple(t.word for t in found[at : at + len(s.words)])
            and (not initial or s.initial == title.word)
        ]
        if not named or any(s.owner in own or s.words in reader.surnames for s in named):
            return
        end = found[at + len(named[0].words) - 1].end
        kind = Kind.STAFF if all(s.staff for s in named) else Kind.PERSON
        yield Hit(kind, BLOCK, title.start, end, plain[title.start : end])

    def _numbered(self, text: _Text, plain: str, own: frozenset[str]) -> Iterator[Hit]:
        for start, end, key in text.numbers:
            owners = self._names.numbers.get(key)
            if owners and not own & owners:
                yield Hit(Kind.TELEPHONE, BLOCK, start, end, plain[start:end])
        for start, end, address in text.addresses:
            holders = self._names.networks.owners(address)
            if holders and not own & holders:
                yield Hit(Kind.SYSTEM, BLOCK, start, end, plain[start:end])


def _may_be_title(token: Token) -> bool:
    """An honorific, or an initial."""
    initial = len(token.word) == 1 and token.capital and token.word not in _NO_INITIALS
    return initial or token.word in HONORIFICS


def _judged(
    entries: Sequence[Entry],
    plain: str,
    found: Sequence[Token],
    place: int,
    length: int,
    reader: Reader,
) -> Iterator[Hit]:
    """The gravest of what this row of words may be."""
    row = found[place : place + length]
    start, end = row[0].start, row[-1].end
    judged = [(severity(e.rule, plain, found, place, length), e) for e in entries]
    for wanted in (BLOCK, WARN):
        entry = next((e for said, e in judged if said == wanted), None)
        if entry is None:
            continue
        typed = reader.typed is None or all(t.word in reader.typed for t in row)
        if typed or entry.rule not in _ENGLISH:
            yield Hit(entry.kind, wanted, start, end, plain[start:end])
        return


def _longest(hits: Sequence[Hit]) -> list[Hit]:
    """Without those that stand within another of the same or a graver kind."""
    grave = _outermost([hit for hit in hits if hit.severity == BLOCK])
    spans = Spans((hit.start, hit.end) for hit in grave)
    light = _outermost([hit for hit in hits if hit.severity != BLOCK])
    light = [hit for hit in light if not spans.hold(hit.start, hit.end)]
    return sorted((*grave, *light), key=lambda hit: hit.start)


def _outermost(hits: Iterable[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
        if not kept or hit.end > kept[-1].end:
            kept.append(hit)
    return kept
