"""What a search looks for: words in a row, what may stand between them, and when they count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from breachdesk.gdpr.firm_names import LEGAL_FORMS, SURE_LEGAL_FORMS, FirmName
from breachdesk.gdpr.folding import Token
from breachdesk.gdpr.ordinary_words import Weight, is_english, weight


class Kind(StrEnum):
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


class Between(Enum):
    """What may stand between two words."""

    NAME = re.compile(r"[\s,;:'\"()/_-]*|\.")
    DOTS = re.compile(r"\.|\s+\.\s*|\.\s+(?=[a-z0-9])|\s*\.\s*\n\s*|-{1,2}")
    ADDRESS = re.compile(r"\s*[.@_-]{1,2}\s*|\.\s+(?=[a-z0-9])|'|\s+and\s+")
    LINK = re.compile(r"[-_./:]|\s?-\s?")
    ANYTHING = re.compile(r"[\W_]*")


_ABBREVIATION = 3
"""Letters of `Co.`, `St.`, `Mrs.`."""


class Rule(Enum):
    """When a row of words counts."""

    ALWAYS = "in any case of letters"
    CAPITALS = "when its words are capitalised"
    CAPITAL = "as a word of its own it blocks when capitalised and warns when not"
    EXACT = "capitals as registered; an abbreviation of three letters at most"
    WEAK = "an ordinary word: it blocks beside a sign of a firm, else it warns when capitalised"
    LOOK = "warns when capitalised"
    ALLOWED = "may stand"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of words and whose it is."""

    words: tuple[str, ...]
    kind: Kind
    owner: str
    rule: Rule
    between: Between = Between.NAME


_Rows = dict[tuple[str, ...], dict[tuple[object, ...], list[Entry]]]


class Entries:
    """Rows of words by their first one or two."""

    def __init__(self, entries: Iterable[Entry], beside: Entries | None = None) -> None:
        """`beside`: entries that count too, as if they came first; they are shared, not copied."""
        self._beside: _Rows = {} if beside is None else beside.rows
        self.rows: _Rows = {}
        for entry in entries:
            row = self._row(entry.words[:2])
            row.setdefault((entry.words, entry.between), []).append(entry)
        self.first_words = frozenset(key[0] for key in self.rows if key)
        """Of its own entries."""
        self._words_beside: frozenset[str] = frozenset() if beside is None else beside.first_words

    def _row(self, key: tuple[str, ...]) -> dict[tuple[object, ...], list[Entry]]:
        row = self.rows.get(key)
        if row is None:
            row = {words: list(some) for words, some in self._beside.get(key, {}).items()}
            self.rows[key] = row
        return row

    def may_begin(self, word: str) -> bool:
        """Does any row begin with this word?"""
        return word in self.first_words or word in self._words_beside

    def at(
        self, text: str, found: Sequence[Token], place: int
    ) -> Iterator[tuple[int, list[Entry]]]:
        """Every row that begins at this word: how many words it has, and the entries."""
        first = found[place].word
        if place + 1 < len(found):
            yield from self._of((first, found[place + 1].word), text, found, place)
        yield from self._of((first,), text, found, place)

    def _of(
        self, key: tuple[str, ...], text: str, found: Sequence[Token], place: int
    ) -> Iterator[tuple[int, list[Entry]]]:
        rows = self.rows.get(key) or self._beside.get(key)
        for (_, between), entries in rows.items() if rows else ():
            words = entries[0].words
            if _stands(words, between, text, found, place):
                yield len(words), entries


def _stands(
    words: tuple[str, ...], between: object, text: str, found: Sequence[Token], place: int
) -> bool:
    if place + len(words) > len(found):
        return False
    for step in range(1, len(words)):
        if found[place + step].word != words[step]:
            return False
        gap = text[found[place + step - 1].end : found[place + step].start]
        if not isinstance(between, Between) or not _may_stand(
            gap, between, found[place + step - 1]
        ):
            return False
    return True


def _may_stand(gap: str, between: Between, before: Token) -> bool:
    """Never an empty line. After an abbreviation a full stop ends no sentence."""
    if between is Between.ANYTHING:
        return True
    if gap.count("\n") > 1:
        return False
    if between is Between.NAME and len(before.word) <= _ABBREVIATION and gap.startswith("."):
        gap = gap[1:]
    return between.value.fullmatch(gap) is not None


def firm_rule(name: FirmName) -> Rule:
    """When one of a firm's names counts, by how ordinary its words are."""
    if len(name.words) == 1:
        return word_rule(name.words[0])
    if name.words[-1] in SURE_LEGAL_FORMS:
        return Rule.ALWAYS
    telling = [word for word in name.words if word not in LEGAL_FORMS]
    return Rule.ALWAYS if any(weight(w) > Weight.COMMON for w in telling) else Rule.CAPITALS


def word_rule(word: str) -> Rule:
    """When one word alone counts."""
    says = weight(word)
    if says is Weight.COINED:
        return Rule.EXACT if len(word) <= 3 else Rule.ALWAYS
    return Rule.CAPITAL if says is Weight.RARE else Rule.WEAK


def person_rule(words: tuple[str, ...]) -> Rule:
    """First name and surname: of English words (`Mark Hall`) only when capitalised."""
    return Rule.CAPITALS if all(is_english(word) for word in words) else Rule.ALWAYS
