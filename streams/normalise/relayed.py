"""Restore what a relay took apart: of a message without a usual header, rsyslog and syslog-ng take the
first words for stamp, host, tag and process, and write them where a header has them.

A restored text is a level of the record like any other: only a parser that claims it reads it, so no
value depends on which words were whose.

Formats: https://www.rsyslog.com/doc/whitepapers/syslog_parsing.html,
https://www.syslog-ng.com/technical-documents/doc/syslog-ng-open-source-edition/3.38/administration-guide
(the source's message parsing)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from schemas.pipeline.plugin import LineFrame, SourceLine

_HOST = re.compile(
    r"(?![0-9]++\Z|1[0-9]{9}\.|[0-9]{4}-[0-9]{2}-[0-9]{2}\Z|[+-]"
    r"|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|SEVERE)\Z)[\w\[:][\w.:%\[\]-]*+\Z"
)
_TAG = re.compile(
    r"(?!(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\Z"
    r"|(?=[A-Z]*+[0-9])[A-Z0-9]{10,20}\Z)"
    r"(?:[0-9]{1,3}(?=[A-Za-z-]))?+[A-Za-z_%/.-][\w.%/@+#$~\\-]*+\Z",
    re.IGNORECASE,
)
"""Words that name a program; a serial number, a day and a month do not."""
_HEX = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
_DOTTED = re.compile(r"[\w-]++(?:\.[\w-]++){1,8}\Z")
_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}\Z|(?=[^:]*+:[^:]*+:)[0-9A-Fa-f:.]{3,45}\Z")
_BEGINS_ADDRESS = re.compile(
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}[ ,]|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,40}[ ,]"
)
_REST_OF_ADDRESS = re.compile(r"[0-9A-Fa-f]{0,4}:")
_CLIENTLESS = re.compile(r"(- (?!\[))?+[^\s\[\]]{1,255}+ \[[0-9]{2}/")
_CUT_BRACKET = re.compile(r"[^\[\]]*+\]")
_SERIAL = re.compile(r"(?=[A-Z]*+[0-9])[A-Z0-9]{10,20}\Z")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}\Z")
_STAMP = re.compile(
    r"(?:\A(?:<[0-9]{1,3}>)?(?:1 )?|\"(?:timereported|ISODATE|timestamp|@timestamp)\": ?\")"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?"
)
_MODERN = re.compile(r"\s*+(?:<[0-9]{1,3}>)?1 ")
_TAGGED = re.compile(r"([A-Za-z][\w./-]{0,62}+)\[([0-9]{1,10})\]:? ++|(kernel) ++(?=\[)")
_SIGNS = frozenset("<=>*")
"""With which a message's second word may begin, and no tag."""
_LEVELS = frozenset({"debug", "info", "notice", "warning", "err", "crit", "alert", "emerg"})
"""What F5 writes before its programs, where a relay looks for one."""
_BEGINS_TAG = re.compile(r"[\w()./-]{1,64}+(?:\[[0-9]{1,10}\])?+: ")
_WHOLE = ("{", "CEF:", "LEEF:")
"""With which a message begins that needs no word before it."""
_PRIORITY = re.compile(r"<[0-9]{1,3}>(?=[0-9]|[A-Z][a-z]{2} )")


def list_inner(outer: SourceLine, inner: SourceLine) -> Sequence[SourceLine]:
    """List what the message may have been, the likeliest last, if host or tag of its frame are surely
    none."""
    frame, text = inner.frame, inner.text
    host, app = frame.host, frame.app
    has_host = host is None or _is_host(host)
    if app is None:
        if has_host and frame.pid is None and not _lacks_tag(inner):
            return ()
    elif _is_tag(app) and not _continues(app, text):
        if text.startswith("%") and frame.pid is None and not app.startswith("%"):
            return [replace(inner, frame=replace(frame, host=app, app=None))]
        if app in _LEVELS and _BEGINS_TAG.match(text) is not None:
            return [replace(inner, frame=replace(frame, app=None, pid=None))]
        if has_host:
            return ()
    return () if text.startswith(_WHOLE) else _list_joined(outer, inner, has_host=has_host)


def _list_joined(outer: SourceLine, inner: SourceLine, *, has_host: bool) -> Sequence[SourceLine]:
    frame, text = inner.frame, inner.text
    host, app = frame.host, frame.app
    texts = (
        _join_untagged(inner) if app is None else _join(app, text, keeps_blank=_keeps_blank(outer))
    )
    if not has_host:
        if _YEAR.match(host or "") is not None and (app is None or _is_tag(app)):
            return [_name_host(inner)]
        texts = [f"{host} {each}".rstrip(" ") for each in texts or [text]]
        host = outer.frame.host
    elif host is not None and app is not None and _follows_host(app):
        texts = [f"{host} {each}" for each in texts]
    bare = replace(frame, host=host, app=None, pid=None)
    return [replace(inner, text=each, frame=bare) for each in texts]


def _follows_host(app: str) -> bool:
    """Whether the words before this one are part of the message too: it is an operator, or a serial
    number."""
    return app[0] in _SIGNS or _SERIAL.match(app) is not None


def _name_host(inner: SourceLine) -> SourceLine:
    """Take the word behind a year for the host: the year belongs to the stamp before it."""
    host, text = inner.frame.app, inner.text
    if host is None:
        host, _, text = text.partition(" ")
    return replace(inner, text=text, frame=replace(inner.frame, host=host, app=None, pid=None))


def list_restored(levels: Sequence[SourceLine]) -> Iterator[SourceLine]:
    """List what the message may have been, the likeliest first, for a line that no parser understands
    as it came."""
    if len(levels) < 2:
        return
    inner = next((each for each in levels[1:3] if each.frame.host is not None), levels[1])
    frame, text = inner.frame, inner.text
    app, pid, host = frame.app, frame.pid, frame.host
    texts = [text] if "#0" in text else []
    if app is not None:
        texts += [f"{app}[{pid}]: {text}"] if pid is not None else []
        texts += reversed(_join(app, text, keeps_blank=_keeps_blank(levels[0])))
        texts.append(f"{app}: {text}")
    elif pid is not None:
        texts += reversed(_join_process(pid, text))
    texts = texts or [text]
    of_host = [] if host is None else [f"{host} {each}" for each in dict.fromkeys([*texts, text])]
    if host is not None:
        of_host.append(f"{host} - {text}")
    bare = replace(frame, app=None, pid=None)
    stamped = _list_stamped(levels[0], frame, [*of_host[:4], *texts[:4]])
    yield from _list_untagged(inner)
    for each in dict.fromkeys([*texts, *of_host, *stamped]):
        yield replace(inner, text=each.replace("#011", "\t"), frame=bare)
    for level in levels:
        priority = _PRIORITY.match(level.text)
        if priority is not None:
            yield replace(level, text=level.text[priority.end() :])


def _list_stamped(outer: SourceLine, frame: LineFrame, texts: Sequence[str]) -> Iterator[str]:
    """List the texts behind the stamp that a relay has read, with the clock as it wrote it."""
    stamp = _STAMP.search(outer.text)
    if stamp is not None:
        day, clock, fraction = stamp.groups()
    elif frame.time is not None:
        day, clock = f"{frame.time.astimezone(outer.zone):%Y-%m-%d %H:%M:%S}".split(" ")
        fraction = None
    else:
        return
    for text in texts:
        if text.startswith(","):
            yield f"{day}T{clock}Z{text}"
        else:
            yield f"{day} {clock} {text}"
            yield f"{day}T{clock}{fraction or '.0'}Z {text}"
            yield f"{day}T{clock} {text}"


def _list_untagged(inner: SourceLine) -> Iterator[SourceLine]:
    """List the text behind a tag that a relay wrote without its colon, or behind the sign of an absent
    one, or behind the version of RFC 5424 that it has left out."""
    frame, text = inner.frame, inner.text
    if frame.app is not None:
        return
    tagged = _TAGGED.match(text)
    if tagged is not None:
        tagged_frame = replace(frame, app=tagged[1] or tagged[3], pid=tagged[2])
        yield replace(inner, text=text[tagged.end() :], frame=tagged_frame)
    if text.startswith("- "):
        yield replace(inner, text=text[2:])
    if text[:2].isdigit():
        yield replace(inner, text=f"<{frame.priority or 0}>1 {text}")


@lru_cache(maxsize=4096)
def _is_host(word: str) -> bool:
    return _HOST.match(word) is not None


@lru_cache(maxsize=4096)
def _is_tag(word: str) -> bool:
    return _TAG.match(word) is not None


def _keeps_blank(outer: SourceLine) -> bool:
    """Whether the header is a traditional one, which has a colon only if the message had one."""
    return not outer.text.startswith("{") and _MODERN.match(outer.text) is None


def _continues(app: str, text: str) -> bool:
    """Whether the text goes on with what the tag begins: an address that was cut at its colon, or a
    virtual host before an address."""
    first = text[:1]
    if first == ":":
        return True
    if len(app) <= 4 and _HEX.match(app) is not None:
        return _REST_OF_ADDRESS.match(text) is not None
    return (
        "." in app
        and (first.isdigit() or first in "abcdefABCDEF[")
        and _DOTTED.match(app) is not None
        and _BEGINS_ADDRESS.match(text) is not None
    )


def _lacks_tag(inner: SourceLine) -> bool:
    """Whether the message is what follows an empty tag, or a client's address that was taken for the
    host."""
    text, host = inner.text, inner.frame.host
    if text[:1] == ":" and text[:2] != "::":
        return True
    if host is None:
        return False
    if not _is_host(host):
        return True
    return _CLIENTLESS.match(text) is not None and _ADDRESS.match(host) is not None


def _join_untagged(inner: SourceLine) -> list[str]:
    text, host, pid = inner.text, inner.frame.host, inner.frame.pid
    if pid is not None:
        return _join_process(pid, text)
    if text[:1] == ":" and text[:2] != "::":
        return [f":{text.removeprefix(': ')}"]
    if host is None or not _is_host(host):
        return []
    match = _CLIENTLESS.match(text)
    has_dash = match is not None and match[1] is not None
    return [f"{host} {text}" if has_dash else f"{host} - {text}"]


def _join(app: str, text: str, *, keeps_blank: bool) -> list[str]:
    """Join tag and text, the likeliest last. A header's colon may be the tag's or the relay's."""
    if not text or app == ":":
        return [f"{app}{text}"]
    joined = [f"{app}:{text}", f"{app} {text}"]
    is_number = _HEX.match(app) is not None and _REST_OF_ADDRESS.match(text) is not None
    if text[:1] == ":" or app[0] == "{" or is_number or (app[-1:].isdigit() and text[:1].isdigit()):
        return joined[::-1]
    return [*joined, f"{app}: {text}"] if keeps_blank or app.isdigit() else joined


def _join_process(pid: str, text: str) -> list[str]:
    """Join what stood in brackets and the text."""
    if text.startswith("["):
        return [f"[{pid}] {text}", f"[{pid}]{text}"]
    if _CUT_BRACKET.match(text) is None:
        return [f"[{pid}:{text}", f"[{pid} {text}", f"[{pid}] {text}"]
    joined = [f"[{pid} {text}", f"[{pid}:{text}"]
    return joined if "/" in pid else joined[::-1]
