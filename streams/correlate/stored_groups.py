"""A group from the rows in which the store holds it."""

from __future__ import annotations

from schemas.pipeline.alert import GroupKey
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.signal_rows import load_bucket
from streams.ports import GroupRows


def load_group(row: GroupRows, spec: WindowSpec, moved: list[tuple[GroupKey, int]]) -> SignalGroup:
    """The group as it is stored. `moved` gets the buckets that the store holds otherwise."""
    group = SignalGroup(row.key, spec)
    for bucket in row.buckets or ():
        loaded = load_bucket(row.key, bucket.payload)
        moved += [
            (row.key, i) for i in group.restore_bucket(bucket.bucket, loaded, bucket.timespan)
        ]
    return group
