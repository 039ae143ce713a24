"""Cache copies of groups in memory; the least recently used are dropped first.

Most groups hold a single signal (a flood of failures makes one each for every user and address):
such a copy is the bytes of its bucket, a few hundred, and becomes objects when a second signal
comes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.pipeline.alert import GroupKey
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.signal_rows import dump_bucket, load_bucket
from streams.ports import BucketRow

LONE_BYTES = 560
GROUP_BYTES = 1_500
BUCKET_BYTES = 500
EPISODE_BYTES = 4_000
"""What these take in memory without their signals and payload: measured over 20,000 groups of
sign-ins (bench/flood.py --copies)."""


class _SingleSignalCopy(NamedTuple):
    """A group of one signal."""

    spec: WindowSpec
    bucket: int
    payload: bytes
    version: int
    stored: bool
    unreconciled: bool
    alerted: bool


class _GroupCopy(NamedTuple):
    group: SignalGroup
    version: int
    size: int


class GroupCopies:
    """Bounded by what the copies take that are not pinned."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._copies: dict[GroupKey, _SingleSignalCopy | _GroupCopy] = {}
        self._idle: OrderedDict[GroupKey, None] = OrderedDict()
        """Those that may go, least recently used first."""
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._copies)

    def __contains__(self, key: object) -> bool:
        return key in self._copies

    def clear(self) -> None:
        """Drop all copies."""
        self._copies.clear()
        self._idle.clear()
        self.bytes = 0

    def get_versions(self, keys: Sequence[GroupKey]) -> Mapping[GroupKey, int]:
        """Return the versions of those groups that have a copy."""
        copies = self._copies
        return {key: copies[key].version for key in keys if key in copies}

    def get_group(self, key: GroupKey) -> SignalGroup:
        """Return the group; a caller that changes it must put it back."""
        copy = self._copies[key]
        if isinstance(copy, _GroupCopy):
            return copy.group
        group = SignalGroup(key, copy.spec)
        group.restore_bucket(copy.bucket, load_bucket(key, copy.payload), copy.spec.timespan)
        group.stored, group.unreconciled = copy.stored, copy.unreconciled
        group.alerted = copy.alerted
        return group

    def get_buckets(self, key: GroupKey) -> tuple[WindowSpec, Iterable[int]]:
        """Return the group's window, and the indices of its buckets."""
        copy = self._copies[key]
        if isinstance(copy, _GroupCopy):
            return copy.group.spec, copy.group.buckets
        return copy.spec, (copy.bucket,)

    def may_be_stored(self, key: GroupKey) -> bool:
        """Whether the store may hold rows of the group."""
        copy = self._copies[key]
        return copy.group.stored if isinstance(copy, _GroupCopy) else copy.stored

    def may_alert(self, key: GroupKey) -> bool:
        """Whether the store may have an open alert of the group."""
        copy = self._copies[key]
        known = copy.group if isinstance(copy, _GroupCopy) else copy
        return known.unreconciled or known.alerted

    def note_stored(self, key: GroupKey) -> None:
        """Record that the store holds a row of this group, if there is a copy."""
        copy = self._copies.get(key)
        if isinstance(copy, _GroupCopy):
            copy.group.stored = True
        elif copy is not None:
            self._copies[key] = copy._replace(stored=True)

    def drop(self, key: GroupKey, indices: Sequence[int]) -> None:
        """Drop these buckets, which nothing reaches any more."""
        copy = self._copies[key]
        if isinstance(copy, _SingleSignalCopy):
            if copy.bucket in indices:
                self.forget(key)
            return
        copy.group.drop([index for index in indices if index in copy.group.buckets])
        if not copy.group.buckets:
            self.forget(key)
            return
        remaining = self._copies[key] = copy._replace(size=_estimate_group_size(copy.group))
        self.bytes += remaining.size - copy.size

    def get_payload(self, key: GroupKey, index: int) -> tuple[WindowSpec, bytes]:
        """Return the group's window, and the payload of one of its buckets."""
        copy = self._copies[key]
        if isinstance(copy, _GroupCopy):
            return copy.group.spec, dump_bucket(copy.group.buckets[index])
        return copy.spec, copy.payload

    def put(
        self,
        group: SignalGroup,
        version: int,
        written_buckets: Mapping[tuple[GroupKey, int], BucketRow],
        *,
        pinned: bool,
    ) -> None:
        """Keep this group, or drop it if it holds nothing. `written_buckets` have a known payload.
        A pinned copy stays until it is released."""
        key = group.key
        self.forget(key)
        if not group.buckets:
            return
        copy = self._copies[key] = _compress_group(group, version, written_buckets)
        self.bytes += _get_size(copy)
        if not pinned:
            self._idle[key] = None

    def release(self, keys: Iterable[GroupKey]) -> None:
        """Unpin these copies."""
        for key in keys:
            if key in self._copies:
                self._idle.setdefault(key)

    def shrink(self) -> None:
        """Forget the least recently used until the rest fits."""
        while self.bytes > self._most_bytes and self._idle:
            self.forget(next(iter(self._idle)))

    def forget(self, key: GroupKey) -> None:
        """Drop this copy, if there is one."""
        self._idle.pop(key, None)
        copy = self._copies.pop(key, None)
        if copy is not None:
            self.bytes -= _get_size(copy)


def _compress_group(
    group: SignalGroup, version: int, written_buckets: Mapping[tuple[GroupKey, int], BucketRow]
) -> _SingleSignalCopy | _GroupCopy:
    if len(group.buckets) == 1:
        ((index, bucket),) = group.buckets.items()
        if len(bucket.rows) == 1:
            row = written_buckets.get((group.key, index))
            payload = dump_bucket(bucket) if row is None else row.payload
            # A copy: what wrote the payload leaves some thousand bytes of room behind it.
            exact = bytes(memoryview(payload))
            known = (group.stored, group.unreconciled, group.alerted)
            return _SingleSignalCopy(group.spec, index, exact, version, *known)
    return _GroupCopy(group, version, _estimate_group_size(group))


def _estimate_group_size(group: SignalGroup) -> int:
    fixed = GROUP_BYTES + BUCKET_BYTES * len(group.buckets) + EPISODE_BYTES * group.episode_count
    return fixed + group.size


def _get_size(copy: _SingleSignalCopy | _GroupCopy) -> int:
    return copy.size if isinstance(copy, _GroupCopy) else LONE_BYTES + len(copy.payload)
