"""Load a group from its rows in the store."""

from __future__ import annotations

from schemas.pipeline.alert import GroupKey
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.signal_rows import load_bucket
from streams.ports import GroupRows


def load_group(row: GroupRows, spec: WindowSpec, moved: list[tuple[GroupKey, int]]) -> SignalGroup:
    """Load the group as stored. Adds to `moved` the buckets that the store holds differently."""
    group = SignalGroup(row.key, spec)
    for bucket in row.buckets or ():
        loaded = load_bucket(row.key, bucket.payload)
        moved += [
            (row.key, i) for i in group.restore_bucket(bucket.bucket, loaded, bucket.timespan)
        ]
    return group
