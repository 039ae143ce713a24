r"""Search regular expressions of rules in time linear in the text's length.

Patterns that cost Python's `re` a few steps from each place of the text run on it. All others run
on RE2, which searches in linear time, with exactly the meaning of `re`: the pattern is parsed by
`re`'s own parser, and `re` itself decides every class of characters. For that, characters that the
pattern does not distinguish become one byte (`_ByteAlphabet`), in the pattern and in the text;
bytes of letters represent characters of words, so that `\b` finds the ends of words in every
script. A text that is ASCII needs no such translation (`_AsciiAlphabet`).

What RE2 cannot express (look-around, back references, atomic groups) is refused unless `re` can
search it in few steps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # no public way to a parsed pattern
from typing import Any

import re2

_op: Any = _constants
ParseTree = Any
CodePointRanges = tuple[tuple[int, int], ...]
"""Code points from and up to, both included, ascending, not touching."""

FEW_STEPS = 200
"""Most steps of `re` from one place in the text; it is as fast as RE2 in short texts."""
MOST_STEPS = 1_000
"""The same limit for patterns that RE2 cannot express."""
LARGEST_PROGRAM = 20_000
"""Most instructions of an RE2 program; each character of a text costs as many at worst."""
_MEMORY = 64 * 1024 * 1024
_MOST_REPEATS = 1_000
"""The most that RE2 counts in one repeat."""
_WORD_BYTES = tuple(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_NEWLINE = 0x0A
_OTHER_BYTES = tuple(b for b in range(256) if b not in _WORD_BYTES and b != _NEWLINE)
_ONE_CHARACTER = frozenset({_op.LITERAL, _op.NOT_LITERAL, _op.ANY, _op.IN})
_REPEATS = frozenset({_op.MAX_REPEAT, _op.MIN_REPEAT})
_BRANCHES = frozenset({_op.BRANCH, _op.GROUPREF_EXISTS})
_TYPES = re.ASCII | re.UNICODE
_WORD = (_op.IN, [(_op.CATEGORY, _op.CATEGORY_WORD)])


class ExpressionRefused(Exception):
    """Why an expression cannot be searched in linear time; its text is meant for the author."""


@lru_cache(maxsize=4096)
def build_searcher(pattern: str, flags: int) -> Callable[[str], bool]:
    """Build a function that tests whether the pattern matches anywhere in a text. Raises
    Refused."""
    try:
        return _build_searcher(_parser.parse(pattern, flags), pattern)
    except (re.error, OverflowError) as wrong:
        raise ExpressionRefused("Python's re cannot read it") from wrong
    except RecursionError as wrong:
        raise ExpressionRefused("it is nested too deeply") from wrong


def _build_searcher(tree: ParseTree, pattern: str) -> Callable[[str], bool]:
    flags = tree.state.flags
    steps = _count_steps(tree)
    if steps > FEW_STEPS:
        try:
            return _build_linear_searcher(tree, flags)
        except ExpressionRefused:
            if steps > MOST_STEPS:
                raise
    search = re.compile(pattern, flags).search
    return lambda text: search(text) is not None


def _build_linear_searcher(tree: ParseTree, flags: int) -> Callable[[str], bool]:
    alphabet = _ByteAlphabet(_list_classes(tree, flags), _find_word_ranges(tree, flags))
    search, encoded = (
        _compile_program(_render_tree(tree, flags, alphabet, last=True)).search,
        alphabet.encode,
    )

    @cache
    def build_ascii_program() -> Any:
        try:
            return _compile_program(_render_tree(tree, flags, _AsciiAlphabet(), last=True))
        except ExpressionRefused:
            return None

    def has_match(text: str) -> bool:
        quick = build_ascii_program() if text.isascii() else None
        return (search(encoded(text)) if quick is None else quick.search(text.encode())) is not None

    return has_match


def _compile_program(expression: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    try:
        program = re2.compile(expression.encode("latin-1"), options)
    except re2.error as wrong:
        raise ExpressionRefused("it counts too far") from wrong
    if program.programsize > LARGEST_PROGRAM:
        raise ExpressionRefused("it counts too far")
    return program


def _count_steps(tree: ParseTree) -> float:
    """Count the most steps that `re` takes from one place in the text: the sum over all attempts of
    their lengths."""
    ways, length = _count_tries(tree)
    return ways * max(length, 1.0)


def _count_tries(tree: ParseTree) -> tuple[float, float]:
    """Count the attempts to match the tree, and the characters that the longest reads. Infinite for
    a repeat without end."""
    ways, length = 1.0, 0.0
    for kind, value in tree:
        its_ways, its_length = _count_tries_of(kind, value)
        ways *= its_ways
        length += its_length
    return ways, length


def _count_tries_of(kind: Any, value: Any) -> tuple[float, float]:
    if kind in _REPEATS or kind is _op.POSSESSIVE_REPEAT:
        least, most, body = value
        if most is _op.MAXREPEAT or most > MOST_STEPS:
            return float("inf"), float("inf")
        ways, length = _count_tries(body)
        every = sum(min(ways**times, MOST_STEPS + 1.0) for times in range(least, most + 1))
        return every, length * most
    if kind in _BRANCHES:
        tried = [_count_tries(branch) for branch in list_branches(kind, value)]
        return sum(ways for ways, _ in tried), max(length for _, length in tried)
    inner = _get_body(kind, value)
    return (1.0, 1.0) if inner is None else _count_tries(inner)


def list_branches(kind: Any, value: Any) -> list[ParseTree]:
    """List the alternatives; of a condition on a group the second may be missing."""
    return value[1] if kind is _op.BRANCH else [value[1], value[2] or []]


def _get_body(kind: Any, value: Any) -> ParseTree | None:
    if kind is _op.SUBPATTERN:
        return value[3]
    if kind in (_op.ASSERT, _op.ASSERT_NOT):
        return value[1]
    if kind is _op.ATOMIC_GROUP:
        return value
    if kind in _REPEATS:
        return value[2]
    return None


def _iterate_nodes(tree: ParseTree, flags: int) -> Iterator[tuple[Any, Any, int]]:
    """Yield every node with the flags that apply to it."""
    for kind, value in tree:
        yield kind, value, flags
        if kind in _BRANCHES:
            for branch in list_branches(kind, value):
                yield from _iterate_nodes(branch, flags)
        elif (inner := _get_body(kind, value)) is not None:
            yield from _iterate_nodes(inner, get_inner_flags(kind, value, flags))


def get_inner_flags(kind: Any, value: Any, flags: int) -> int:
    """Return the inner flags: ASCII and UNICODE exclude each other, and the inner one applies."""
    if kind is not _op.SUBPATTERN:
        return flags
    added, dropped = int(value[1]), int(value[2])
    outer = flags & ~_TYPES if added & _TYPES else flags
    return (outer | added) & ~dropped


def _list_classes(tree: ParseTree, flags: int) -> set[CodePointRanges]:
    return {
        _find_ranges(kind, value, inside)
        for kind, value, inside in _iterate_nodes(tree, flags)
        if kind in _ONE_CHARACTER
    }


def _find_word_ranges(tree: ParseTree, flags: int) -> CodePointRanges | None:
    r"""Find the characters between which and others `\b` matches; None if the pattern has no `\b`.
    Raises Refused if ASCII applies to one and not to another."""
    words = {
        _find_ranges(*_WORD, inside)
        for kind, value, inside in _iterate_nodes(tree, flags)
        if kind is _op.AT and value is _op.AT_BOUNDARY
    }
    if len(words) > 1:
        raise ExpressionRefused("it has words in ASCII and in Unicode")
    return next(iter(words), None)


class _ByteAlphabet:
    """One byte for all characters that no class of the pattern tells apart."""

    def __init__(self, classes: Iterable[CodePointRanges], words: CodePointRanges | None) -> None:
        """Create the alphabet. `words`: the characters that bytes of letters represent."""
        distinct_classes = [*classes, ((_NEWLINE, _NEWLINE),), *([words] if words else [])]
        edges = {
            0,
            *(edge for ranges in distinct_classes for a, b in ranges for edge in (a, b + 1)),
        }
        self._edges = sorted(edge for edge in edges if edge <= 0x10FFFF)
        self._bytes: list[int] = []
        free = {True: list(_WORD_BYTES), False: list(_OTHER_BYTES)}
        if words is None:
            free[True] = free[False] = [*_OTHER_BYTES, *_WORD_BYTES]
        byte_by_kind: dict[tuple[bool, ...], int] = {}
        for first in self._edges:
            kind = tuple(_has_code_point(ranges, first) for ranges in distinct_classes)
            if kind not in byte_by_kind:
                rest = free[words is not None and _has_code_point(words, first)]
                if first != _NEWLINE and not rest:
                    raise ExpressionRefused("it tells too many characters apart")
                byte_by_kind[kind] = _NEWLINE if first == _NEWLINE else rest.pop()
            self._bytes.append(byte_by_kind[kind])
        self._table = _TranslationTable(self)

    def get_byte(self, code_point: int) -> int:
        return self._bytes[bisect_right(self._edges, code_point) - 1]

    def encode(self, text: str) -> bytes:
        """Encode the text as one byte a character."""
        return text.translate(self._table).encode("latin-1")

    def render_class(self, ranges: CodePointRanges) -> str:
        """Render the class in RE2's syntax."""
        return _render_byte_class(
            byte
            for first, byte in zip(self._edges, self._bytes, strict=True)
            if _has_code_point(ranges, first)
        )


class _AsciiAlphabet:
    """Each character of ASCII is its own byte, which RE2 and `re` hold alike for one of a word."""

    def render_class(self, ranges: CodePointRanges) -> str:
        """Render the class in RE2's syntax."""
        return _render_byte_class(byte for byte in range(128) if _has_code_point(ranges, byte))


def _render_byte_class(members: Iterable[int]) -> str:
    inside = "".join(f"\\x{byte:02x}" for byte in sorted(set(members)))
    return f"[{inside}]" if inside else r"[^\x00-\xff]"


class _TranslationTable(dict[int, int]):
    """For `str.translate`; remembers the characters that it was asked for."""

    def __init__(self, alphabet: _ByteAlphabet) -> None:
        super().__init__()
        self._alphabet = alphabet

    def __missing__(self, code_point: int) -> int:
        byte = self[code_point] = self._alphabet.get_byte(code_point)
        return byte


def _has_code_point(ranges: CodePointRanges, code_point: int) -> bool:
    at = bisect_right(ranges, (code_point, 0x110000)) - 1
    return at >= 0 and ranges[at][0] <= code_point <= ranges[at][1]


def _render_tree(
    tree: ParseTree, flags: int, alphabet: _ByteAlphabet | _AsciiAlphabet, *, last: bool
) -> str:
    """Render the tree in RE2's syntax. `last`: nothing follows the tree."""
    nodes = list(tree)
    return "".join(
        _render_node(kind, value, flags, alphabet, last=last and number == len(nodes))
        for number, (kind, value) in enumerate(nodes, start=1)
    )


def _render_node(
    kind: Any, value: Any, flags: int, alphabet: _ByteAlphabet | _AsciiAlphabet, *, last: bool
) -> str:
    if kind in _ONE_CHARACTER:
        return alphabet.render_class(_find_ranges(kind, value, flags))
    if kind is _op.AT:
        return _render_position(value, flags, last=last)
    if kind is _op.BRANCH:
        branches = (_render_tree(branch, flags, alphabet, last=last) for branch in value[1])
        return f"(?:{'|'.join(branches)})"
    if kind is _op.SUBPATTERN:
        inside = get_inner_flags(kind, value, flags)
        return f"(?:{_render_tree(value[3], inside, alphabet, last=last)})"
    if kind in _REPEATS:
        least, most, body = value
        once = last and most == 1
        return _render_repeat(f"(?:{_render_tree(body, flags, alphabet, last=once)})", least, most)
    raise ExpressionRefused(_UNSAYABLE.get(kind, "it uses what only backtracking can search"))


_UNSAYABLE = {
    _op.ASSERT: "it looks ahead or behind",
    _op.ASSERT_NOT: "it looks ahead or behind",
    _op.GROUPREF: "it refers back to a group",
    _op.GROUPREF_EXISTS: "it refers back to a group",
    _op.ATOMIC_GROUP: "it has an atomic group",
    _op.POSSESSIVE_REPEAT: "it has a possessive repeat",
}


def _render_position(value: Any, flags: int, *, last: bool) -> str:
    lines = bool(flags & re.MULTILINE)
    if value is _op.AT_BEGINNING:
        return "(?m:^)" if lines else r"\A"
    if value is _op.AT_END and lines:
        return "(?m:$)"
    if value is _op.AT_END and last:
        return r"(?:\n?\z)"  # `$` also matches before a line end that ends the text
    syntax = {
        _op.AT_BEGINNING_STRING: r"\A",
        _op.AT_END_STRING: r"\z",
        _op.AT_BOUNDARY: r"\b",
    }.get(value)
    if syntax is None:
        raise ExpressionRefused("it has $ or \\B where only backtracking can follow it")
    return syntax


def _render_repeat(body: str, least: int, most: Any) -> str:
    """Render `{least,most}` in pieces that RE2 can count."""
    endless = most is _op.MAXREPEAT
    if max(least, 0 if endless else most) > 10 * _MOST_REPEATS:
        raise ExpressionRefused("it counts too far")
    pieces = [_MOST_REPEATS] * (least // _MOST_REPEATS) + [least % _MOST_REPEATS]
    repeated = "".join(f"{body}{{{piece}}}" for piece in pieces if piece)
    if endless:
        return f"{repeated}{body}*"
    more = most - least
    pieces = [_MOST_REPEATS] * (more // _MOST_REPEATS) + [more % _MOST_REPEATS]
    return repeated + "".join(f"{body}{{0,{piece}}}" for piece in pieces if piece)


def _find_ranges(kind: Any, value: Any, flags: int) -> CodePointRanges:
    """Find which characters a node matches, by asking `re`."""
    plain = flags & (re.IGNORECASE | re.DOTALL | re.ASCII | re.UNICODE)
    if kind is _op.LITERAL:
        return _find_literal_ranges(value, plain)
    return _find_class_ranges(_build_key(kind, value), plain)


def _build_key(kind: Any, value: Any) -> tuple[Any, ...]:
    return kind, tuple(value) if kind is _op.IN else value


@cache
def _build_every_character() -> str:
    """Build every character but the halves of surrogate pairs, which no text holds."""
    return "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


@cache
def _build_cased_characters() -> str:
    """Build every character that has another case."""
    return "".join(
        c for c in _build_every_character() if not c == c.lower() == c.upper() == c.casefold()
    )


@lru_cache(maxsize=4096)
def _find_literal_ranges(code_point: int, flags: int) -> CodePointRanges:
    if not flags & re.IGNORECASE:
        return ((code_point, code_point),)
    same = re.findall(re.escape(chr(code_point)), _build_cased_characters(), flags)
    return tuple((each, each) for each in sorted({code_point, *map(ord, same)}))


@lru_cache(maxsize=1024)
def _find_class_ranges(key: tuple[Any, ...], flags: int) -> CodePointRanges:
    kind, value = key
    node = (kind, list(value) if kind is _op.IN else value)
    state = _parser.State()
    state.flags = flags
    one = _parser.SubPattern(state, [node])
    run = _parser.SubPattern(state, [(_op.MAX_REPEAT, (1, _op.MAXREPEAT, one))])
    return tuple(_iterate_spans(_compiler.compile(run, flags).finditer(_build_every_character())))


def _iterate_spans(matches: Iterable[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Yield spans as code points; a run across the surrogates becomes two."""
    for match in matches:
        first, last = ord(match[0][0]), ord(match[0][-1])
        if first < 0xD800 and last > 0xDFFF:
            yield first, 0xD7FF
            first = 0xE000
        yield first, last
