"""Define what both stores offer to the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from breachdesk.ports import Now, Store
from streams.ports import AssetRegister, BatchSink, ExportOutbox, LeaderElection


class PipelineStore(Store, Protocol):
    """A store and the pipeline's doors to it. Thread-safe; close it when done."""

    now: Now

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def make_batch_sink(self, *, sole_owner: bool = ...) -> BatchSink:
        """Return where workers commit. `sole_owner`: one process owns all partitions; the default
        depends on the store."""
        ...

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more, as an audited act; the partitions moved. Raises
        NotFound for one that was never processed."""
        ...

    def make_export_outbox(self) -> ExportOutbox:
        """Return the outbox of messages for integrators."""
        ...

    def get_leader_election(self) -> LeaderElection:
        """Whether this process does what only one may."""
        ...

    def make_asset_register(self) -> AssetRegister:
        """Return the newest view of asset ownership, cached until the register changes."""
        ...
