"""Define what the streams package needs from outside. An implementation imports its port; streams
never imports an implementation. The same contract suite runs on every adapter (tests/contract)."""

from __future__ import annotations

from streams.ports.batches import (
    BatchSink,
    BucketRow,
    CommitResult,
    EvictedInterval,
    ExportMessage,
    GroupRows,
    GroupState,
    GroupUpdates,
    KnownLetter,
    LogRow,
    PartitionAdvance,
    ReboundGroup,
    RecordBatch,
    StoredPosition,
    SweepResult,
)
from streams.ports.counts import (
    HourCount,
    SourceCount,
    SourceSighting,
    SubjectKind,
    UnattributedCount,
)
from streams.ports.event_log import EventLog
from streams.ports.exports import ExportOutbox, LeaderElection, OrderHandler
from streams.ports.record_reader import Outcome, RecordReader
from streams.ports.register import AssetRegister, RegisterView
from streams.ports.replays import ReplayQueue

__all__ = [
    "AssetRegister",
    "BatchSink",
    "BucketRow",
    "CommitResult",
    "EventLog",
    "EvictedInterval",
    "ExportMessage",
    "ExportOutbox",
    "GroupRows",
    "GroupState",
    "GroupUpdates",
    "HourCount",
    "KnownLetter",
    "LeaderElection",
    "LogRow",
    "OrderHandler",
    "Outcome",
    "PartitionAdvance",
    "ReboundGroup",
    "RecordBatch",
    "RecordReader",
    "RegisterView",
    "ReplayQueue",
    "SourceCount",
    "SourceSighting",
    "StoredPosition",
    "SubjectKind",
    "SweepResult",
    "UnattributedCount",
]
