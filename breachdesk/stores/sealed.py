"""Personal values behind one AES-256-GCM key a case: destroying the key erases them.

A sealed value carries its own salt inside the ciphertext, so that after erasure not even a guess
can be checked against the commitment that stays in the audit chain.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.many_rows import any_of, insert_many
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.tables import case_keys, sealed_values
from schemas.errors import Corrupt, NotAllowed

NO_CASE = "-"
"""Scope of values that belong to no case yet."""
NONCE = 12
ERASED = "(erased)"


class Sealing:
    """Seals and opens bytes under the keys of cases and customers, within one transaction."""

    def __init__(self, connection: Connection, rows: RowDigests) -> None:
        self._connection = connection
        self._keys: dict[str, bytes] = {}
        self._read: dict[str, bytes | None] = {}
        self._waiting: list[dict[str, Any]] = []
        self._rows = rows

    def seal(self, case_id: str, content: bytes, purpose: str) -> bytes:
        """Nonce and ciphertext, bound to `purpose`. Makes the key when there is none. Raises
        NotAllowed when the case's key was erased."""
        nonce = os.urandom(NONCE)
        return nonce + AESGCM(self._key_for_sealing(case_id)).encrypt(
            nonce, content, purpose.encode()
        )

    def open(self, case_id: str, sealed: bytes, purpose: str) -> bytes | None:
        """The content, or None when the key was erased. Raises Corrupt when it was altered."""
        key = self._key(case_id)
        if key is None:
            return None
        try:
            return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())
        except (InvalidTag, TypeError, ValueError):  # no bytes, too short, or another key's length
            raise Corrupt(
                "a sealed value was altered",
                place=f"{case_id}, {purpose}",
                remedy="Restore the store from a backup and compare.",
            ) from None

    def is_open(self, case_id: str) -> bool:
        """Is there a key, not erased?"""
        return self._key(case_id) is not None

    def read_ahead(self, case_ids: Collection[str]) -> None:
        """Ask for the keys of these cases at once."""
        unknown = sorted(set(case_ids) - self._read.keys())
        if not unknown:
            return
        query = select(case_keys.c.case_id, case_keys.c.key).where(
            any_of(self._connection, case_keys.c.case_id, unknown)
        )
        read = {row.case_id: row.key for row in self._connection.execute(query)}
        for case_id in unknown:
            key = read.get(case_id)
            self._read[case_id] = None if key is None else bytes(key)

    def keep_value(self, case_id: str, value: str) -> dict[str, str]:
        """Seal one value outside the chain; returns the reference that may stand inside it."""
        token = secrets.token_hex(16)
        salt = secrets.token_hex(16)
        content = json.dumps([salt, value]).encode()
        sealed = self.seal(case_id, content, token)
        self._waiting.append({"token": token, "case_id": case_id, "ciphertext": sealed})
        return {"sealed": token, "commitment": commitment(salt, value)}

    def write(self) -> None:
        """Write the values kept so far: one statement for thousands of them."""
        if self._waiting:
            insert_many(self._connection, sealed_values, self._waiting)
            self._waiting.clear()

    def value(self, reference: dict[str, str]) -> str:
        """The value behind a reference, or `(erased)`. Raises Corrupt when it does not match its
        commitment or is gone while its key lives."""
        token = reference["sealed"]
        self.write()
        row = self._connection.execute(
            select(sealed_values).where(sealed_values.c.token == token)
        ).one_or_none()
        if row is None:
            raise Corrupt("a sealed value is missing", place=token, remedy="Restore a backup.")
        content = self.open(row.case_id, row.ciphertext, token) if row.ciphertext else None
        if content is None:
            return ERASED
        salt, value = json.loads(content)
        if commitment(salt, value) != reference["commitment"]:
            raise Corrupt("a sealed value is not what was committed to", place=token)
        return str(value)

    def empty(self, tokens: Sequence[str]) -> None:
        """Destroy these values alone; their case's key lives on."""
        self.write()
        for token in tokens:
            self._connection.execute(
                update(sealed_values).where(sealed_values.c.token == token).values(ciphertext=b"")
            )

    def erase(self, case_id: str, at: datetime) -> None:
        """Destroy the case's key; a case that never had one cannot get one afterwards."""
        gone = {"key": None, "erased_at": at}
        self._keys.pop(case_id, None)
        self._read.pop(case_id, None)
        self._rows.replace(case_keys, case_id)
        erased = self._connection.execute(
            update(case_keys).where(case_keys.c.case_id == case_id).values(gone)
        )
        if not erased.rowcount:
            self._connection.execute(insert(case_keys).values(case_id=case_id, **gone))

    def _key(self, case_id: str) -> bytes | None:
        self.read_ahead([case_id])
        return self._read[case_id]

    def _key_for_sealing(self, case_id: str) -> bytes:
        if case_id not in self._keys:
            self._keys[case_id] = self._stored_key(case_id)
        return self._keys[case_id]

    def _stored_key(self, case_id: str) -> bytes:
        """Made when there is none."""
        row = self._connection.execute(
            select(case_keys.c.key).where(case_keys.c.case_id == case_id)
        ).one_or_none()
        if row is None:
            key = AESGCM.generate_key(bit_length=256)
            self._connection.execute(insert(case_keys).values(case_id=case_id, key=key))
            self._read.pop(case_id, None)
            self._rows.touch(case_keys, case_id)
            return key
        if row.key is None:
            raise NotAllowed(
                "the personal data of this case was erased",
                place=case_id,
                remedy="Open a new case.",
            )
        return bytes(row.key)


def customer_key(customer_id: str) -> str:
    """The key that what the register said of a customer is sealed under. Hashed: an id may be
    longer than a key's name, and may be one that a case bears."""
    return f"customer:{hashlib.sha256(customer_id.encode()).hexdigest()[:24]}"


def commitment(salt: str, value: str) -> str:
    """Hex SHA-256 of salt and value."""
    return hashlib.sha256(f"{salt}\x00{value}".encode()).hexdigest()
