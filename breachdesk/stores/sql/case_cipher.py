"""Encrypt personal values with one AES-256-GCM key a case; destroying the key erases them.

A sealed value carries its own salt inside the ciphertext, so that after erasure nobody can check a
guess against the commitment in the audit chain."""

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

from breachdesk.stores.sql.bulk_rows import insert_many, match_any
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import case_keys, sealed_values
from schemas.errors import CorruptData, NotAllowed

NO_CASE = "-"
"""Scope of values that belong to no case yet."""
NONCE = 12
ERASED = "(erased)"


class CaseCipher:
    """Seals and opens bytes under the keys of cases and customers, within one transaction."""

    def __init__(self, connection: Connection, row_digests: RowDigests) -> None:
        self._connection = connection
        self._keys: dict[str, bytes] = {}
        self._cached_keys: dict[str, bytes | None] = {}
        self._pending_values: list[dict[str, Any]] = []
        self._row_digests = row_digests

    def seal(self, case_id: str, content: bytes, purpose: str) -> bytes:
        """Return nonce and ciphertext, bound to `purpose`. Creates the key if there is none.
        Raises NotAllowed if the case's key was erased."""
        nonce = os.urandom(NONCE)
        return nonce + AESGCM(self._get_key(case_id)).encrypt(nonce, content, purpose.encode())

    def open(self, case_id: str, sealed: bytes, purpose: str) -> bytes | None:
        """Return the content, or None if the key was erased. Raises CorruptData if it was
        altered."""
        key = self._find_key(case_id)
        if key is None:
            return None
        try:
            return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())
        except (InvalidTag, TypeError, ValueError):  # no bytes, too short, or another key's length
            raise CorruptData(
                "a sealed value was altered",
                place=f"{case_id}, {purpose}",
                remedy="Restore the store from a backup and compare.",
            ) from None

    def is_open(self, case_id: str) -> bool:
        """Whether the case has a key that is not erased."""
        return self._find_key(case_id) is not None

    def read_ahead(self, case_ids: Collection[str]) -> None:
        """Read the keys of these cases with one statement."""
        unknown = sorted(set(case_ids) - self._cached_keys.keys())
        if not unknown:
            return
        query = select(case_keys.c.case_id, case_keys.c.key).where(
            match_any(self._connection, case_keys.c.case_id, unknown)
        )
        read = {row.case_id: row.key for row in self._connection.execute(query)}
        for case_id in unknown:
            key = read.get(case_id)
            self._cached_keys[case_id] = None if key is None else bytes(key)

    def seal_value(self, case_id: str, value: str) -> dict[str, str]:
        """Seal one value outside the chain and return the reference to store in the chain."""
        token = secrets.token_hex(16)
        salt = secrets.token_hex(16)
        content = json.dumps([salt, value]).encode()
        sealed = self.seal(case_id, content, token)
        self._pending_values.append({"token": token, "case_id": case_id, "ciphertext": sealed})
        return {"sealed": token, "commitment": compute_commitment(salt, value)}

    def write_values(self) -> None:
        """Write the values kept so far: one statement for thousands of them."""
        if self._pending_values:
            insert_many(self._connection, sealed_values, self._pending_values)
            self._pending_values.clear()

    def open_value(self, reference: dict[str, str]) -> str:
        """Return the value of a reference, or `(erased)`. Raises CorruptData if it does not match
        its commitment or is missing while its key exists."""
        token = reference["sealed"]
        self.write_values()
        row = self._connection.execute(
            select(sealed_values).where(sealed_values.c.token == token)
        ).one_or_none()
        if row is None:
            raise CorruptData("a sealed value is missing", place=token, remedy="Restore a backup.")
        content = self.open(row.case_id, row.ciphertext, token) if row.ciphertext else None
        if content is None:
            return ERASED
        salt, value = json.loads(content)
        if compute_commitment(salt, value) != reference["commitment"]:
            raise CorruptData("a sealed value is not what was committed to", place=token)
        return str(value)

    def destroy_values(self, tokens: Sequence[str]) -> None:
        """Destroy these values alone; their case's key lives on."""
        self.write_values()
        for token in tokens:
            self._connection.execute(
                update(sealed_values).where(sealed_values.c.token == token).values(ciphertext=b"")
            )

    def erase(self, case_id: str, at: datetime) -> None:
        """Destroy the case's key; a case that never had one cannot get one afterwards."""
        gone = {"key": None, "erased_at": at}
        self._keys.pop(case_id, None)
        self._cached_keys.pop(case_id, None)
        self._row_digests.replace(case_keys, case_id)
        erased = self._connection.execute(
            update(case_keys).where(case_keys.c.case_id == case_id).values(gone)
        )
        if not erased.rowcount:
            self._connection.execute(insert(case_keys).values(case_id=case_id, **gone))

    def _find_key(self, case_id: str) -> bytes | None:
        self.read_ahead([case_id])
        return self._cached_keys[case_id]

    def _get_key(self, case_id: str) -> bytes:
        if case_id not in self._keys:
            self._keys[case_id] = self._get_or_create_key(case_id)
        return self._keys[case_id]

    def _get_or_create_key(self, case_id: str) -> bytes:
        """Return the case's key, creating it if there is none."""
        row = self._connection.execute(
            select(case_keys.c.key).where(case_keys.c.case_id == case_id)
        ).one_or_none()
        if row is None:
            key = AESGCM.generate_key(bit_length=256)
            self._connection.execute(insert(case_keys).values(case_id=case_id, key=key))
            self._cached_keys.pop(case_id, None)
            self._row_digests.touch(case_keys, case_id)
            return key
        if row.key is None:
            raise NotAllowed(
                "the personal data of this case was erased",
                place=case_id,
                remedy="Open a new case.",
            )
        return bytes(row.key)


def format_customer_key(customer_id: str) -> str:
    """Return the name of the key that seals the register's data of a customer. It is a hash,
    because an id may be longer than a key's name or equal to a case's."""
    return f"customer:{hashlib.sha256(customer_id.encode()).hexdigest()[:24]}"


def compute_commitment(salt: str, value: str) -> str:
    """Compute the hexadecimal SHA-256 of salt and value."""
    return hashlib.sha256(f"{salt}\x00{value}".encode()).hexdigest()
