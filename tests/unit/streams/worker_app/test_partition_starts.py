"""Where reading of a partition begins, and what stops a worker instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import CorruptData
from schemas.pipeline.event import RecordPosition
from streams.ports import StoredPosition
from streams.worker_app.partition_starts import PartitionStart


def held(offset: int, journal: str = "id-0") -> StoredPosition:
    return StoredPosition(RecordPosition(journal, offset))


def test_a_partition_never_processed_begins_with_what_the_log_holds() -> None:
    assert PartitionStart("raw/0", "id-0", 17, 40).find_next_offset(StoredPosition(None)) == 17


@given(begin=st.integers(0, 50), size=st.integers(0, 50), offset=st.integers(-1, 110))
def test_reading_goes_on_behind_the_position_or_stops_loudly(
    begin: int, size: int, offset: int
) -> None:
    start = PartitionStart("raw/0", "id-0", begin, begin + size)
    if begin - 1 <= offset <= begin + size - 1:
        assert start.find_next_offset(held(offset)) == offset + 1
        return
    with pytest.raises(CorruptData, match="replay --from-beginning"):
        start.find_next_offset(held(offset))


def test_a_topic_created_again_is_another_journal_whatever_its_offsets() -> None:
    with pytest.raises(CorruptData, match="re-created"):
        PartitionStart("raw/0", "new-0", 0, 100).find_next_offset(held(5, "old-0"))
