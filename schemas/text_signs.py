"""Show characters that hide or reorder other text as markers: `[U+202E]`.

A name from outside may hold controls, bidirectional marks, characters without width, fillers that
look like nothing, or combining marks without a letter. A reader of a screen or a letter sees each
of them as a marker. Text that needs such a character to be read stays as it is: a joiner between
Arabic or after an Indic virama, a joiner or a variation selector in an emoji, a variation selector
of a CJK character. Names written from right to left are not changed at all."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

LONGEST_NAME = 200
"""Characters of a name or title. Companies House admits 160."""
MOST_MARKS = 8
"""Combining marks on one letter; scripts in use need four."""

_HARMLESS = re.compile(
    "[\n\t\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0373\u037b-\u0482\u048a-\u058f"
    "\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u27ff\u2900-\u2bff"
    "\u3001-\u3029\u3041-\u3096\u30a0-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*"
)
"""Matches text in which nothing has to be looked at: a shortcut, not the rule."""
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as nothing, though Unicode counts them as letters, marks or symbols."""
_VISIBLE_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Of category Cf, but drawn: number and verse signs."""
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_JOINING = (
    (0x0600, 0x08FF),
    (0x1800, 0x18AF),
    (0x07C0, 0x07FF),
    (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC),
    (0x10D00, 0x10D3F),
    (0x1E900, 0x1E95F),
)
"""Scripts whose letters join: Arabic, Syriac, N'Ko, Mongolian, Hanifi Rohingya, Adlam."""
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180D), (0x180F, 0x180F))
_VIRAMA = 9
"""Canonical combining class of the Indic viramas."""
_LETTERS_AND_MARKS = ("L", "M")


def mark_hidden(text: str) -> str:
    """Replace every character that hides or reorders with a marker. LF, TAB and CR LF stay."""
    if _HARMLESS.fullmatch(text):
        return text
    return "".join(_mark_parts(text))


def mark_hidden_in_line(text: str) -> str:
    """Replace like `mark_hidden`, line ends and tabs too. For names, titles and header fields."""
    return "".join(_format_marker(sign) if sign in "\n\r\t" else sign for sign in mark_hidden(text))


def mark_hidden_in_value(value: Any) -> Any:
    """Replace like `mark_hidden` in every text of a JSON-like value."""
    if isinstance(value, str):
        return mark_hidden(value)
    if isinstance(value, dict):
        return {
            mark_hidden_in_value(name): mark_hidden_in_value(part) for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [mark_hidden_in_value(part) for part in value]
    return value


def escape_json(json_text: str) -> str:
    """Escape every character that `mark_hidden` would replace, without changing the JSON value. The
    text must be JSON in which such characters occur in strings only."""
    if _HARMLESS.fullmatch(json_text):
        return json_text
    return "".join(
        _format_json_escape(sign) if mark else sign for sign, mark in _inspect_signs(json_text)
    )


def list_hidden(text: str) -> tuple[str, ...]:
    """List `U+202E RIGHT-TO-LEFT OVERRIDE` for each kind of character that `mark_hidden_in_line`
    replaces."""
    marked = dict.fromkeys(sign for sign, mark in _inspect_signs(text) if mark or sign in "\n\r\t")
    return tuple(f"U+{ord(s):04X} {unicodedata.name(s, 'control')}" for s in marked)


def find_name_problem(text: str, longest: int = LONGEST_NAME) -> str | None:
    """Return why the text cannot be a name, a title or a header field, or None.

    Controls, line ends and lone surrogates end or break a header. `=?` begins an encoded word (RFC
    2047), which a mail program decodes although nobody wrote it as one."""
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") for sign in text):
        return "holds a control character or a line end"
    if "=?" in text:
        return "holds `=?`, which mail programs take for encoded text"
    if len(text) > longest:
        return f"is longer than {longest} characters"
    if text and not any(_is_drawn(sign) for sign in text):
        return "holds nothing that can be seen"
    return None


def _mark_parts(text: str) -> list[str]:
    return [_format_marker(sign) if mark else sign for sign, mark in _inspect_signs(text)]


def _inspect_signs(text: str) -> list[tuple[str, bool]]:
    """List every character, and whether it must be replaced."""
    looked: list[tuple[str, bool]] = []
    marks = 0
    base = ""
    for at, sign in enumerate(text):
        category = unicodedata.category(sign)
        combining = category[0] == "M"
        marks = marks + 1 if combining else 0
        lone = combining and (not base or marks > MOST_MARKS)
        mark = lone or _is_hidden(text, at, sign, category)
        looked.append((sign, mark))
        if not combining:
            joins = sign in (_ZWJ, _ZWNJ) and not mark
            base = base if joins else "" if mark or category[0] in "ZC" else sign
    return looked


def _is_hidden(text: str, at: int, sign: str, category: str) -> bool:
    if sign in "\n\t\r":
        return sign == "\r" and text[at + 1 : at + 2] != "\n"
    if sign in (_ZWJ, _ZWNJ):
        return not _is_needed_joiner(text, at)
    if _is_selector(sign):
        return not _is_needed_selector(text, at)
    if category == "Cf":
        return sign not in _VISIBLE_FORMATS
    if category == "Cn":
        return _is_no_character(ord(sign))
    return category in ("Cc", "Cs", "Co", "Zl", "Zp") or sign in _FILLERS


def _is_needed_joiner(text: str, at: int) -> bool:
    """Whether a script or an emoji needs this joiner (after RFC 5892, A.1, A.2)."""
    before, after = _get_sign_before(text, at), text[at + 1 : at + 2]
    if before and unicodedata.combining(text[at - 1]) == _VIRAMA:
        return True
    if not before or not after:
        return False
    if _is_in_ranges(before, _JOINING) and unicodedata.category(before)[0] == "L":
        return (
            _is_in_ranges(after, _JOINING) and unicodedata.category(after)[0] in _LETTERS_AND_MARKS
        )
    return text[at] == _ZWJ and _is_picture(before) and _is_picture(after)


def _get_sign_before(text: str, at: int) -> str:
    """Return the character before, skipping marks and selectors."""
    while at and unicodedata.category(text[at - 1])[0] == "M":
        at -= 1
    return text[at - 1] if at else ""


def _is_needed_selector(text: str, at: int) -> bool:
    """Whether this selector chooses the look of the character directly before it."""
    before = text[at - 1] if at else ""
    if not before:
        return False
    if 0x180B <= ord(text[at]) <= 0x180F:
        return 0x1820 <= ord(before) <= 0x18AF
    if text[at] in "\ufe0e\ufe0f" and (_is_picture(before) or before in "#*0123456789"):
        return True
    return unicodedata.name(before, "").startswith("CJK ")


def _is_selector(sign: str) -> bool:
    return _is_in_ranges(sign, _SELECTORS)


def _is_picture(sign: str) -> bool:
    """Whether it is a symbol, or the skin tone of one."""
    return sign in "©®" or (unicodedata.category(sign) in ("So", "Sk", "Sm") and ord(sign) > 0xFF)


def _is_no_character(code: int) -> bool:
    """Whether it is a noncharacter, or an unassigned one that Unicode reserves as invisible."""
    return (
        code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or code == 0x2065
        or 0xFFF0 <= code <= 0xFFF8
        or 0xE0000 <= code <= 0xE0FFF
    )


def _is_drawn(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] in "LNPS" and sign not in _FILLERS


def _is_in_ranges(sign: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(sign) <= last for first, last in ranges)


def _format_marker(sign: str) -> str:
    return f"[U+{ord(sign):04X}]"


def _format_json_escape(sign: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _encode_utf16(sign))


def _encode_utf16(sign: str) -> list[int]:
    raw = sign.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
