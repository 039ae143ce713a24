"""Names of people whom no register knows: by an honorific, a first name, or the word before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from breachdesk.gdpr.folding import Token
from breachdesk.gdpr.ordinary_words import Weight, is_english, is_first_name, weight
from breachdesk.gdpr.person_names import HONORIFICS, PARTICLES
from breachdesk.gdpr.personal_data import Span, What

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


def find(
    text: str, found: Sequence[Token], known: AbstractSet[str] = frozenset()
) -> Iterator[Span]:
    """People's names; of a name that stood once, or is `known`, its surname alone too."""
    surnames = known | surnames_in(text, found)
    for place in range(len(found)):
        length = _name_at(text, found, place)
        if length:
            yield Span(found[place].start, _end(text, found[place + length - 1]), What.PERSON)
    for token in found:
        if _capital(text, token) and token.word in surnames:
            yield Span(token.start, _end(text, token), What.PERSON)


def surnames_in(text: str, found: Sequence[Token]) -> AbstractSet[str]:
    """Last words of the names in this text that are no English words."""
    rows = (
        found[place : place + length]
        for place in range(len(found))
        if (length := _name_at(text, found, place)) > 1
    )
    return {row[-1].word for row in rows if not is_english(row[-1].word)}


def _name_at(text: str, found: Sequence[Token], place: int) -> int:
    """How many words a name has that begins here; 0: none does."""
    token = found[place]
    if token.word in HONORIFICS and (
        _capital(text, token) or token.word in ("mr", "mrs", "ms", "dr")
    ):
        return _titled(text, found, place)
    if not _capital(text, token):
        return 0
    row = _capitals(text, found, place)
    if is_first_name(token.word) and row > 1 and _is_name(text, found[place : place + row]):
        return row
    if len(token.word) == 1 and token.word not in "ai" and row > 1:
        return row if _is_surname(text, found[place + 1]) else 0
    if place and found[place - 1].word in _SURE_CUES and _beside(text, found, place - 1):
        return row if any(_is_telling(text, t) for t in found[place : place + row]) else 0
    return 0


def _titled(text: str, found: Sequence[Token], place: int) -> int:
    if place + 1 >= len(found) or not _beside(text, found, place):
        return 0
    if not _capital(text, found[place + 1]) and found[place + 1].word not in PARTICLES:
        return 0
    rest = _capitals(text, found, place + 1)
    plain = found[place].word in ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor")
    if plain or any(_is_telling(text, t) for t in found[place + 1 : place + 1 + rest]):
        return 1 + rest
    return 0


def _capitals(text: str, found: Sequence[Token], place: int) -> int:
    """How many capitalised words stand in a row, particles among them."""
    length = 1
    while length < _MOST and place + length < len(found):
        token = found[place + length]
        gap = text[found[place + length - 1].end : token.start]
        particle = token.word in PARTICLES and not _capital(text, token)
        stops = gap.startswith(".") and len(found[place + length - 1].word) > 1
        if not _CLOSE.fullmatch(gap) or stops or not (_capital(text, token) or particle):
            break
        if found[place + length - 1].possessive:
            break
        length += 1
    while length > 1 and found[place + length - 1].word in PARTICLES:
        length -= 1
    return length


def _is_name(text: str, row: Sequence[Token]) -> bool:
    """A first name that is a word too (`May`, `Mark`, `Will`) needs a surname that is none."""
    first, second = row[0], row[1]
    if second.word.isdigit() or second.word in HONORIFICS:
        return False
    return _is_surname(text, second) if is_english(first.word) else not _is_usual(second)


def _is_surname(text: str, token: Token) -> bool:
    return _capital(text, token) and weight(token.word) in (
        Weight.COINED,
        Weight.RARE,
        Weight.FIRST_NAME,
    )


def _is_usual(token: Token) -> bool:
    return token.word in _USUAL


_USUAL = frozenset(
    ("and", "or", "was", "is", "has", "had", "will", "the", "ltd", "limited", "llp", "plc")
)


def _is_telling(text: str, token: Token) -> bool:
    return _capital(text, token) and weight(token.word) is not Weight.COMMON


def _beside(text: str, found: Sequence[Token], place: int) -> bool:
    return _BESIDE.fullmatch(text[found[place].end : found[place + 1].start]) is not None


def _capital(text: str, token: Token) -> bool:
    """Also in a line of capitals, where every word may be a name."""
    return text[token.start].isupper()


def _end(text: str, token: Token) -> int:
    """Without the possessive ending, which stays in the sentence."""
    written = text[token.start : token.end]
    return token.end - 2 if written.endswith(("'s", "'S")) else token.end
