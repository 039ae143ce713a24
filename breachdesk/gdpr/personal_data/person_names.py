"""List the names of a person: first name and surname in either order, `Ms Mason`, `J. Mason`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from breachdesk.gdpr.personal_data.folding import list_spellings, split_words
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word, load_words

HONORIFICS = load_words("honorifics")
_ROLES = load_words("roles")


@dataclass(frozen=True, slots=True)
class PersonName:
    """One person's name in one spelling."""

    given_names: tuple[str, ...]
    surname: tuple[str, ...]

    @property
    def in_order(self) -> tuple[str, ...]:
        return (*self.given_names, *self.surname)


def list_person_names(name: str) -> Sequence[PersonName]:
    """List each spelling; none for a role such as `Accounts Department`. A surname may be of
    several words (`van der Berg`, `O'Brien-Jones`)."""
    parts = name.split()
    titled = 0
    while titled < len(parts) and set(split_words(parts[titled])) <= HONORIFICS:
        titled += 1
    rest = parts[titled:]
    if not rest or all(word in _ROLES for word in split_words(" ".join(rest))):
        return ()
    at = _find_surname(rest, titled=titled > 0)
    given_names = list_spellings(" ".join(rest[:at])) or ((),)
    surname = list_spellings(" ".join(rest[at:])) or ((),)
    return [PersonName(g, s) for g in given_names for s in surname]


def _find_surname(parts: Sequence[str], *, titled: bool) -> int:
    """Find where the surname begins; past the end when the only word is a first name."""
    if len(parts) == 1:
        one = split_words(parts[0])
        return 0 if titled or not one or classify_word(one[0]) is WordRarity.COINED else 1
    particles = (i for i, part in enumerate(parts[1:-1], 1) if set(split_words(part)) <= PARTICLES)
    return next(particles, len(parts) - 1)


PARTICLES = frozenset(
    (
        "van",
        "von",
        "de",
        "der",
        "den",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "du",
        "la",
        "le",
        "ten",
        "ter",
        "al",
        "el",
        "bin",
        "ibn",
        "ap",
        "ab",
        "mac",
    )
)
