"""What leaves for a regulator, without the personal data that can be found; and an exact account of
what was looked for, what was replaced, and which words a person should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from breachdesk.gdpr import personal_data, unknown_people
from breachdesk.gdpr.aligned import aligned
from breachdesk.gdpr.folding import Token, folded, tokens
from breachdesk.gdpr.foreign_data import ForeignData, Reader
from breachdesk.gdpr.known_names import Kind
from breachdesk.gdpr.name_signs import BLOCK
from breachdesk.gdpr.network_addresses import national, numbers_in
from breachdesk.gdpr.ordinary_words import Weight, is_first_name, weight
from breachdesk.gdpr.personal_data import Span, What
from schemas.settings import ProviderProfile

PLACEHOLDERS = {
    What.CUSTOMER: "[name removed]",
    What.PERSON: "[name removed]",
    What.STAFF: "[name removed]",
    What.EMAIL: "[address removed]",
    What.DOMAIN: "[system removed]",
    What.TELEPHONE: "[number removed]",
    What.IP: "[IP address removed]",
    What.BIRTH: "[date removed]",
    What.STREET: "[address removed]",
    What.POSTCODE: "[address removed]",
    What.NHS: "[number removed]",
    What.INSURANCE: "[number removed]",
    What.CARD: "[number removed]",
    What.BANK: "[number removed]",
}
_KINDS = {
    Kind.NAME: What.CUSTOMER,
    Kind.SHORT_NAME: What.CUSTOMER,
    Kind.ACCOUNT: What.CUSTOMER,
    Kind.PERSON: What.PERSON,
    Kind.STAFF: What.STAFF,
    Kind.ADDRESS: What.EMAIL,
    Kind.DOMAIN: What.DOMAIN,
    Kind.SYSTEM: What.DOMAIN,
    Kind.TELEPHONE: What.TELEPHONE,
}
LOOKED_FOR = tuple(
    dict.fromkeys(
        (
            "names, short names and account numbers of customers",
            "names of their people and of our staff",
            "people’s names after an honorific, a usual first name, or a word such as “patient”",
            "e-mail addresses",
            "domains and systems of customers",
            "telephone numbers",
            "IP addresses",
            "dates of birth",
            "street addresses and postcodes of the UK and Ireland",
            "NHS and National Insurance numbers",
            "card and bank account numbers",
        )
    )
)
UNSEEN = (
    "a name that is an ordinary word, or that stands alone without a first name",
    "a name that is misspelt or abbreviated",
    "a reference or a file name that leads to a person",
    "a description by which somebody could be known",
    "text in a picture",
)
_MOST_WORDS = 60
_GAP = frozenset(" \t\n-")
_MASK = "\0"


@dataclass(frozen=True, slots=True)
class RedactionAccount:
    """Of one report. Counts are of places, not of people."""

    removed: Mapping[What, int] = field(default_factory=dict)
    look_at: tuple[str, ...] = field(default=(), repr=False)
    """Capitalised words that are left and could be names; for the screen alone."""
    customers: int = 0
    staff: int = 0

    @property
    def total(self) -> int:
        """Places at which something was replaced."""
        return sum(self.removed.values())

    @property
    def looked_for(self) -> tuple[str, ...]:
        """Each kind that was looked for."""
        return LOOKED_FOR

    @property
    def unseen(self) -> tuple[str, ...]:
        """What it cannot find."""
        return UNSEEN


class ReportRedaction:
    """Takes personal data out of one report's free texts."""

    def __init__(self, data: ForeignData, profile: ProviderProfile, *, year: int) -> None:
        """`data`: with our profile, whose named contact stays. `year`: of the report."""
        self._data = data
        self._year = year
        self._ours = [
            folded(text)
            for text in (
                profile.legal_name, profile.trading_name, profile.registered_address,
                profile.contact_name, profile.contact_email, profile.contact_phone,
            )
            if text.strip()
        ]  # fmt: skip
        self._number = national(profile.contact_phone)
        self._reader = Reader("", names=(profile.contact_name,) if profile.contact_name else ())
        self._removed: Counter[What] = Counter()
        self._look: dict[str, None] = {}
        self._surnames: set[str] = set()

    @property
    def account(self) -> RedactionAccount:
        """Of what was redacted until now."""
        return RedactionAccount(
            dict(self._removed), tuple(self._look)[:_MOST_WORDS], self._data.customers,
            self._data.staff,
        )  # fmt: skip

    def redact_all(self, texts: Sequence[str]) -> list[str]:
        """Each text without what was found in it; a surname of one is known in the others."""
        for text in texts:
            plain = aligned(text).text
            self._surnames |= unknown_people.surnames_in(plain, tokens(plain))
        return [self.redact(text) for text in texts]

    def redact(self, text: str) -> str:
        """The text without what was found. Redacting again changes nothing."""
        left = self._redact_once(text)
        while left != text:
            text, left = left, self._redact_once(left)
        self._note(text)
        return text

    def _redact_once(self, text: str) -> str:
        folding = aligned(text)
        result = text
        for span in reversed(_apart(self._found(self._masked(folding.text)))):
            start, end = folding.span(span.start, span.end)
            result = result[:start] + PLACEHOLDERS[span.what] + result[end:]
            self._removed[span.what] += 1
        return result

    def _found(self, text: str) -> Iterator[Span]:
        for hit in self._data.find_folded(text, self._reader):
            if hit.severity == BLOCK:
                yield Span(hit.start, hit.end, _KINDS[hit.kind])
        yield from personal_data.find(text, year=self._year)
        yield from unknown_people.find(text, tokens(text), self._surnames)

    def _masked(self, text: str) -> str:
        """As long as before; nothing is found in what stays, nor across it."""
        signs = list(text)
        for start, end in self._kept(text):
            signs[start:end] = _MASK * (end - start)
        return "".join(signs)

    def _kept(self, text: str) -> Iterator[tuple[int, int]]:
        """Our own contact, and what was replaced before."""
        lowered = text.casefold()
        for ours in (*self._ours, *set(PLACEHOLDERS.values())):
            start = lowered.find(ours.casefold())
            while start >= 0:
                yield start, start + len(ours)
                start = lowered.find(ours.casefold(), start + len(ours))
        for start, end, number in numbers_in(text):
            if number == self._number:
                yield start, end

    def _note(self, text: str) -> None:
        plain = self._masked(aligned(text).text)
        for row in _capital_rows(plain, tokens(plain)):
            self._look.setdefault(" ".join(plain[row[0].start : row[-1].end].split()))


def _apart(spans: Iterable[Span]) -> list[Span]:
    """In order; what overlaps is one, of the kind of the longest."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end:
            longer = span if span.end - span.start > last.end - last.start else last
            merged[-1] = Span(last.start, span.end, longer.what)
    return merged


def _capital_rows(text: str, found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Two capitalised words in a row of which one is not usual, and a single coined one."""
    at = 0
    while at < len(found):
        end = at
        while end < len(found) and found[end].capital and (end == at or _close(text, found, end)):
            end += 1
        row = found[at:end]
        if row and _could_name(row):
            yield row
        at = max(end, at + 1)


def _close(text: str, found: Sequence[Token], place: int) -> bool:
    return set(text[found[place - 1].end : found[place].start]) <= _GAP


def _could_name(row: Sequence[Token]) -> bool:
    telling = [token for token in row if len(token.word) > 1 and not token.word.isdigit()]
    if len(telling) == 1:
        says = weight(telling[0].word)
        return len(telling[0].word) > _ABBREVIATION and (
            says is Weight.COINED or says is Weight.FIRST_NAME
        )
    return any(weight(t.word) is not Weight.COMMON or is_first_name(t.word) for t in telling)


_ABBREVIATION = 4
