"""Reduce a line to its shape: numbers, addresses, names and other words of people are replaced by
signs, so that lines of one format look alike and no personal data is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.pipeline.event import RecordPosition
from schemas.pipeline.plugin import Parser
from schemas.pipeline.source import DeadLetter

LONGEST = 200
"""Characters of a shape."""
_READ = 1_000
"""Characters of a line that are looked at."""
_TOKEN = re.compile(
    r"(?P<mail>[^\s@\"'<>=,;]{1,64}+@[^\s@\"'<>,;]{1,100})"
    r"|(?P<address>[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.])|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]))"
    r"|(?P<number>(?<![A-Za-z])[0-9]++(?![A-Za-z]))"
    r"|(?P<word>\w++)"
    r"|(?P<blank>\s++)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]++")
_REPEATED = re.compile(r"((?:<\w++>[ ,.;:/_-]?){2})\1++")
_PERSONAL = ("user.", "source.", "destination.", "host.", "email.", "file.", "url.", "message")
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "cannot",
        "closed",
        "could",
        "did",
        "do",
        "does",
        "end",
        "ended",
        "error",
        "event",
        "exited",
        "failed",
        "failure",
        "for",
        "from",
        "has",
        "have",
        "host",
        "id",
        "in",
        "info",
        "into",
        "is",
        "it",
        "level",
        "line",
        "log",
        "login",
        "logout",
        "message",
        "msg",
        "name",
        "new",
        "no",
        "not",
        "of",
        "off",
        "on",
        "open",
        "opened",
        "or",
        "out",
        "over",
        "port",
        "process",
        "reason",
        "request",
        "server",
        "service",
        "session",
        "started",
        "starting",
        "status",
        "stopped",
        "success",
        "system",
        "the",
        "time",
        "to",
        "type",
        "unknown",
        "up",
        "user",
        "warning",
        "was",
        "were",
        "with",
        "without",
        "http",
        "https",
        "tcp",
        "udp",
        "ip",
        "src",
        "dst",
        "date",
        "severity",
        "facility",
    ]
)


def compute_shape(raw: bytes, vocabulary: frozenset[str]) -> str:
    """Return the line with each word that is not in the vocabulary as `<word>`, each number as `<n>`
    and each address as `<ip>` or `<mail>`."""
    text = raw[: _READ * 4].decode("utf-8", "replace")[:_READ]
    parts = [_replace_token(token, vocabulary) for token in _TOKEN.finditer(text)]
    shape = _REPEATED.sub(r"\1…", "".join(parts).strip())
    return shape if len(shape) <= LONGEST else f"{shape[:LONGEST]}…"


def _replace_token(token: re.Match[str], vocabulary: frozenset[str]) -> str:
    kind, text = token.lastgroup, token[0]
    if kind == "word":
        return text if text.casefold() in vocabulary else "<word>"
    if kind == "sign":
        return text if text.isprintable() and text.isascii() else "<sign>"
    return {"mail": "<mail>", "address": "<ip>", "number": "<n>", "blank": " "}[kind or "blank"]


def build_vocabulary(parsers: Mapping[str, Parser]) -> frozenset[str]:
    """Build the words that the parsers' own formats have: those of their hints and examples, without
    the values that are a person's, a machine's or a file's."""
    words: set[str] = set(_COMMON)
    personal: set[str] = set()
    for parser in parsers.values():
        for example in parser.examples:
            words.update(_list_words([example.line]))
            for name, value in (example.expected or {}).items():
                if name.startswith(_PERSONAL):
                    personal.update(_list_words([str(value)]))
    words -= personal - _COMMON
    words.update(
        _list_words(hint.decode("latin-1") for parser in parsers.values() for hint in parser.hints)
    )
    return frozenset(words)


def _list_words(texts: Iterable[str]) -> Iterable[str]:
    return (word.casefold() for text in texts for word in _WORD.findall(text))


@dataclass(slots=True)
class LetterGroup:
    """Dead letters of one reason whose lines have one shape."""

    reason: str
    parser: str
    """Empty: nobody understood them."""
    shape: str
    """Empty: their bytes are gone."""
    sources: list[str]
    letters: int
    newest: datetime
    sample: RecordPosition
    """Where the newest of them is."""


def group_letters(
    letters: Sequence[DeadLetter],
    get_raw: Callable[[RecordPosition], bytes | None],
    vocabulary: frozenset[str],
) -> list[LetterGroup]:
    """Group letters, newest first, by reason and shape; the largest group first."""
    groups: dict[tuple[str, str, str], LetterGroup] = {}
    for letter in letters:
        raw = get_raw(letter.position)
        shape = "" if raw is None else compute_shape(raw, vocabulary)
        key = letter.parser, letter.reason, shape
        group = groups.get(key)
        if group is None:
            groups[key] = LetterGroup(
                letter.reason,
                letter.parser,
                shape,
                [letter.source],
                1,
                letter.arrived,
                letter.position,
            )
            continue
        group.letters += 1
        if letter.source not in group.sources:
            group.sources.append(letter.source)
    return sorted(groups.values(), key=lambda group: -group.letters)
