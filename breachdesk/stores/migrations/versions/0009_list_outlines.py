"""Outlines of frozen lists: what most pages ask of a list of thousands, sealed next to it.

Lists that were frozen by an earlier release get theirs here, unless their case was erased.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NONCE = 12
GRAVEST_FIRST = ("confirmed", "likely", "possible", "excluded")


def upgrade() -> None:
    op.add_column("documents", sa.Column("outline", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    documents = sa.table(
        "documents",
        *map(sa.column, ("id", "kind", "breach_id", "key", "number", "sealed", "outline")),
    )
    breaches = sa.table("breaches", sa.column("id"), sa.column("case_id"))
    keys = sa.table("case_keys", sa.column("case_id"), sa.column("key"))
    query = (
        sa.select(documents, keys.c.key.label("secret"))
        .join(breaches, breaches.c.id == documents.c.breach_id)
        .join(keys, keys.c.case_id == breaches.c.case_id)
        .where(documents.c.kind == "Manifest", documents.c.sealed.is_not(None))
        .where(keys.c.key.is_not(None))
    )
    ids = connection.execute(query.with_only_columns(documents.c.id)).scalars().all()
    for row_id in ids:
        row = connection.execute(query.where(documents.c.id == row_id)).one()
        outline = _outline(row)
        if outline is not None:
            filled = sa.update(documents).where(documents.c.id == row_id)
            connection.execute(filled.values(outline=outline))


def _outline(row: Any) -> bytes | None:
    """None: the list was altered; whoever reads it is told so."""
    purpose = f"{row.kind}/{row.breach_id}/{row.key}/{row.number}"
    secret, sealed = AESGCM(bytes(row.secret)), bytes(row.sealed)
    try:
        text = secret.decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())
    except InvalidTag:
        return None
    nonce = os.urandom(NONCE)
    content = json.dumps(_of(json.loads(text))).encode()
    return nonce + secret.encrypt(nonce, content, f"outline/{purpose}".encode())


def _of(manifest: dict[str, Any]) -> dict[str, Any]:
    named = ("breach_id", "version", "frozen_by", "frozen_at", "recipients", "hash")
    reached: list[Any] = []
    corrected: list[Any] = []
    excluded: dict[str, list[str]] = {}
    gravest: dict[str, str] = {}
    recipients = manifest["recipients"]
    to_correct = {r["customer_id"] for r in recipients if r["kind"].endswith("_correction")}
    for exposure in manifest["exposures"]:
        customer, certainty = exposure["customer_id"], exposure["certainty"]
        if certainty == "excluded":
            excluded.setdefault(exposure["role"], []).append(customer)
            if customer in to_correct:
                corrected.append(exposure)
        else:
            reached.append(exposure)
        before = gravest.get(customer, "excluded")
        gravest[customer] = min(before, certainty, key=GRAVEST_FIRST.index)
    tally = Counter(gravest.values())
    return {name: manifest.get(name, "") for name in named} | {
        "exposures": reached,
        "corrected": corrected,
        "not_reached": excluded,
        "customers": {certainty: tally[certainty] for certainty in GRAVEST_FIRST},
    }
