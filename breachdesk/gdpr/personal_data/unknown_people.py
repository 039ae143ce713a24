"""Find names of people who are not registered, by an honorific, a first name, or the word before
them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from breachdesk.gdpr.personal_data.detectors import PersonalDataKind, PersonalDataSpan
from breachdesk.gdpr.personal_data.folding import FoldedToken
from breachdesk.gdpr.personal_data.ordinary_words import (
    WordRarity,
    classify_word,
    is_english,
    is_first_name,
)
from breachdesk.gdpr.personal_data.person_names import HONORIFICS, PARTICLES

_CUES = frozenset(
    ("patient", "client", "customer", "tenant", "resident", "pupil", "student", "child", "boy", "girl",
     "employee", "member", "user", "named", "called", "name", "son", "daughter", "wife", "husband",
     "mother", "father", "mum", "dad", "parent", "carer", "colleague", "engineer", "technician", "nurse",
     "doctor", "solicitor", "teacher", "receptionist", "manager", "director", "apprentice", "holder",
     "applicant", "donor", "subscriber", "witness", "dear", "from", "signed", "by", "mr", "and")
)  # fmt: skip
_SURE_CUES = _CUES - {"from", "by", "and", "name", "member", "user", "holder", "signed", "called"}
_BESIDE = re.compile(r"[ \t]*\n?[ \t]*|\.[ \t]{0,2}|,[ \t]|:[ \t]|[ \t]?-[ \t]?|'s?[ \t]")
_CLOSE = re.compile(r"[ \t]+|[ \t]*\n[ \t]*|\.[ \t]?|-")
_MOST = 4
"""Words of one name."""


def find_people(
    text: str, tokens: Sequence[FoldedToken], known: AbstractSet[str] = frozenset()
) -> Iterator[PersonalDataSpan]:
    """Find people's names; of a name found once, or `known`, its surname alone too."""
    surnames = known | find_surnames(text, tokens)
    for place in range(len(tokens)):
        length = _count_name_words(text, tokens, place)
        if length:
            yield PersonalDataSpan(
                tokens[place].start,
                _compute_end(text, tokens[place + length - 1]),
                PersonalDataKind.PERSON,
            )
    for token in tokens:
        if _has_capital(text, token) and token.word in surnames:
            yield PersonalDataSpan(token.start, _compute_end(text, token), PersonalDataKind.PERSON)


def find_surnames(text: str, tokens: Sequence[FoldedToken]) -> AbstractSet[str]:
    """Find last words of the names in this text that are no English words."""
    rows = (
        tokens[place : place + length]
        for place in range(len(tokens))
        if (length := _count_name_words(text, tokens, place)) > 1
    )
    return {row[-1].word for row in rows if not is_english(row[-1].word)}


def _count_name_words(text: str, tokens: Sequence[FoldedToken], place: int) -> int:
    """Count the words of the name that begins here; 0: none does."""
    token = tokens[place]
    if token.word in HONORIFICS and (
        _has_capital(text, token) or token.word in ("mr", "mrs", "ms", "dr")
    ):
        return _count_titled_words(text, tokens, place)
    if not _has_capital(text, token):
        return 0
    row = _count_capitals(text, tokens, place)
    if is_first_name(token.word) and row > 1 and _is_name(text, tokens[place : place + row]):
        return row
    if len(token.word) == 1 and token.word not in "ai" and row > 1:
        return row if _is_surname(text, tokens[place + 1]) else 0
    if place and tokens[place - 1].word in _SURE_CUES and _is_adjacent(text, tokens, place - 1):
        return row if any(_is_telling(text, t) for t in tokens[place : place + row]) else 0
    return 0


def _count_titled_words(text: str, tokens: Sequence[FoldedToken], place: int) -> int:
    if place + 1 >= len(tokens) or not _is_adjacent(text, tokens, place):
        return 0
    if not _has_capital(text, tokens[place + 1]) and tokens[place + 1].word not in PARTICLES:
        return 0
    rest = _count_capitals(text, tokens, place + 1)
    plain = tokens[place].word in ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor")
    if plain or any(_is_telling(text, t) for t in tokens[place + 1 : place + 1 + rest]):
        return 1 + rest
    return 0


def _count_capitals(text: str, tokens: Sequence[FoldedToken], place: int) -> int:
    """Count consecutive capitalised words, particles included."""
    length = 1
    while length < _MOST and place + length < len(tokens):
        token = tokens[place + length]
        gap = text[tokens[place + length - 1].end : token.start]
        particle = token.word in PARTICLES and not _has_capital(text, token)
        stops = gap.startswith(".") and len(tokens[place + length - 1].word) > 1
        if not _CLOSE.fullmatch(gap) or stops or not (_has_capital(text, token) or particle):
            break
        if tokens[place + length - 1].possessive:
            break
        length += 1
    while length > 1 and tokens[place + length - 1].word in PARTICLES:
        length -= 1
    return length


def _is_name(text: str, row: Sequence[FoldedToken]) -> bool:
    """Whether the words are a name: a first name that is a word too (`May`, `Mark`, `Will`) needs a
    surname that is none."""
    first, second = row[0], row[1]
    if second.word.isdigit() or second.word in HONORIFICS:
        return False
    return _is_surname(text, second) if is_english(first.word) else not _is_usual(second)


def _is_surname(text: str, token: FoldedToken) -> bool:
    return _has_capital(text, token) and classify_word(token.word) in (
        WordRarity.COINED,
        WordRarity.RARE,
        WordRarity.FIRST_NAME,
    )


def _is_usual(token: FoldedToken) -> bool:
    return token.word in _USUAL


_USUAL = frozenset(
    ("and", "or", "was", "is", "has", "had", "will", "the", "ltd", "limited", "llp", "plc")
)


def _is_telling(text: str, token: FoldedToken) -> bool:
    return _has_capital(text, token) and classify_word(token.word) is not WordRarity.COMMON


def _is_adjacent(text: str, tokens: Sequence[FoldedToken], place: int) -> bool:
    return _BESIDE.fullmatch(text[tokens[place].end : tokens[place + 1].start]) is not None


def _has_capital(text: str, token: FoldedToken) -> bool:
    """Whether the word has a capital, also in a line of capitals, where every word may be a
    name."""
    return text[token.start].isupper()


def _compute_end(text: str, token: FoldedToken) -> int:
    """Return the end without the possessive ending, which remains in the sentence."""
    original = text[token.start : token.end]
    return token.end - 2 if original.endswith(("'s", "'S")) else token.end
