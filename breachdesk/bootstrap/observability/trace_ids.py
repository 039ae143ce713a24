"""Tag each log line with the id of its batch, request or attempt, carried by the context."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[tuple[str, str] | None] = ContextVar("breachdesk_trace", default=None)


@contextmanager
def bind_trace_id(kind: str, trace_id: str = "") -> Iterator[str]:
    """Log lines inside carry `{kind}_id` (batch, request, attempt); a new id when none is given."""
    chosen = trace_id or uuid.uuid4().hex
    token = _CURRENT.set((f"{kind}_id", chosen))
    try:
        yield chosen
    finally:
        _CURRENT.reset(token)


def get_trace_ids() -> dict[str, str]:
    """Return {key: id} of the current context, or nothing."""
    ids = _CURRENT.get()
    return {} if ids is None else {ids[0]: ids[1]}
