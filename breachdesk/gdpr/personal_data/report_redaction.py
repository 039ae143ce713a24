"""Redact detectable personal data from what leaves for a regulator, and account for what was looked
for, what was replaced, and which words a person should check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from breachdesk.gdpr.personal_data import detectors, unknown_people
from breachdesk.gdpr.personal_data.aligned_text import align_text
from breachdesk.gdpr.personal_data.detectors import PersonalDataKind, PersonalDataSpan
from breachdesk.gdpr.personal_data.folding import FoldedToken, fold_text, split_tokens
from breachdesk.gdpr.personal_data.foreign_data import ForeignData, TextReader
from breachdesk.gdpr.personal_data.known_names import NameKind
from breachdesk.gdpr.personal_data.name_signs import BLOCK
from breachdesk.gdpr.personal_data.network_addresses import find_numbers, normalise_number
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word, is_first_name
from schemas.settings import ProviderProfile

PLACEHOLDERS = {
    PersonalDataKind.CUSTOMER: "[name removed]",
    PersonalDataKind.PERSON: "[name removed]",
    PersonalDataKind.STAFF: "[name removed]",
    PersonalDataKind.EMAIL: "[address removed]",
    PersonalDataKind.DOMAIN: "[system removed]",
    PersonalDataKind.TELEPHONE: "[number removed]",
    PersonalDataKind.IP: "[IP address removed]",
    PersonalDataKind.BIRTH: "[date removed]",
    PersonalDataKind.STREET: "[address removed]",
    PersonalDataKind.POSTCODE: "[address removed]",
    PersonalDataKind.NHS: "[number removed]",
    PersonalDataKind.INSURANCE: "[number removed]",
    PersonalDataKind.CARD: "[number removed]",
    PersonalDataKind.BANK: "[number removed]",
}
_KINDS = {
    NameKind.NAME: PersonalDataKind.CUSTOMER,
    NameKind.SHORT_NAME: PersonalDataKind.CUSTOMER,
    NameKind.ACCOUNT: PersonalDataKind.CUSTOMER,
    NameKind.PERSON: PersonalDataKind.PERSON,
    NameKind.STAFF: PersonalDataKind.STAFF,
    NameKind.ADDRESS: PersonalDataKind.EMAIL,
    NameKind.DOMAIN: PersonalDataKind.DOMAIN,
    NameKind.SYSTEM: PersonalDataKind.DOMAIN,
    NameKind.TELEPHONE: PersonalDataKind.TELEPHONE,
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
    "a name that is an ordinary word, or that occurs without a first name",
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

    removed: Mapping[PersonalDataKind, int] = field(default_factory=dict)
    look_at: tuple[str, ...] = field(default=(), repr=False)
    """Capitalised words that are left and could be names; for the screen alone."""
    customers: int = 0
    staff: int = 0

    @property
    def total(self) -> int:
        """Number of replacements."""
        return sum(self.removed.values())

    @property
    def looked_for(self) -> tuple[str, ...]:
        """Each kind that was looked for."""
        return LOOKED_FOR

    @property
    def unseen(self) -> tuple[str, ...]:
        """Kinds that cannot be found."""
        return UNSEEN


class ReportRedaction:
    """Takes personal data out of one report's free texts."""

    def __init__(self, data: ForeignData, profile: ProviderProfile, *, year: int) -> None:
        """Create a redaction. `data` includes our profile, whose named contact is kept. `year` is
        the report's."""
        self._data = data
        self._year = year
        self._ours = [
            fold_text(text)
            for text in (
                profile.legal_name, profile.trading_name, profile.registered_address,
                profile.contact_name, profile.contact_email, profile.contact_phone,
            )
            if text.strip()
        ]  # fmt: skip
        self._number = normalise_number(profile.contact_phone)
        self._reader = TextReader("", names=(profile.contact_name,) if profile.contact_name else ())
        self._removed: Counter[PersonalDataKind] = Counter()
        self._look: dict[str, None] = {}
        self._surnames: set[str] = set()

    @property
    def account(self) -> RedactionAccount:
        """Account of what was redacted until now."""
        return RedactionAccount(
            dict(self._removed), tuple(self._look)[:_MOST_WORDS], self._data.customers,
            self._data.staff,
        )  # fmt: skip

    def redact_all(self, texts: Sequence[str]) -> list[str]:
        """Redact each text; a surname found in one is known in the others."""
        for text in texts:
            plain = align_text(text).text
            self._surnames |= unknown_people.find_surnames(plain, split_tokens(plain))
        return [self.redact(text) for text in texts]

    def redact(self, text: str) -> str:
        """Redact one text. Redacting again changes nothing."""
        redacted = self._redact_once(text)
        while redacted != text:
            text, redacted = redacted, self._redact_once(redacted)
        self._record_capital_rows(text)
        return text

    def _redact_once(self, text: str) -> str:
        folding = align_text(text)
        result = text
        for span in reversed(_merge_overlaps(self._find_spans(self._replace_exempt(folding.text)))):
            start, end = folding.find_span(span.start, span.end)
            result = result[:start] + PLACEHOLDERS[span.what] + result[end:]
            self._removed[span.what] += 1
        return result

    def _find_spans(self, text: str) -> Iterator[PersonalDataSpan]:
        for hit in self._data.find_folded(text, self._reader):
            if hit.severity == BLOCK:
                yield PersonalDataSpan(hit.start, hit.end, _KINDS[hit.kind])
        yield from detectors.find_personal_data(text, year=self._year)
        yield from unknown_people.find_people(text, split_tokens(text), self._surnames)

    def _replace_exempt(self, text: str) -> str:
        """Replace exempt spans by as many characters, so that nothing is found in or across
        them."""
        signs = list(text)
        for start, end in self._find_exempt_spans(text):
            signs[start:end] = _MASK * (end - start)
        return "".join(signs)

    def _find_exempt_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Find our own contact, and what was replaced before."""
        lowered = text.casefold()
        for ours in (*self._ours, *set(PLACEHOLDERS.values())):
            start = lowered.find(ours.casefold())
            while start >= 0:
                yield start, start + len(ours)
                start = lowered.find(ours.casefold(), start + len(ours))
        for start, end, number in find_numbers(text):
            if number == self._number:
                yield start, end

    def _record_capital_rows(self, text: str) -> None:
        plain = self._replace_exempt(align_text(text).text)
        for row in _generate_capital_rows(plain, split_tokens(plain)):
            self._look.setdefault(" ".join(plain[row[0].start : row[-1].end].split()))


def _merge_overlaps(spans: Iterable[PersonalDataSpan]) -> list[PersonalDataSpan]:
    """Merge overlapping spans, in order, into one of the longest's kind."""
    merged: list[PersonalDataSpan] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end:
            longer = span if span.end - span.start > last.end - last.start else last
            merged[-1] = PersonalDataSpan(last.start, span.end, longer.what)
    return merged


def _generate_capital_rows(
    text: str, tokens: Sequence[FoldedToken]
) -> Iterator[Sequence[FoldedToken]]:
    """Generate two consecutive capitalised words of which one is rare, and single coined words."""
    at = 0
    while at < len(tokens):
        end = at
        while (
            end < len(tokens)
            and tokens[end].capital
            and (end == at or _is_close(text, tokens, end))
        ):
            end += 1
        row = tokens[at:end]
        if row and _may_be_name(row):
            yield row
        at = max(end, at + 1)


def _is_close(text: str, tokens: Sequence[FoldedToken], place: int) -> bool:
    return set(text[tokens[place - 1].end : tokens[place].start]) <= _GAP


def _may_be_name(row: Sequence[FoldedToken]) -> bool:
    telling = [token for token in row if len(token.word) > 1 and not token.word.isdigit()]
    if len(telling) == 1:
        says = classify_word(telling[0].word)
        return len(telling[0].word) > _ABBREVIATION and (
            says is WordRarity.COINED or says is WordRarity.FIRST_NAME
        )
    return any(
        classify_word(t.word) is not WordRarity.COMMON or is_first_name(t.word) for t in telling
    )


_ABBREVIATION = 4
