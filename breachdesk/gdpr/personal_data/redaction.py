"""Redact names, addresses and numbers of everybody affected from a regulator's report."""

from __future__ import annotations

import re
from collections.abc import Iterable

from breachdesk.gdpr.personal_data.names import EMAIL, NameIndex
from schemas.customer import Customer

PERSON = "[name removed]"
ADDRESS = "[address removed]"
NUMBER = "[number removed]"
_HONORIFICS = ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof")
_PHONE = re.compile(r"(?<!\w)\+?\d[\d ()-]{8,}\d(?!\w)")


class NameRedaction:
    """Index of everybody who must not be named."""

    def __init__(self, customers: Iterable[Customer], *, keep: Iterable[str] = ()) -> None:
        """Create the index. `keep` are our own addresses and numbers, which may remain."""
        everybody = list(customers)
        self._names = NameIndex(n for customer in everybody for n in _list_names(customer))
        self._numbers = {
            _extract_digits(n) for customer in everybody for n in _list_numbers(customer)
        } - {""}
        self._keep = {text.casefold() for text in keep}

    def redact(self, text: str) -> str:
        """Remove names, e-mail addresses and telephone numbers of anybody affected."""
        text = EMAIL.sub(lambda m: self._replace_unless_kept(m.group(), ADDRESS), text)
        text = _PHONE.sub(self._replace_number, text)
        for match in reversed(list(self._names.find(text))):
            text = text[: match.start] + PERSON + text[match.end :]
        return text

    def has_findings(self, text: str) -> bool:
        """Whether anything would be removed."""
        return self.redact(text) != text

    def _replace_unless_kept(self, name: str, placeholder: str) -> str:
        return name if name.casefold() in self._keep else placeholder

    def _replace_number(self, match: re.Match[str]) -> str:
        return NUMBER if _extract_digits(match.group()) in self._numbers else match.group()


def _list_names(customer: Customer) -> Iterable[str]:
    yield customer.name
    for person in customer.people:
        yield person.name
        surname = person.name.split()[-1:]
        for title in _HONORIFICS if surname else ():
            yield f"{title} {surname[0]}"


def _list_numbers(customer: Customer) -> Iterable[str]:
    return (customer.phone, *(person.phone for person in customer.people))


def _extract_digits(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return digits[-9:] if len(digits) >= 9 else ""
