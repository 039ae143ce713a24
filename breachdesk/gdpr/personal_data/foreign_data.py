"""Find other customers' data and our staff's names in a text that one customer reads.

The index is built once from the register; a text is then read in one pass, however many names there
are. It cannot find nicknames, misspellings, a description that names nobody, postal addresses
(the register holds none), and a name that is also a name of the reader."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Self

from breachdesk.gdpr.personal_data import register_entries
from breachdesk.gdpr.personal_data.folding import (
    FoldedToken,
    fold_text,
    join_divided_words,
    split_tokens,
)
from breachdesk.gdpr.personal_data.known_names import NameEntries, NameEntry, NameKind, NameRule
from breachdesk.gdpr.personal_data.name_signs import BLOCK, WARN, classify_name
from breachdesk.gdpr.personal_data.network_addresses import Address, find_addresses, find_numbers
from breachdesk.gdpr.personal_data.person_names import HONORIFICS, list_person_names
from breachdesk.gdpr.personal_data.register_names import RegisterNames
from schemas.customer import PROVIDER, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User

_PLAIN_HONORIFICS = frozenset(
    ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "rev", "revd", "cllr")
)
_NO_INITIALS = frozenset("ai")


@dataclass(frozen=True, slots=True)
class ForeignHit:
    """Something in a text that is not the reader's."""

    kind: NameKind
    severity: str
    """block | warn"""
    start: int
    end: int
    quote: str = field(repr=False)
    """The words as folded: for a screen, never for a log."""


_ENGLISH = (NameRule.WEAK, NameRule.CAPITAL, NameRule.LOOK)
"""Rules of single words that a template may hold for its own reasons."""


class TextSpans:
    """Spans of a text."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def has_span(self, start: int, end: int) -> bool:
        """Whether one of them contains this span whole."""
        at = bisect_right(self._starts, start)
        return at > 0 and self._reach[at - 1] >= end


@dataclass(frozen=True)
class TextReader:
    """The reader of a text: their own data is allowed in it."""

    customer_id: str
    names: tuple[str, ...] = field(default=(), repr=False)
    """Names and addresses as the frozen list has them; the register may have changed since."""
    reference: str | None = None
    typed: frozenset[str] | None = field(default=None, repr=False)
    """Folded words that a person typed for this case. An ordinary word outside them is the
    template's own and names nobody. None: every word counts."""

    @cached_property
    def entries(self) -> NameEntries:
        """Names allowed for this reader alone."""
        whole = register_entries.generate_phrase_entries(self.names, self.customer_id)
        return NameEntries(
            (
                *whole,
                *register_entries.generate_allowed_people_entries(self.names, self.customer_id),
            )
        )

    @cached_property
    def surnames(self) -> frozenset[tuple[str, ...]]:
        """Surnames that may follow an honorific."""
        return frozenset(p.surname for name in self.names for p in list_person_names(name))


MOST_TEXTS = 2_000


@dataclass(frozen=True, slots=True)
class _FoldedText:
    """A folded text, and what can be said of it whoever reads it."""

    tokens: Sequence[FoldedToken] = field(repr=False)
    words: frozenset[str] = field(repr=False)
    rows: Mapping[int, Sequence[tuple[int, list[NameEntry]]]] = field(repr=False)
    """Which of its words begin a row of the register's words."""
    titles: frozenset[int]
    """Places of what may precede a surname."""
    numbers: Sequence[tuple[int, int, str]] = field(repr=False)
    addresses: Sequence[tuple[int, int, Address]] = field(repr=False)

    def list_row_beginnings(self, reader: TextReader) -> Iterable[int]:
        """List positions of words that begin a name of the reader's own."""
        first_words = reader.entries.first_words
        if first_words.isdisjoint(self.words):
            return ()
        return (at for at, token in enumerate(self.tokens) if token.word in first_words)


class ForeignData:
    """Names, domains, addresses and numbers of all customers, and the names of our staff."""

    def __init__(self, names: RegisterNames, involved: Iterable[str] = ()) -> None:
        """Create the index. `involved` are accounts that worked on the case; their first names
        count too."""
        self._names = names
        self.customers = names.customers
        self.staff = len(names.users)
        self._entries = NameEntries(names.get_staff_entries(frozenset(involved)), names.entries)
        self._read_before: dict[str, _FoldedText] = {}
        """Most sentences are in every letter of a breach: each is split and looked up once."""
        self._folded_before: dict[str, tuple[str, str | None]] = {}

    @classmethod
    def from_customers(
        cls,
        customers: Iterable[Customer],
        bindings: Iterable[Binding] = (),
        users: Iterable[User] = (),
        *,
        profile: ProviderProfile | None = None,
        involved: Iterable[str] = (),
    ) -> Self:
        """Build the index of these customers and accounts."""
        return cls(RegisterNames(customers, bindings, users, profile=profile), involved)

    def find(self, text: str, reader: TextReader) -> Sequence[ForeignHit]:
        """Find what is not the reader's, from left to right, the longest where several overlap."""
        plain, whole = self._fold_text(
            text.replace(reader.reference, " ") if reader.reference else text
        )
        hits = self._find_hits(plain, reader)
        if whole is not None:
            hits += self._find_hits(whole, reader)
        return _select_longest(hits)

    def find_folded(self, plain: str, reader: TextReader) -> Sequence[ForeignHit]:
        """Find in a text that is already folded: positions are those of this text."""
        return _select_longest(self._find_hits(plain, reader))

    def count_others(self, reader: TextReader) -> int:
        """Count the customers whose data is looked for."""
        return self.customers - (reader.customer_id in self._names.customer_ids)

    def _find_hits(self, plain: str, reader: TextReader) -> list[ForeignHit]:
        text = self._get_text(plain)
        tokens = text.tokens
        own = frozenset((reader.customer_id, PROVIDER))
        allowed: list[tuple[int, int]] = []
        hits: list[ForeignHit] = []
        for place in sorted({*text.rows, *text.titles, *text.list_row_beginnings(reader)}):
            for length, entries in self._generate_rows(text, plain, place, reader):
                if any(e.owner in own or e.rule is NameRule.ALLOWED for e in entries):
                    allowed.append((tokens[place].start, tokens[place + length - 1].end))
                    continue
                hits += _classify_entries(entries, plain, tokens, place, length, reader)
            if place in text.titles:
                hits += self._find_titled_names(plain, tokens, place, own, reader)
        hits += self._find_numbers(text, plain, own)
        return [hit for hit in hits if not any(a <= hit.start and hit.end <= b for a, b in allowed)]

    def _fold_text(self, text: str) -> tuple[str, str | None]:
        """Return the folded text, and the same with divided words joined."""
        known = self._folded_before.get(text)
        if known is None:
            plain = fold_text(text)
            known = plain, join_divided_words(plain)
            if len(self._folded_before) >= MOST_TEXTS:
                self._folded_before.clear()
            self._folded_before[text] = known
        return known

    def _get_text(self, plain: str) -> _FoldedText:
        known = self._read_before.get(plain)
        if known is None:
            known = self._build_text(plain)
            if len(self._read_before) >= MOST_TEXTS:
                self._read_before.clear()
            self._read_before[plain] = known
        return known

    def _build_text(self, plain: str) -> _FoldedText:
        tokens = split_tokens(plain)
        return _FoldedText(
            tokens,
            words=frozenset(token.word for token in tokens),
            rows={
                place: row
                for place, token in enumerate(tokens)
                if self._entries.may_begin(token.word)
                and (row := tuple(self._entries.match_at(plain, tokens, place)))
            },
            titles=frozenset(at for at, token in enumerate(tokens) if _may_be_title(token)),
            numbers=tuple(find_numbers(plain)),
            addresses=tuple(find_addresses(plain)),
        )

    def _generate_rows(
        self, text: _FoldedText, plain: str, place: int, reader: TextReader
    ) -> Iterator[tuple[int, list[NameEntry]]]:
        yield from text.rows.get(place, ())
        yield from reader.entries.match_at(plain, text.tokens, place)

    def _find_titled_names(
        self,
        plain: str,
        tokens: Sequence[FoldedToken],
        place: int,
        own: frozenset[str],
        reader: TextReader,
    ) -> Iterator[ForeignHit]:
        """Find names like `Ms Mason`, `Dr J. Mason`, `J. Mason`."""
        title = tokens[place]
        initial = len(title.word) == 1
        at = place + 1
        if not initial and at < len(tokens) and len(tokens[at].word) == 1:
            at += 1
        if at >= len(tokens) or plain[title.end : tokens[at].start].strip(" .\n\t")[1:]:
            return
        if (initial or title.word not in _PLAIN_HONORIFICS) and not tokens[at].capital:
            return
        named = [
            s
            for s in self._names.surnames.get(tokens[at].word, ())
            if s.words == tuple(t.word for t in tokens[at : at + len(s.words)])
            and (not initial or s.initial == title.word)
        ]
        if not named or any(s.owner in own or s.words in reader.surnames for s in named):
            return
        end = tokens[at + len(named[0].words) - 1].end
        kind = NameKind.STAFF if all(s.staff for s in named) else NameKind.PERSON
        yield ForeignHit(kind, BLOCK, title.start, end, plain[title.start : end])

    def _find_numbers(
        self, text: _FoldedText, plain: str, own: frozenset[str]
    ) -> Iterator[ForeignHit]:
        for start, end, key in text.numbers:
            owners = self._names.numbers.get(key)
            if owners and not own & owners:
                yield ForeignHit(NameKind.TELEPHONE, BLOCK, start, end, plain[start:end])
        for start, end, address in text.addresses:
            holders = self._names.networks.find_owners(address)
            if holders and not own & holders:
                yield ForeignHit(NameKind.SYSTEM, BLOCK, start, end, plain[start:end])


def _may_be_title(token: FoldedToken) -> bool:
    """Whether the word is an honorific or an initial."""
    initial = len(token.word) == 1 and token.capital and token.word not in _NO_INITIALS
    return initial or token.word in HONORIFICS


def _classify_entries(
    entries: Sequence[NameEntry],
    plain: str,
    tokens: Sequence[FoldedToken],
    place: int,
    length: int,
    reader: TextReader,
) -> Iterator[ForeignHit]:
    """Classify what these words may be, by the most serious kind."""
    row = tokens[place : place + length]
    start, end = row[0].start, row[-1].end
    judged = [(classify_name(e.rule, plain, tokens, place, length), e) for e in entries]
    for severity_class in (BLOCK, WARN):
        entry = next((e for severity, e in judged if severity == severity_class), None)
        if entry is None:
            continue
        typed = reader.typed is None or all(t.word in reader.typed for t in row)
        if typed or entry.rule not in _ENGLISH:
            yield ForeignHit(entry.kind, severity_class, start, end, plain[start:end])
        return


def _select_longest(hits: Sequence[ForeignHit]) -> list[ForeignHit]:
    """Omit hits contained in another of the same or a more serious kind."""
    grave = _select_outermost([hit for hit in hits if hit.severity == BLOCK])
    spans = TextSpans((hit.start, hit.end) for hit in grave)
    light = _select_outermost([hit for hit in hits if hit.severity != BLOCK])
    light = [hit for hit in light if not spans.has_span(hit.start, hit.end)]
    return sorted((*grave, *light), key=lambda hit: hit.start)


def _select_outermost(hits: Iterable[ForeignHit]) -> list[ForeignHit]:
    outermost: list[ForeignHit] = []
    for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
        if not outermost or hit.end > outermost[-1].end:
            outermost.append(hit)
    return outermost
