"""Fold names in a text to one spelling, so that the search treats alike what looks alike to a
reader."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple

from schemas.short_memory import remember_for_minutes

_LOOKALIKES = str.maketrans(
    "АВЕКМНОРСТУХЅІЈԚԜԀҺҮавекмнорстухѕіјԛԝԁһүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχςɡɩıȷ",
    "ABEKMHOPCTYXSIJQWDHYabekmhopctyxsijqwdhyABEZHIKMNOPTYXabezhikmvoptyxcgiij",
)
"""Cyrillic and Greek letters that are drawn as Latin ones (after Unicode's UTS 39, the common
ones). A real Greek or Cyrillic name is folded by the same table, so it is still found."""
_LETTERS = {
    ord(letter): plain
    for letter, plain in {
        "ß": "ss", "ẞ": "SS", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d",
        "Ð": "D", "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ħ": "h",
    }.items()
}  # fmt: skip
"""Letters that do not decompose into a letter and a mark."""
_APOSTROPHES = "'’‘ʼʹ`´′＇‛"
_DASHES = "-‐‑‒–—―−﹣－"
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_SIGNS = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))
_SPELLED_DOT = re.compile(
    r"(?<=\w)\s*[\[({<]\s*(?:\.|dot|punkt)\s*[\])}>]\s*(?=\w)|(?<=\w)\s+(?:dot|punkt)\s+(?=\w)",
    re.IGNORECASE,
)
_SPELLED_AT = re.compile(r"(?<=\w)\s*[\[({<]\s*(?:@|at)\s*[\])}>]\s*(?=\w)", re.IGNORECASE)
_BROKEN_WORD = re.compile(r"(?<=\w)-[ \t]*\n[ \t]*(?=\w)")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?|&|(?<=\s)\+(?=\s)")
_AND = frozenset("&+")


class FoldedToken(NamedTuple):
    """A word and its position in a folded text."""

    word: str
    start: int
    end: int
    capital: bool
    """It begins with a capital, and not because its whole line is in capitals."""
    possessive: bool


def fold_text(text: str) -> str:
    """Fold the text to plain Latin letters; case is kept, entities are resolved, ` dot ` and `[.]`
    become a dot."""
    if not text.isascii() or "&" in text:
        text = unicodedata.normalize("NFKC", unescape(unescape(text)))
    return _SPELLED_AT.sub("@", _SPELLED_DOT.sub(".", fold_letters(text)))


def fold_letters(text: str) -> str:
    """Remove marks and invisible characters, unify apostrophes and hyphens, and replace look-alikes
    by Latin letters."""
    if text.isascii():
        return text.translate(_SIGNS)
    text = _INVISIBLE.sub("", text.translate(_SIGNS))
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return text.translate(_LETTERS).translate(_LOOKALIKES).translate(_SIGNS)


def split_tokens(text: str) -> list[FoldedToken]:
    """Split a folded text into words, case-folded, without apostrophes and possessive endings. `&`
    and a lone `+` are `and`."""
    matches = list(_WORD.finditer(text))
    return [_build_token(matches, at) for at in range(len(matches))]


def join_divided_words(text: str) -> str | None:
    """Join words that a hyphen divides at a line's end. None: there are none."""
    whole = _BROKEN_WORD.sub("", text)
    return whole if whole != text else None


def split_words(name: str) -> tuple[str, ...]:
    """Split a name into words as `split_tokens` splits a text."""
    return tuple(token.word for token in split_tokens(fold_text(name)))


def list_spellings(name: str) -> Sequence[tuple[str, ...]]:
    """List the spellings of a name: as it is, in either case, with ae for ä, with the parts of an
    apostrophe apart, and as one word."""
    forms = [name]
    if not name.isascii():
        forms += [name.upper(), name.lower(), name.translate(_UMLAUTS)]
    if any(sign in name for sign in _APOSTROPHES):
        forms.append(re.sub(f"[{_APOSTROPHES}](?![sS]\\b)", " ", name))
    spelled = [split_words(form) for form in forms]
    return tuple(dict.fromkeys(spelling for spelling in spelled if spelling))


_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "å": "aa",
     "Ø": "Oe", "Å": "Aa"}
)  # fmt: skip


def _build_token(matches: list[re.Match[str]], at: int) -> FoldedToken:
    match = matches[at]
    word, capital, shouts, possessive = _read_word(match.group())
    if shouts and capital:
        capital = not _is_among_capitals(matches, at)
    return FoldedToken(word, match.start(), match.end(), capital, possessive)


@remember_for_minutes(16_384)
def _read_word(raw: str) -> tuple[str, bool, bool, bool]:
    """Return a word without apostrophes and its ending; whether it begins with a capital, is all
    capitals, and is possessive. Cached, since texts repeat few different words."""
    if raw in _AND:
        return "and", False, False, False
    possessive = raw.endswith(("'s", "'S", "s'", "S'"))
    if raw.endswith(("'s", "'S")):
        raw = raw[:-2]
    word = raw.replace("'", "").casefold()
    return word, raw[:1].isupper(), len(raw) > 1 and raw.isupper(), possessive


def _is_among_capitals(matches: list[re.Match[str]], at: int) -> bool:
    """Whether every adjacent word is in capitals too."""
    beside = [matches[i].group() for i in (at - 1, at + 1) if 0 <= i < len(matches)]
    letters = [word for word in beside if not word.isdigit()]
    return bool(letters) and all(word.isupper() for word in letters)
