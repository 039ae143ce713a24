"""A regulator's report names nobody affected: names, addresses and numbers are taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from breachdesk.gdpr.names import EMAIL, NameIndex
from schemas.customer import Customer

PERSON = "[name removed]"
ADDRESS = "[address removed]"
NUMBER = "[number removed]"
_HONORIFICS = ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof")
_PHONE = re.compile(r"(?<!\w)\+?\d[\d ()-]{8,}\d(?!\w)")


class Redaction:
    """Knows everybody who must not be named."""

    def __init__(self, customers: Iterable[Customer], *, keep: Iterable[str] = ()) -> None:
        """`keep`: our own addresses and numbers, which may stand."""
        everybody = list(customers)
        self._names = NameIndex(n for customer in everybody for n in _names(customer))
        self._numbers = {_digits(n) for customer in everybody for n in _numbers(customer)} - {""}
        self._keep = {text.casefold() for text in keep}

    def strip(self, text: str) -> str:
        """The text without names, e-mail addresses and telephone numbers of anybody affected."""
        text = EMAIL.sub(lambda m: self._or(m.group(), ADDRESS), text)
        text = _PHONE.sub(self._number, text)
        for found in reversed(list(self._names.find(text))):
            text = text[: found.start] + PERSON + text[found.end :]
        return text

    def finds(self, text: str) -> bool:
        """Would anything be taken out?"""
        return self.strip(text) != text

    def _or(self, found: str, placeholder: str) -> str:
        return found if found.casefold() in self._keep else placeholder

    def _number(self, match: re.Match[str]) -> str:
        return NUMBER if _digits(match.group()) in self._numbers else match.group()


def _names(customer: Customer) -> Iterable[str]:
    yield customer.name
    for person in customer.people:
        yield person.name
        surname = person.name.split()[-1:]
        for title in _HONORIFICS if surname else ():
            yield f"{title} {surname[0]}"


def _numbers(customer: Customer) -> Iterable[str]:
    return (customer.phone, *(person.phone for person in customer.people))


def _digits(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return digits[-9:] if len(digits) >= 9 else ""
