"""The audit chain: every change that matters, hash-linked; personal values outside the chain."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from schemas.customer import FrozenModel

GENESIS = "0" * 64
GONE = "gone"
"""In `AuditEntry.rows`: the row was deleted."""


def encode_canonical(value: Any) -> bytes:
    """RFC 8785 (JCS) for the values we use: sorted keys, no spaces, UTF-8, no floats of ours."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    ).encode()


class AuditEntry(FrozenModel):
    """One link. `facts` holds ids, counts, hashes and sealed references, never personal values.

    A sealed reference is {"sealed": token, "commitment": hex SHA-256 of salt and value}: erasing
    the case's key makes the value unreadable and leaves the chain whole.
    """

    seq: int
    at: datetime
    actor: str
    """User id, or `system:pipeline`, `system:dispatch`."""
    act: str
    """`object:subject:verb`, e.g. `case:breach:confirmed`."""
    subject: str
    """Id of what it is about."""
    facts: dict[str, Any]
    rows: dict[str, str] = {}
    """{`table/key`: salted SHA-256} of every watched row as this transaction left it, or `gone`."""
    replaced: dict[str, str] = {}
    """The same of those that it wrote over, as it found them."""
    previous: str
    hash: str

    def compute_hash(self) -> str:
        """SHA-256 over the canonical JSON of everything but the hash itself."""
        body = self.model_dump(mode="json", exclude={"hash"})
        return hashlib.sha256(encode_canonical(body)).hexdigest()

    @model_serializer(mode="wrap")
    def _omit_empty_rows(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Entries written before rows were recorded keep their text and their hash."""
        body: dict[str, Any] = handler(self)
        for name in ("rows", "replaced"):
            if not body.get(name):
                body.pop(name, None)
        return body


class ChainHead(FrozenModel):
    """Where a chain ends: the number and hash of its newest entry; 0 and zeros when it is empty."""

    seq: int
    hash: str

    @property
    def typed(self) -> str:
        """`124:9f86d081…`: as a person notes it and types it again."""
        return f"{self.seq}:{self.hash}"


class ChainAnchor(FrozenModel):
    """A head as it was noted outside the store."""

    seq: int
    hash: str
    at: datetime | None = None
    """When it was noted; None: typed by a person."""
    source: str
    """Where it was noted, in words."""


class AuditDiscrepancy(FrozenModel):
    """One thing that the store says otherwise than the chain. No personal values."""

    where: str
    """`notice 17`, `users/sam`, `audit entry 4`."""
    what: str
    chain: str
    store: str
    source: str = "the store"
    """Who says otherwise: the store, a bundle, an anchor."""

    def __str__(self) -> str:
        text = f"the chain says {self.chain}, {self.source} says {self.store}"
        return f"{self.where}: {self.what}; {text}"


class AuditReport(FrozenModel):
    """What a verification found. Whole when there is no discrepancy."""

    head: ChainHead
    discrepancies: tuple[AuditDiscrepancy, ...] = ()
    unrecorded: int = 0
    """Rows of an older program whose contents no entry has recorded yet."""
    compared: tuple[str, ...] = ()
    """What outside the store the chain was compared with, in words."""

    @property
    def whole(self) -> bool:
        return not self.discrepancies
