"""Model what travels through the pipeline: RawRecord, then Event, the input of findings.

Both are plain slotted classes, not pydantic models: they are made once per log line, and validation
costs more than the whole parse (bench/pipeline.py). Parsers validate.

Field names are ECS 9.x, dotted and flat (`source.ip`), custom ones under `breach.`; nested JSON
exists only in input and output (`build_nested`, `flatten`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.pipeline.slotted import slotted

Value = Any
"""str | int | float | bool | list[str] | list[dict[str, ...]]: what JSON can carry."""

ECS_VERSION = "9.4.0"


class RecordPosition(NamedTuple):
    """The position of a record: (journal id, offset). Ordered within one journal only."""

    journal: str
    offset: int


@slotted
class RawRecord:
    """One record exactly as received, and the facts of its arrival, stamped once."""

    position: RecordPosition
    source: str
    """Name of the configured source, e.g. `m365`, `sonicwall-hq`."""
    raw: bytes = field(repr=False)
    arrived: datetime
    """Aware UTC; survives replay."""
    transport: str = "file"
    """file | http | udp | tcp | demo"""
    sender: str = field(default="", repr=False)
    """Address of the peer, if any."""
    backfill: bool = False
    """Old logs fed by hand: always in time (docs/reference/streaming.md, In time)."""
    piece: str = ""
    """Not empty: a piece of an over-long record, for dead letters only (says which, and where)."""
    replay_of: RecordPosition | None = None
    """The dead letter that this record repeats: it does not count as received again."""


class AssetTouch(NamedTuple):
    """One customer's data reached through one asset: the unit of `who is affected`. A tuple, since
    windows hash and compare it for every signal."""

    customer: str
    asset: str
    category: str


class Event:
    """One act in ECS names, with customer and asset resolved as of event time; never assigned to.

    Not a dataclass: `id` and `sha256` are digests that most events never compute. `repr` shows no
    field values: they are personal data."""

    __slots__ = (
        "_id",
        "_raw",
        "_sha256",
        "arrived",
        "dataset",
        "fields",
        "in_time",
        "is_retelling",
        "organization",
        "position",
        "session",
        "source",
        "time",
        "touches",
        "unattributed",
    )

    def __init__(  # noqa: PLR0913 - facts, all by name
        self,
        *,
        time: datetime,
        arrived: datetime,
        dataset: str,
        source: str,
        fields: Mapping[str, Value],
        position: RecordPosition,
        organization: str | None = None,
        touches: tuple[AssetTouch, ...] = (),
        unattributed: str | None = None,
        in_time: bool = True,
        session: str | None = None,
        is_retelling: bool = False,
        id: str | None = None,  # noqa: A002 - the field's name
        sha256: str | None = None,
        raw: bytes = b"",
    ) -> None:
        """Create the event. `id`: the vendor's, if there is one. `time`: aware UTC. `organization`:
        a customer's id, or None if no known customer owns the event, which is then never pooled.
        `touches`: the customers, assets and categories that this act reached (or tried to reach).
        `unattributed`: what a person would have to bind, e.g. `domain:contoso.example`, if
        organization is None. `session`, `is_retelling`: see ParsedEvent; a retelling without a session
        is none."""
        self.time = time
        self.arrived = arrived
        self.dataset = dataset
        self.source = source
        self.fields = fields
        self.position = position
        self.organization = organization
        self.touches = touches
        self.unattributed = unattributed
        self.in_time = in_time
        self.session = session
        self.is_retelling = is_retelling and session is not None
        self._id = id
        self._sha256 = sha256
        self._raw = raw

    @property
    def id(self) -> str:
        """The vendor's id where there is one, else `digest_id`."""
        if self._id is None:
            self._id = digest_id(self.source, self._raw)
        return self._id

    @property
    def sha256(self) -> str:
        """Of the raw bytes, hex."""
        if self._sha256 is None:
            self._sha256 = hashlib.sha256(self._raw).hexdigest()
        return self._sha256

    def __repr__(self) -> str:
        return f"Event(dataset={self.dataset!r}, source={self.source!r}, time={self.time!r})"

    def get(self, name: str, default: Value = None) -> Value:
        """Return the value of a dotted ECS field, or the default."""
        return self.fields.get(name, default)


def digest_id(source: str, raw: bytes) -> str:
    """Return 32 hex digits of SHA-256 over source name and raw bytes: an exact copy of a record is
    the same event."""
    return hashlib.sha256(source.encode() + b"\0" + raw).hexdigest()[:32]


_PLAIN = frozenset({str, int, float, bool, list, type(None)})
LONGEST_NAME = 256
"""Characters of a dotted name. ECS has none of a third of it; without a limit each value below a
long key would repeat that key."""
_MOST_PARTS = 64
"""Levels that a dotted name becomes; JSON can be written only so deep."""


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Value]:
    """Convert nested ECS JSON to dotted names; already dotted names stay. Below a name longer than
    LONGEST_NAME objects stay nested."""
    flat: dict[str, Value] = {}
    _flatten_into(flat, document, prefix)
    return flat


def _flatten_into(flat: dict[str, Value], document: Mapping[str, Any], prefix: str) -> None:
    names = _build_names_below(prefix)
    for key, value in document.items():
        name = names.get(key)
        if name is None:
            name = prefix + key
            if len(names) < _NAMES_CACHED:
                names[key] = name
        kind = type(value)
        # Asking an abstract class costs more than all the rest here.
        if (kind is dict or (kind not in _PLAIN and isinstance(value, Mapping))) and (
            len(name) <= LONGEST_NAME
        ):
            _flatten_into(flat, value, name + ".")
        else:
            flat[name] = value


_NAMES_CACHED = 64


@lru_cache(maxsize=256)
def _build_names_below(prefix: str) -> dict[str, str]:
    """Build dotted names by their last key, on demand: one shared object a name is cheaper to make,
    to look up and to send than one a record."""
    del prefix
    return {}


_MOST_REMEMBERED, _LONGEST_REMEMBERED = 100, 4_000
"""Names and characters of one set of names that is remembered."""
_MOST_PLANS = 4_096


def build_nested(fields: Mapping[str, Value]) -> dict[str, Any]:
    """Convert dotted names to nested ECS JSON, keys sorted; a name that is also a prefix keeps its
    dots, and so does a very long one."""
    nested: dict[str, Any] = {}
    levels = [nested]
    names = tuple(fields)
    steps = _PLANS.get(names)
    if steps is None:
        steps = _plan_levels(names)
        _remember_plan(names, steps)
    for number, key, name in steps:
        if name is None:
            child: dict[str, Any] = {}
            levels[number][key] = child
            levels.append(child)
        else:
            levels[number][key] = fields[name]
    return nested


_LevelPlan = tuple[tuple[int, str, str | None], ...]
"""Of a nested document: (number of a level, key, name of the value there, or None if a new level
begins there)."""
_PLANS: dict[tuple[str, ...], _LevelPlan] = {}
"""By names in their order: the events of a format have few sets of names."""


def _remember_plan(names: tuple[str, ...], steps: _LevelPlan) -> None:
    """Remember the plan of names that are few and short: a sender's own may be long and many."""
    if len(names) > _MOST_REMEMBERED or sum(map(len, names)) > _LONGEST_REMEMBERED:
        return
    if len(_PLANS) >= _MOST_PLANS:
        _PLANS.clear()
    _PLANS[names] = steps


def _plan_levels(names: tuple[str, ...]) -> _LevelPlan:
    steps: list[tuple[int, str, str | None]] = []
    numbers: dict[str, int] = {"": 0}
    all_names = frozenset(names)
    known: dict[str, bool] = {}
    for name in sorted(names):
        parents = name.split(".") if len(name) <= LONGEST_NAME else [name]
        above = name.rpartition(".")[0]
        if len(parents) > _MOST_PARTS or (
            len(parents) > 1 and _is_or_is_below(above, all_names, known)
        ):
            steps.append((0, name, name))
            continue
        number, path = 0, ""
        for part in parents[:-1]:
            path = f"{path}.{part}"
            if path not in numbers:
                steps.append((number, part, None))
                numbers[path] = len(numbers)
            number = numbers[path]
        steps.append((number, parents[-1], name))
    return tuple(steps)


def _is_or_is_below(name: str, names: frozenset[str], known: dict[str, bool]) -> bool:
    """Whether the name, or a prefix that ends at one of its dots, is one of the names. `known`
    caches earlier answers, because neighbouring names share nearly all of their parents."""
    if name not in known:
        above, dot, _ = name.rpartition(".")
        known[name] = name in names or (dot != "" and _is_or_is_below(above, names, known))
    return known[name]
