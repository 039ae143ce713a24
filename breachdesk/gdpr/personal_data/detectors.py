"""Detect personal data of anybody by its form: numbers, dates of birth, addresses.

Each pattern names what it finds; data without a form of its own is not detected here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from breachdesk.gdpr.personal_data.network_addresses import find_addresses, find_numbers


class PersonalDataKind(StrEnum):
    """Kind of data found, in the singular."""

    CUSTOMER = "customer’s name"
    PERSON = "person’s name"
    STAFF = "member of staff’s name"
    EMAIL = "e-mail address"
    DOMAIN = "customer’s domain or system"
    TELEPHONE = "telephone number"
    IP = "IP address"
    BIRTH = "date of birth"
    STREET = "street address"
    POSTCODE = "postcode"
    NHS = "NHS number"
    INSURANCE = "National Insurance number"
    CARD = "card number"
    BANK = "bank account"


@dataclass(frozen=True, slots=True)
class PersonalDataSpan:
    """Personal data and its position."""

    start: int
    end: int
    what: PersonalDataKind


_EMAIL = re.compile(r"(?<![\w.+'-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
"""Begun only where a word begins: a long row of letters is read once."""
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\.?,?\s+(?:\d{{4}}|’?'?\d\d)\b"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b"
    r"|\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:\d{4}|\d\d)\b|\d{4}-\d\d-\d\d\b)"
)
_ANY_DATE = re.compile(rf"(?<![\w./-]){_DATE}", re.IGNORECASE)
_BORN = re.compile(
    rf"\b(?:born|d\.?\s?o\.?\s?b\.?|date\s+of\s+birth|birth\s?date|birthday)\b[^\n\d]{{0,25}}?({_DATE}|\d{{4}}\b)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(1[89]\d\d|20\d\d)\b")
_POSTCODE = re.compile(
    r"\b(?:GIR ?0AA|(?:[A-PR-UWYZ]\d[\dA-HJKPSTUW]?|[A-PR-UWYZ][A-HK-Y]\d[\dABEHMNPRVWXY]?)\s?\d[ABD-HJLNP-UW-Z]{2})\b",
    re.IGNORECASE,
)
_EIRCODE = re.compile(r"\b[AC-FHKNPRTV-Y]\d[\dW] ?[0-9AC-FHKNPRTV-Y]{4}\b")
_WAYS = (
    "street|st|road|rd|lane|ln|avenue|ave|close|drive|way|court|place|terrace|gardens|crescent|square|hill|row|"
    "grove|park|walk|mews|yard|parade|rise|view|green|quay|wharf|gate|hall|house|cottage|lodge|farm|flats?|"
    "buildings|villas|broadway|embankment|esplanade|promenade|circus|croft|fold|garth|wynd|vennel"
)
_STREET = re.compile(
    rf"(?<![\w.,:/-])(?:(?:flat|unit|apartment|suite|room|apt\.?)\s+\w{{1,4}}\s*,?\s+)?\d{{1,4}}[a-z]?(?:-\d{{1,4}})?,?\s+"
    rf"((?:[a-z][\w'.-]*\s+){{1,4}}?)(?:{_WAYS})\b\.?",
    re.IGNORECASE,
)
_BUILDING_NAME = re.compile(
    r"\b(?:[A-Z][\w'-]+\s+){1,3}(?:House|Cottage|Lodge|Farm|Court|Hall|Villa|Grange|Manor)\b"
    r"(?=\s*,\s*[A-Z\d])"
)
_NOT_A_STREET = frozenset(
    ("a", "an", "and", "are", "at", "by", "for", "from", "in", "into", "is", "it", "its", "no", "not",
     "of", "on", "or", "our", "that", "their", "this", "to", "was", "we", "were", "with", "your", "files",
     "people", "customers", "records", "minutes", "hours", "days", "times", "mailboxes", "accounts",
     "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
     "november", "december", "am", "pm")
)  # fmt: skip
_SPOKEN = re.compile(
    r"\b(?:tel|telephone|phone|mobile|mob|fax|ring|rang|call|called|landline)\b[^\w\n]{0,3}"
    r"(?:(?:on|at|no|number|is|them|him|her|us)\b[^\w\n]{0,3}){0,2}(\+?\(?\d[\d ()./-]{4,18}\d)(?![\w])",
    re.IGNORECASE,
)
_DATELIKE = re.compile(r"^\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2,4}\b|^\d{4}-\d\d-\d\d\b")
_NHS = re.compile(r"(?<![\d-])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\d-])")
_NHS_CUE = re.compile(r"\bNHS\b[^\n\d]{0,20}(\d[\d -]{8,12}\d)", re.IGNORECASE)
_INSURANCE = re.compile(r"\b[A-Z]{2}\s?(?:\d\s?){6}[A-D]\b", re.IGNORECASE)
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b")
_SORT_CODE = re.compile(r"(?<![\d-])\d\d[- ]\d\d[- ]\d\d(?![\d-])(?:\D{0,40}?\b\d{6,8}\b)?")
_SORT_CUE = re.compile(r"\bsort\s?code\b[^\n\d]{0,12}(\d\d[- ]?\d\d[- ]?\d\d)\b", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"\b(?:account|acct|a/c)\b\.?\s*(?:(?:number|no|nr)\b\.?)?[^\w\n]{0,4}(\d[\d ]{4,9}\d)\b",
    re.IGNORECASE,
)
_NATIONAL = 9
"""Digits of the shortest UK number after its nought, short codes apart."""


def find_personal_data(text: str, *, year: int) -> Iterator[PersonalDataSpan]:
    """Find all personal data with a form. A date ten years or more before `year` is taken for one
    of birth."""
    for finder in _FINDERS:
        yield from finder(text)
    for match in _ANY_DATE.finditer(text):
        year_match = _YEAR.search(match.group())
        if year_match and int(year_match.group()) <= year - _LONG_AGO:
            yield PersonalDataSpan(match.start(), match.end(), PersonalDataKind.BIRTH)


_LONG_AGO = 10


def _build_finder(
    pattern: re.Pattern[str], what: PersonalDataKind, group: int = 0
) -> Callable[[str], Iterator[PersonalDataSpan]]:
    def find_matches(text: str) -> Iterator[PersonalDataSpan]:
        for match in pattern.finditer(text):
            yield PersonalDataSpan(match.start(group), match.end(group), what)

    return find_matches


def _find_addresses(text: str) -> Iterator[PersonalDataSpan]:
    for start, end, _ in find_addresses(text):
        yield PersonalDataSpan(start, end, PersonalDataKind.IP)


def _find_telephones(text: str) -> Iterator[PersonalDataSpan]:
    """Find the longest row of digits from each beginning that is no date."""
    longest: dict[int, int] = {}
    for start, end, key in find_numbers(text):
        if len(key) >= _NATIONAL and not _DATELIKE.match(text[start:end]):
            longest[start] = max(end, longest.get(start, 0))
    for start, end in longest.items():
        yield PersonalDataSpan(start, end, PersonalDataKind.TELEPHONE)
    for match in _SPOKEN.finditer(text):
        if not _DATELIKE.match(match.group(1)):
            yield PersonalDataSpan(match.start(1), match.end(1), PersonalDataKind.TELEPHONE)


def _find_streets(text: str) -> Iterator[PersonalDataSpan]:
    for match in _STREET.finditer(text):
        if not _NOT_A_STREET & {word.casefold() for word in match.group(1).split()}:
            yield PersonalDataSpan(match.start(), match.end(), PersonalDataKind.STREET)


def _find_nhs_numbers(text: str) -> Iterator[PersonalDataSpan]:
    for match in _NHS.finditer(text):
        if _is_nhs(match.group()):
            yield PersonalDataSpan(match.start(), match.end(), PersonalDataKind.NHS)


def _is_nhs(number: str) -> bool:
    """Whether the digits pass modulus 11 over the ten digits (NHS Data Dictionary)."""
    digits = [int(sign) for sign in number if sign.isdigit()]
    check = 11 - sum(d * w for d, w in zip(digits, range(10, 1, -1), strict=False)) % 11
    return len(digits) == 10 and check % 11 == digits[9] and check != 10


def _find_cards(text: str) -> Iterator[PersonalDataSpan]:
    for match in _CARD.finditer(text):
        if _is_card(match.group()):
            yield PersonalDataSpan(match.start(), match.end(), PersonalDataKind.CARD)


def _is_card(number: str) -> bool:
    """Whether the digits pass Luhn's check (ISO/IEC 7812-1)."""
    digits = [int(sign) for sign in number if sign.isdigit()][::-1]
    doubled = sum(n * 2 - 9 * (n > 4) for n in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _find_sort_codes(text: str) -> Iterator[PersonalDataSpan]:
    """Find six digits in pairs that precede an account number, or that are no date."""
    for match in _SORT_CODE.finditer(text):
        day, month, _ = (int(pair) for pair in re.split("[- ]", match.group()[:8]))
        followed = len(match.group()) > len("00-00-00")
        if followed or ("-" in match.group() and not (1 <= day <= 31 and 1 <= month <= 12)):
            yield PersonalDataSpan(match.start(), match.end(), PersonalDataKind.BANK)


_FINDERS: tuple[Callable[[str], Iterator[PersonalDataSpan]], ...] = (
    _build_finder(_EMAIL, PersonalDataKind.EMAIL),
    _build_finder(_BORN, PersonalDataKind.BIRTH, 1),
    _build_finder(_POSTCODE, PersonalDataKind.POSTCODE),
    _build_finder(_EIRCODE, PersonalDataKind.POSTCODE),
    _build_finder(_BUILDING_NAME, PersonalDataKind.STREET),
    _build_finder(_NHS_CUE, PersonalDataKind.NHS, 1),
    _build_finder(_INSURANCE, PersonalDataKind.INSURANCE),
    _build_finder(_IBAN, PersonalDataKind.BANK),
    _build_finder(_SORT_CUE, PersonalDataKind.BANK, 1),
    _build_finder(_ACCOUNT, PersonalDataKind.BANK, 1),
    _find_addresses,
    _find_telephones,
    _find_streets,
    _find_nhs_numbers,
    _find_cards,
    _find_sort_codes,
)
