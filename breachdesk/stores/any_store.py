"""What both stores give to who wires them."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from breachdesk.ports import Now, Store
from streams.ports import BatchSink, Register, SharedSink


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

    def batch_sink(self) -> BatchSink:
        """Where one pipeline commits."""
        ...

    def shared_sink(self) -> SharedSink:
        """Where many workers commit."""
        ...

    def register(self) -> Register:
        """The newest view of who owned what, cached until the register changes."""
        ...
