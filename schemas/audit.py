"""The audit chain: every change that matters, hash-linked; personal values outside the chain."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from schemas.customer import Frozen

GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """RFC 8785 (JCS) for the values we use: sorted keys, no spaces, UTF-8, no floats of ours."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    ).encode()


class AuditEntry(Frozen):
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
    previous: str
    hash: str

    def computed(self) -> str:
        """SHA-256 over the canonical JSON of everything but the hash itself."""
        body = self.model_dump(mode="json", exclude={"hash"})
        return hashlib.sha256(canonical(body)).hexdigest()
