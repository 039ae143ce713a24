"""Remove the frames around a message: syslog headers of the sender and of its relays, the JSON of
shippers, and quotes around the whole line.

No frame is removed for good: a record is offered to parsers at every level, because what looks like
a header may be the beginning of the message (an Exim line begins with its own stamp)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import NO_FRAME, LineFrame, Parser, SourceLine
from streams.normalise import relayed
from streams.tokenizers import envelopes, kiwi, syslog

MOST_FRAMES = 6
"""Levels below the whole line; no relay chain seen has more than four."""
_SHARED_FORMAT = re.compile(r"(?:CEF ?: ?[0-9]|LEEF ?: ?[0-9])(?:\.[0-9])?\|")
_LONGEST_HEADER = 300
_BROKEN_HEADER = re.compile(
    r"\s*+(?:<[0-9]{1,3}>)?(?:\s*+(?:[0-9*.][\w:.+,/-]*+|[\w.-]++(?=\s|\Z)))*+"
    r"\s*+(?:[\w./%-]++(?:\[\w*+\])?:)?\s*+\"?\Z"
)
"""What may precede CEF or LEEF: priority, stamps and names in any order, then a tag."""
_SLASHED = re.compile(r"[0-9]{1,4}/[0-9]{1,2}/[0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} ")
"""A date that is no header of syslog, before CEF or LEEF in a file."""
_ACCESS_LINE = re.compile(r"[0-9A-Fa-f.:]{3,45}+ - [^\s:\[\]]{1,255}+ \[[0-9]{2}/[A-Z][a-z]{2}/")
"""Of a web server's log of accesses, whose lines have no frame."""
_REPEATED = re.compile(r"message repeated ([0-9]{1,6}) times?: \[ ?")
_FLUENTD = re.compile(rf"{syslog.ISO}\t[^\t]{{1,200}}\t(?=\{{)")
_PAIR = re.compile(r"\[\s*(?:\[\s*)?[0-9]{9}")
_COMPOSE = re.compile(r"([\w.-]{1,100}) {1,30}\| ")
_REFUSED = "Error processing log message: "
_MOST_REPEATS = 1_000_000


def open_frames(line: SourceLine) -> list[SourceLine]:
    """Return the line at every level, the whole first."""
    levels = [line]
    begins = True
    while len(levels) <= MOST_FRAMES:
        present = levels[-1]
        usual = _open_usual(present) if begins else None
        frame = usual or _open_frame(present, begins=begins)
        if frame is None:
            break
        inner, is_whole, stamp_end = frame
        # What is inside an object or behind Kiwi's columns is a whole line again, unless the
        # object itself names the program.
        begins = is_whole and inner.frame.app is None
        if stamp_end is not None and inner.frame.app is None and inner.frame.host is not None:
            hostless = _open_stamp(present, inner, stamp_end)
            if hostless is not None:
                levels.append(hostless)
        levels.append(inner)
        restored = () if usual is not None else relayed.list_inner(present, inner)
        if restored:
            levels += restored
            begins = True
    return levels


def _open_stamp(line: SourceLine, inner: SourceLine, end: int) -> SourceLine | None:
    """Return the text behind the stamp, whose first word may be the message's and not a host."""
    text, frame = line.text, inner.frame
    begin = syslog.skip_stamp(text, end)
    if len(text) - begin <= len(inner.text):
        return None
    # dataclasses.replace costs twice as much.
    hostless = LineFrame(
        frame.time,
        line.frame.host,
        frame.app,
        frame.pid,
        frame.priority,
        frame.structured,
        frame.repeats,
        frame.facts,
    )
    return _build_line(text[begin:], hostless, line)


def _build_line(text: str, frame: LineFrame, line: SourceLine) -> SourceLine:
    """Build the inner line; dataclasses.replace costs four times as much."""
    return SourceLine(
        text, line.arrived, line.zone, line.source, frame, line.max_future, line.field_map
    )


def order_levels(levels: Sequence[SourceLine]) -> Sequence[int]:
    """Return the levels' numbers in the order in which parsers are asked.

    Text is asked for without its frames first. An object is asked for before what is inside it,
    which may be words for people."""
    order: list[int] = []
    run: list[int] = []
    for number, level in enumerate(levels):
        run.append(number)
        if is_object(level.text):
            order += reversed(run)
            run = []
    return [*order, *reversed(run)]


def order_outer_levels(levels: Sequence[SourceLine]) -> Sequence[int]:
    """Return those of `order_levels` that lie inside no object: a parser that claims a record at
    several levels reads it at the first of them."""
    for number, level in enumerate(levels):
        if is_object(level.text):
            return range(number, -1, -1)
    return range(len(levels) - 1, -1, -1)


def is_object(text: str) -> bool:
    """Whether the text begins like a JSON object."""
    return text.startswith("{") or (text[:1] in _BLANKS and text.lstrip().startswith("{"))


_BLANKS = frozenset(" \t\ufeff")


_OpenedFrame = tuple[SourceLine, bool, int | None]
"""The content of a frame, whether it is a whole line again, and where a stamp ends before it."""


def _open_frame(line: SourceLine, *, begins: bool) -> _OpenedFrame | None:
    """Open the outermost frame; None: there is none.

    `begins`: a word before a colon is a tag. Within a frame it is part of the message, and only a
    priority or a stamp begins another frame."""
    text = line.text
    if is_object(text):
        inner = envelopes.open_envelope(line)
        return None if inner is None else (inner, True, None)
    head = text[:_LONGEST_HEADER]
    # Looking for a literal costs less than a search that mostly fails.
    if "EF" in head:
        shared = _SHARED_FORMAT.search(text, 1, _LONGEST_HEADER)
        if shared is not None and _is_header(text[: shared.start()], begins=begins):
            return _add_stamp(line, _cut_header(line, shared.start()), is_whole=False)
    elif begins and _ACCESS_LINE.match(text) is not None:
        return None
    special = _open_special(line, head)
    return _open_header(line, begins=begins) if special is None else special


def _open_header(line: SourceLine, *, begins: bool) -> _OpenedFrame | None:
    text = line.text
    frame, message, stamp_end = syslog.read_parts(
        text, line.arrived, line.zone, line.max_future, needs_header=not begins
    )
    if len(message) == len(text):
        return None
    return _build_line(message, _merge_frames(frame, line.frame), line), False, stamp_end


def _open_usual(line: SourceLine) -> _OpenedFrame | None:
    """Open the header that most lines have; None: look for everything else. CEF and LEEF may follow
    what is broken."""
    text = line.text
    usual = syslog.read_usual(text, line.arrived, line.zone, line.max_future)
    if usual is None or "EF" in text[:_LONGEST_HEADER]:
        return None
    frame, end = usual
    return _build_line(text[end:], _merge_frames(frame, line.frame), line), False, None


def _open_special(line: SourceLine, head: str) -> _OpenedFrame | None:
    """Open what is not a syslog header, by its first sign."""
    opener = _OPENERS.get(head[:1])
    opened = None if opener is None else opener(line)
    if opened is not None:
        return _add_stamp(line, opened, is_whole=opener is _open_kiwi)
    if "\t{" in head or " | " in head:
        opened = _open_prefixed(line)
        if opened is not None:
            return _add_stamp(line, opened, is_whole=False)
    return None


def _add_stamp(line: SourceLine, inner: SourceLine, *, is_whole: bool) -> _OpenedFrame:
    """Add where a stamp ends before what was not opened as a syslog header."""
    may_be_hostless = inner.frame.app is None and inner.frame.host is not None
    return inner, is_whole, syslog.read_stamp_only(line.text) if may_be_hostless else None


def _open_prefixed(line: SourceLine) -> SourceLine | None:
    """Open the columns that Fluentd writes before an object, and the name that Docker Compose
    writes before a container's line."""
    text = line.text
    fluentd = _FLUENTD.match(text)
    if fluentd is not None:
        return replace(line, text=text[fluentd.end() :])
    compose = _COMPOSE.match(text)
    if compose is not None:
        frame = replace(line.frame, facts={**line.frame.facts, "container.name": compose[1]})
        return replace(line, text=text[compose.end() :], frame=frame)
    return None


def _open_repeated(line: SourceLine) -> SourceLine | None:
    """Open rsyslog's `message repeated 5 times: [ … ]`."""
    repeated = _REPEATED.match(line.text)
    if repeated is None:
        return None
    message = line.text[repeated.end() :].removesuffix("]")
    repeats = min(int(repeated[1]), _MOST_REPEATS)
    return replace(line, text=message, frame=replace(line.frame, repeats=repeats))


def _open_refused(line: SourceLine) -> SourceLine | None:
    """Open what syslog-ng could not read as RFC 5424, with its mark where it stopped."""
    if not line.text.startswith(_REFUSED):
        return None
    text = line.text[len(_REFUSED) :].replace(">@<", "", 1)
    return _build_line(text, replace(line.frame, app=None, pid=None), line)


def _open_journal_export(line: SourceLine) -> SourceLine | None:
    is_entry = line.text.startswith("__CURSOR=")
    return envelopes.open_journal_export(line) if is_entry else None


def _open_kiwi(line: SourceLine) -> SourceLine | None:
    """Open the columns of Kiwi Syslog Server, or the address that it puts before what it hands
    on."""
    text = line.text
    columns = kiwi.read_columns(text, line.zone)
    if columns is not None:
        frame = LineFrame(time=columns.time, host=columns.host)
        return _build_line(text[columns.end :], _merge_frames(frame, line.frame), line)
    original = kiwi.read_original_address(text)
    if original is None:
        return None
    frame = _merge_frames(LineFrame(host=original[0]), line.frame)
    return _build_line(text[original[1] :], frame, line)


def _open_pair(line: SourceLine) -> SourceLine | None:
    return envelopes.open_pair(line) if _PAIR.match(line.text) else None


def _is_header(text: str, *, begins: bool) -> bool:
    """Whether everything before CEF or LEEF is a header, or the one word that names a host."""
    if _BROKEN_HEADER.match(text) is None:
        return False
    if syslog.has_header(text) or _SLASHED.match(text) is not None:
        return True
    return begins and len(text.split()) <= 1


def _cut_header(line: SourceLine, end: int) -> SourceLine:
    """Cut a header that may be broken, and read of it what can be read."""
    text = line.text
    frame, _ = syslog.read(text[:end], line.arrived, line.zone, line.max_future)
    message = text[end:]
    if text[end - 1] == '"':
        message = message.removesuffix('"')
    return replace(line, text=message, frame=_merge_frames(frame, line.frame))


def _remove_quotes(line: SourceLine) -> SourceLine | None:
    """Remove quotes around the whole line, and undo what they make of quotes inside."""
    text = line.text.strip()
    if len(text) < 3 or not text.endswith('"'):
        return None
    inner = text[1:-1]
    if '"' not in inner.replace('""', ""):
        return replace(line, text=inner.replace('""', '"'))
    if '\\"' in inner:
        try:
            content = orjson.loads(text)
        except ValueError:
            return None
        return replace(line, text=content) if isinstance(content, str) and content else None
    return None


_OPENERS: Mapping[str, Callable[[SourceLine], SourceLine | None]] = {
    '"': _remove_quotes,
    "m": _open_repeated,
    "_": _open_journal_export,
    "[": _open_pair,
    "O": _open_kiwi,
    "E": _open_refused,
    **dict.fromkeys("0123456789", _open_kiwi),
}
"""By the first sign of the text."""


def _merge_frames(inner: LineFrame, outer: LineFrame) -> LineFrame:
    """Merge what two frames say; the tag and its process belong together."""
    if outer is NO_FRAME:
        return inner
    tagged = outer if inner.app is None else inner
    host = inner.host
    if host is None and _is_host_before_mnemonic(inner.app, outer):
        host = outer.app
    return LineFrame(
        time=inner.time or outer.time,
        host=host or outer.host,
        app=tagged.app,
        pid=tagged.pid,
        priority=outer.priority if inner.priority is None else inner.priority,
        structured=inner.structured or outer.structured,
        repeats=outer.repeats,
        facts=outer.facts,
    )


def _is_host_before_mnemonic(app: str | None, outer: LineFrame) -> bool:
    """Whether a relay took Cisco's host, which stands before `%ASA-4-106023:`, for the tag."""
    if app is None or outer.app is None or outer.pid is not None:
        return False
    return app.startswith("%") and outer.app[0].isalpha()


def find_claimed_level(parser: Parser, line: SourceLine) -> SourceLine | None:
    """Return the line at the level that the parser claims, or None if it claims none."""
    return next((level for level in open_frames(line) if parser.claims(level)), None)


def put_frame(fields: dict[str, Value], frame: LineFrame) -> None:
    """Set what the parser leaves out and a frame says."""
    for name, value in frame.facts.items():
        fields.setdefault(name, value)
    if frame.priority is not None:
        fields.setdefault("log.syslog.priority", frame.priority)
    if frame.host is not None and "host.name" not in fields and "observer.name" not in fields:
        fields.setdefault("log.syslog.hostname", frame.host)
    if frame.app is not None and "process.name" not in fields:
        fields.setdefault("log.syslog.appname", frame.app)
    if frame.repeats > 1 and "authentication" in fields.get("event.category", ()):
        attempts = fields.get("breach.auth.attempts", 1)
        fields["breach.auth.attempts"] = attempts * frame.repeats
        fields["breach.auth.further_attempts"] = True
