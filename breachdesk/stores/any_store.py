"""What both stores give to who wires them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from breachdesk.ports import Now, Store
from streams.ports import BatchSink, ExportOutbox, Leader, Register


class AnyStore(Store, Protocol):
    """A store and the pipeline's doors to it. Thread-safe; close it when done."""

    now: Now

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def batch_sink(self, *, sole_owner: bool = ...) -> BatchSink:
        """Where workers commit; `sole_owner`: one process owns all partitions (the default is the
        store's own)."""
        ...

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more, as an audited act; the partitions moved. Raises
        NotFound for one that was never processed."""
        ...

    def export_outbox(self) -> ExportOutbox:
        """What waits to be told to integrators."""
        ...

    def leader(self) -> Leader:
        """Whether this process does what only one may."""
        ...

    def register(self) -> Register:
        """The newest view of who owned what, cached until the register changes."""
        ...
