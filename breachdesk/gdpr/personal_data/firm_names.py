"""List the names of a firm: its full name, the name without `Ltd`, the words that only it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from breachdesk.gdpr.personal_data.folding import list_spellings
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word, load_words

LEGAL_FORMS = load_words("legal_forms")
SURE_LEGAL_FORMS = frozenset(("ltd", "limited", "llp", "plc", "cic", "cio", "cyf", "gmbh"))
"""After a capitalised word they make a firm's name of it."""
_TRADES = load_words("trades")
_ALIAS = re.compile(
    r"\s+(?:t/a|t\.a\.|trading\s+as|formerly|also\s+known\s+as|a/k/a|aka)\s+|\s*[()]\s*",
    re.IGNORECASE,
)
_SHORTEST = 3


class FirmNameKind(StrEnum):
    """Which of a firm's names it is."""

    FULL = "full"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class FirmName:
    """One name of a firm."""

    words: tuple[str, ...]
    call: FirmNameKind


def list_firm_names(name: str) -> Sequence[FirmName]:
    """List all names, the full one first: `Hartwell Dental Practice`, `Hartwell`; `Smith & Co Ltd`,
    `Smith & Co`, `Smith`. A trading name after `t/a` is a name of its own."""
    names = dict.fromkeys(_generate_spellings(name), FirmNameKind.FULL)
    for part in _ALIAS.split(name):
        for spelling in _generate_spellings(part):
            names.setdefault(spelling, FirmNameKind.FULL)
            for short in _generate_short_names(spelling):
                names.setdefault(short, FirmNameKind.SHORT)
    return [FirmName(words, call) for words, call in names.items()]


def _generate_spellings(name: str) -> Iterator[tuple[str, ...]]:
    for spelling in list_spellings(name):
        yield spelling[1:] if spelling[0] == "the" and len(spelling) > 1 else spelling


def _generate_short_names(name: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    core = _strip_endings(name, LEGAL_FORMS)
    yield core
    brief = _strip_endings(core, _TRADES | LEGAL_FORMS)
    yield brief
    if len(core) > 1:
        joined = "".join(core)
        if len(joined) >= 8 and classify_word(joined) is WordRarity.COINED:
            yield (joined,)
    yield from ((word,) for word in _generate_distinctive_words(core))


def _strip_endings(name: tuple[str, ...], endings: frozenset[str]) -> tuple[str, ...]:
    """Strip the last words while they are such endings; one word always remains."""
    while len(name) > 1 and name[-1] in endings:
        name = name[:-1]
    return name


def _generate_distinctive_words(core: tuple[str, ...]) -> Iterator[str]:
    """Generate words that identify it alone: the first, a partner next to `and`, and any that
    nobody else uses."""
    for at, word in enumerate(core):
        if len(word) < _SHORTEST or word in _TRADES or word in LEGAL_FORMS:
            continue
        leads = at == 0 or "and" in (core[at - 1], *core[at + 1 : at + 2])
        says = classify_word(word)
        ordinary = says in (WordRarity.PLACE, WordRarity.COMMON)
        if (
            says is WordRarity.COINED
            or (leads and not ordinary)
            or (at == 0 and ordinary and len(core) <= _FEW)
        ):
            yield word


_FEW = 2
"""A firm of two words is called by its first; of longer names an ordinary first word says
nothing."""
