"""Define what a plug-in file must export, and load plug-ins.

A plug-in is one file or one package in `streams/parsers`, `streams/detectors`,
`breachdesk/jurisdictions`, `notifiers/channels` or a folder of `breachdesk/console/screens`. Its
name is its id; it exports one constant (`PARSER`, `DETECTOR`, `JURISDICTION`, `CHANNEL`, `SCREEN`;
a package exports it from `__init__.py`). Parsers, detectors and jurisdictions carry their own
examples, which the conformance suite runs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from schemas.errors import ConfigurationError
from schemas.pipeline.event import Event, Value
from schemas.pipeline.slotted import slotted


@slotted
class LineFrame:
    """What the frames around a message say: syslog headers, and the JSON of shippers.

    None: the frames do not say it. Of several frames, the innermost that says it decides."""

    time: datetime | None = None
    """The stamp of the innermost header, aware UTC."""
    host: str | None = None
    app: str | None = None
    """The tag: a program (`sshd`), or what a device writes in its place (`%ASA-4-106023`)."""
    pid: str | None = None
    priority: int | None = None
    structured: str | None = None
    """RFC 5424 structured data as sent; tokenizers.syslog.parse_structured_data reads it."""
    repeats: int = 1
    """How many times the message was sent, of which a relay kept one (`message repeated 5
    times`)."""
    facts: Mapping[str, Value] = field(default_factory=dict, repr=False)
    """ECS fields that a shipper's JSON gives, such as `log.file.path`: an event gets those that its
    parser leaves out."""


NO_FRAME = LineFrame()
MAX_FUTURE = timedelta(minutes=10)
"""How far a stamp may be ahead of its arrival, unless its source is configured otherwise."""


@slotted
class SourceLine:
    """What a parser is given: a message without the frames around it, and where it came from.

    A record is offered once whole and once after each frame that is removed from it (`levels`), so
    that a parser reads its own message however many relays it passed."""

    text: str = field(repr=False)
    """Decoded as UTF-8; bytes that are not UTF-8 appear as \\xNN escapes."""
    arrived: datetime
    zone: tzinfo
    """The source's time zone, for stamps that carry none."""
    source: str = ""
    frame: LineFrame = NO_FRAME
    max_future: timedelta = MAX_FUTURE
    """How far the source's stamps may be ahead of their arrival."""
    field_map: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the source's settings: ECS names by the keys of a generic format."""


@slotted
class ParsedEvent:
    """One act told by one line."""

    time: datetime | None
    """Event time, aware UTC; None: the line carries none, arrival is used and tagged."""
    fields: dict[str, Value] = field(repr=False)
    """ECS names; at least event.category, event.type, event.outcome and event.action."""
    id: str | None = None
    """The vendor's id of this act, if the vendor gives one that is unique."""
    session: str | None = None
    """Key shared by all lines of one session (e.g. host and pid of sshd): of lines that repeat
    each other, it says that they do."""
    is_retelling: bool = False
    """Whether a fuller line of the same session may describe the same act. Such an event counts
    once a session, and only until the fuller line comes; without a session it counts by itself."""


@slotted
class IgnoredLine:
    """A line that is understood and describes no act: a column header, a session's end, a cron job.

    Never a line that a sign-in, a refusal or an access can be seen by: that is an event, marked as
    a retelling if other lines may describe it more fully."""

    reason: str


@dataclass(frozen=True, slots=True)
class ParserExample:
    """A line in the vendor's real format and what must come of it."""

    line: str
    expected: Mapping[str, Value] | None
    """Fields that must be equal in the event (`@timestamp` as ISO text); None: the line is ignored."""
    arrived: str = "2026-11-22T12:00:00+00:00"
    zone: str = "UTC"
    field_map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads one vendor's lines. Pure: same line, same act, whatever came before."""

    id: str
    """The name of the file or package, and `event.dataset`, with `_` for the dot: `linux_sshd` → `linux.sshd`."""
    title: str
    hints: tuple[bytes, ...]
    """Literals of which every line of this format contains at least one (a cheap first filter)."""
    claims: Callable[[SourceLine], bool]
    """Whether this text is surely in this format. Never true for another parser's examples, except
    of a fallback."""
    parse: Callable[[SourceLine], ParsedEvent | IgnoredLine]
    """Raises UnparseableRecord for a line that it claims but cannot read."""
    references: tuple[str, ...]
    examples: tuple[ParserExample, ...]
    is_fallback: bool = False
    """Reads a format that vendors share: asked only for records that no other parser claims."""
    is_sure: bool = False
    """`parse` itself raises UnparseableRecord for each line that `claims` refuses: where this
    parser read the source's last line, it reads the next one without being asked."""

    @property
    def dataset(self) -> str:
        return self.id.replace("_", ".", 1)


@slotted
class SignalDraft:
    """What a detector says of one event: this feeds the correlation of that group."""

    group: tuple[str, ...]
    """Values of the group key, all present; an event that lacks one makes no signal."""
    step: str = ""
    """Which part of the pattern (e.g. failed, opened, exfiltrated)."""
    value: str = ""
    """What is counted distinctly (e.g. the user name)."""


class DetectorSignal(NamedTuple):
    """A signal as a detector's condition sees it: seconds of event time, id, step, value. They sort
    in this order, and it is their identity within a group."""

    time: float
    id: str
    step: str
    value: str
    evidence: Any = None
    """What the windows store with it. A condition never reads it."""
    session: str | None = None
    """Signals of one session, step and value may tell of one act: of these, retellings count as one
    act, and as none beside a fuller line (streams.correlate.acts)."""
    is_retelling: bool = False
    attempts: int = 1
    """How many attempts it tells of; of a retelling, how many of its session. A condition that
    counts acts counts attempts (streams.correlate.acts.count_attempts)."""


@dataclass(frozen=True, slots=True)
class ValueGate:
    """Steps that a behaviour joins by their value (a sign-in to failures from the same address).

    Their signals are kept apart, per value, and reach the group that alerts only once `opens` holds
    for that value. Of any number of values, what opens first is kept, so that others cannot push it
    out: of these steps the condition may ask nothing but when `opens` or `stronger` begin to hold.
    """

    steps: frozenset[str]
    opens: Callable[[Sequence[DetectorSignal]], bool]
    """Given signals of these steps and one value within one window, in order: may they matter?
    Monotone in the set. Retellings are among them: see Detector.sees_retellings."""
    stronger: tuple[Callable[[Sequence[DetectorSignal]], bool], ...] = ()
    """Conditions like `opens` that hold more rarely, where the behaviour asks for them."""

    @property
    def all_openings(self) -> tuple[Callable[[Sequence[DetectorSignal]], bool], ...]:
        return (self.opens, *self.stronger)


def get_texts(event: Event, name: str) -> tuple[str, ...]:
    """Return the non-empty texts that the event holds under this name, from one value or a list."""
    value = event.fields.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    values = value if isinstance(value, list | tuple) else (value,)
    # A list, since a generator costs more than its elements.
    return tuple([str(each) for each in values if each is not None and each != ""])


def has_text(event: Event, name: str, text: str) -> bool:
    """Whether `text`, not empty, is among `get_texts`."""
    value = event.fields.get(name)
    if isinstance(value, str):
        return value == text
    return isinstance(value, list | tuple) and text in value


@dataclass(frozen=True, slots=True)
class DetectorExample:
    """Events (flat ECS, `@timestamp` ISO) in any order, and how many alerts they make."""

    title: str
    events: Sequence[Mapping[str, Value]]
    alerts: int
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """A behaviour that Sigma cannot say. Growing: more signals never un-fire it."""

    id: str
    title: str
    description: str
    severity: str
    scope: str
    """organization: grouped within one customer; provider: across customers."""
    timespan: int
    """T in seconds: the condition looks at [t − T, t]."""
    quiet: int
    """Q in seconds: hot buckets closer than this are one episode."""
    keep: int
    """How many first and last signals a bucket retains, per step. 0: all up to the loud cap, and
    beyond it some of each sixtieth of the timespan, which a condition that asks for an order
    needs."""
    distinct: bool
    """Retain by distinct value instead of by count."""
    tags: tuple[str, ...]
    """MITRE ATT&CK, e.g. attack.t1110.003."""
    signals: Callable[[Event], Sequence[SignalDraft]]
    fires: Callable[[Sequence[DetectorSignal]], bool]
    """Given the window's signals in (time, id) order. Must be monotone in the set."""
    graver: Callable[[Sequence[DetectorSignal]], str | None] = lambda _members: None
    """A higher severity for these members of an episode, or None. Monotone too."""
    examples: tuple[DetectorExample, ...] = ()
    explain: Callable[[Sequence[DetectorSignal]], str] = lambda _members: ""
    """One or two plain sentences for the analyst: why it fired, in figures."""
    gate: ValueGate | None = None
    """Must be declared by a condition that joins steps by value."""
    counted: Callable[[str], str] | None = None
    """The part of a value that the condition counts distinctly; None: all of it."""
    least: int = 1
    """No fewer signals than this can fire, unless some tell of several attempts: below it the
    condition is not asked."""
    sees_retellings: bool = False
    """`fires` and `graver` get retellings beside fuller lines, and count acts, not signals
    (streams.correlate.acts.iterate_attempts). False: they get each act once. A condition that asks for
    an order needs it to be growing: a retelling and its fuller line differ in time."""


@cache
def load_plugins(package: str, constant: str) -> Mapping[str, Any]:
    """Load all plug-ins of a package by id, in name order.

    Raises ConfigurationError for a file or package without the constant, or with an id that is not
    its name."""
    package_module: ModuleType = importlib.import_module(package)
    plugins: dict[str, Any] = {}
    for entry in sorted(pkgutil.iter_modules(package_module.__path__), key=lambda e: e.name):
        module = importlib.import_module(f"{package}.{entry.name}")
        plugin = getattr(module, constant, None)
        if plugin is None or plugin.id != entry.name:
            kind = "package" if entry.ispkg else "file"
            file_name = f"{entry.name}/__init__.py" if entry.ispkg else f"{entry.name}.py"
            raise ConfigurationError(
                f"no {constant} whose id is the name of its {kind}",
                place=f"{package}/{file_name}",
                remedy=f'Export {constant} = ...(id="{entry.name}").',
            )
        plugins[entry.name] = plugin
    return plugins
