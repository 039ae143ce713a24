"""Index what a search looks for: consecutive words, what may separate them, and when they count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from breachdesk.gdpr.personal_data.firm_names import LEGAL_FORMS, SURE_LEGAL_FORMS, FirmName
from breachdesk.gdpr.personal_data.folding import FoldedToken
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word, is_english


class NameKind(StrEnum):
    """What was found, in the words of the screen."""

    NAME = "the name of another customer"
    SHORT_NAME = "a short name of another customer"
    PERSON = "the name of somebody at another customer"
    DOMAIN = "a domain of another customer"
    ADDRESS = "an e-mail address of another customer"
    SYSTEM = "a system or network address of another customer"
    TELEPHONE = "a telephone number of another customer"
    ACCOUNT = "the account number of another customer"
    STAFF = "the name of a member of staff"


class NameSeparator(Enum):
    """What may separate two words."""

    NAME = re.compile(r"[\s,;:'\"()/_-]*|\.")
    DOTS = re.compile(r"\.|\s+\.\s*|\.\s+(?=[a-z0-9])|\s*\.\s*\n\s*|-{1,2}")
    ADDRESS = re.compile(r"\s*[.@_-]{1,2}\s*|\.\s+(?=[a-z0-9])|'|\s+and\s+")
    LINK = re.compile(r"[-_./:]|\s?-\s?")
    ANYTHING = re.compile(r"[\W_]*")


_ABBREVIATION = 3
"""Letters of `Co.`, `St.`, `Mrs.`."""


class NameRule(Enum):
    """When consecutive words count as a name."""

    ALWAYS = "in any case of letters"
    CAPITALS = "when its words are capitalised"
    CAPITAL = "as a word of its own it blocks when capitalised and warns when not"
    EXACT = "capitals as registered; an abbreviation of three letters at most"
    WEAK = "an ordinary word: it blocks next to a sign of a firm, else it warns when capitalised"
    LOOK = "warns when capitalised"
    ALLOWED = "may stand"


@dataclass(frozen=True, slots=True)
class NameEntry:
    """Consecutive words and their owner."""

    words: tuple[str, ...]
    kind: NameKind
    owner: str
    rule: NameRule
    between: NameSeparator = NameSeparator.NAME


_Rows = dict[tuple[str, ...], dict[tuple[object, ...], list[NameEntry]]]


class NameEntries:
    """Entries by their first one or two words."""

    def __init__(self, entries: Iterable[NameEntry], beside: NameEntries | None = None) -> None:
        """Create the index. Entries of `beside` count too, before the others; they are shared, not
        copied."""
        self._beside: _Rows = {} if beside is None else beside.rows
        self.rows: _Rows = {}
        for entry in entries:
            row = self._get_row(entry.words[:2])
            row.setdefault((entry.words, entry.between), []).append(entry)
        self.first_words = frozenset(key[0] for key in self.rows if key)
        """Of its own entries."""
        self._words_beside: frozenset[str] = frozenset() if beside is None else beside.first_words

    def _get_row(self, key: tuple[str, ...]) -> dict[tuple[object, ...], list[NameEntry]]:
        row = self.rows.get(key)
        if row is None:
            row = {words: list(some) for words, some in self._beside.get(key, {}).items()}
            self.rows[key] = row
        return row

    def may_begin(self, word: str) -> bool:
        """Whether any entry begins with this word."""
        return word in self.first_words or word in self._words_beside

    def match_at(
        self, text: str, tokens: Sequence[FoldedToken], place: int
    ) -> Iterator[tuple[int, list[NameEntry]]]:
        """Match every entry that begins at this word; yields its number of words, and the
        entries."""
        first = tokens[place].word
        if place + 1 < len(tokens):
            yield from self._match_key((first, tokens[place + 1].word), text, tokens, place)
        yield from self._match_key((first,), text, tokens, place)

    def _match_key(
        self, key: tuple[str, ...], text: str, tokens: Sequence[FoldedToken], place: int
    ) -> Iterator[tuple[int, list[NameEntry]]]:
        rows = self.rows.get(key) or self._beside.get(key)
        for (_, between), entries in rows.items() if rows else ():
            words = entries[0].words
            if _is_row_at(words, between, text, tokens, place):
                yield len(words), entries


def _is_row_at(
    words: tuple[str, ...], between: object, text: str, tokens: Sequence[FoldedToken], place: int
) -> bool:
    if place + len(words) > len(tokens):
        return False
    for step in range(1, len(words)):
        if tokens[place + step].word != words[step]:
            return False
        gap = text[tokens[place + step - 1].end : tokens[place + step].start]
        if not isinstance(between, NameSeparator) or not _may_separate(
            gap, between, tokens[place + step - 1]
        ):
            return False
    return True


def _may_separate(gap: str, between: NameSeparator, before: FoldedToken) -> bool:
    """Whether the gap may separate words: never an empty line. After an abbreviation a full stop
    ends no sentence."""
    if between is NameSeparator.ANYTHING:
        return True
    if gap.count("\n") > 1:
        return False
    if between is NameSeparator.NAME and len(before.word) <= _ABBREVIATION and gap.startswith("."):
        gap = gap[1:]
    return between.value.fullmatch(gap) is not None


def select_firm_rule(name: FirmName) -> NameRule:
    """Select when one of a firm's names counts, by how common its words are."""
    if len(name.words) == 1:
        return select_word_rule(name.words[0])
    if name.words[-1] in SURE_LEGAL_FORMS:
        return NameRule.ALWAYS
    telling = [word for word in name.words if word not in LEGAL_FORMS]
    return (
        NameRule.ALWAYS
        if any(classify_word(w) > WordRarity.COMMON for w in telling)
        else NameRule.CAPITALS
    )


def select_word_rule(word: str) -> NameRule:
    """Select when one word alone counts."""
    says = classify_word(word)
    if says is WordRarity.COINED:
        return NameRule.EXACT if len(word) <= 3 else NameRule.ALWAYS
    return NameRule.CAPITAL if says is WordRarity.RARE else NameRule.WEAK


def select_person_rule(words: tuple[str, ...]) -> NameRule:
    """Select the rule for first name and surname: English words (`Mark Hall`) count only when
    capitalised."""
    return NameRule.CAPITALS if all(is_english(word) for word in words) else NameRule.ALWAYS
