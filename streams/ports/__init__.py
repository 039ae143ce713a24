"""What the streams wing needs from outside. Whoever implements a port imports it; streams never
imports an implementation. The same contract suite runs on every adapter (tests/contract)."""

from __future__ import annotations

from streams.ports.batches import (
    Advance,
    BatchSink,
    BucketRow,
    CommitResult,
    Eviction,
    Export,
    GroupRows,
    GroupState,
    GroupUpdates,
    KnownLetter,
    LogRow,
    RecordBatch,
    StoredPosition,
    SweepResult,
)
from streams.ports.counts import SourceCount, UnattributedCount
from streams.ports.event_log import EventLog
from streams.ports.exports import ExportOutbox, Leader, Orders
from streams.ports.record_reader import Outcome, RecordReader
from streams.ports.register import Register, RegisterView

__all__ = [
    "Advance",
    "BatchSink",
    "BucketRow",
    "CommitResult",
    "EventLog",
    "Eviction",
    "Export",
    "ExportOutbox",
    "GroupRows",
    "GroupState",
    "GroupUpdates",
    "KnownLetter",
    "Leader",
    "LogRow",
    "Orders",
    "Outcome",
    "RecordBatch",
    "RecordReader",
    "Register",
    "RegisterView",
    "SourceCount",
    "StoredPosition",
    "SweepResult",
    "UnattributedCount",
]
