"""What a worker sends to integrators beside the store: dead letters with their bytes, so that they
outlive the raw topic's retention."""

from __future__ import annotations

import base64

import orjson

from schemas.source import DeadLetter
from streams.ports import Export

DEAD_LETTERS = "dead-letters"


def dead_letter_export(letter: DeadLetter, raw: bytes) -> Export:
    """One JSON object: position, source, arrived, parser, reason, sha256 and the raw bytes as
    base64 (RFC 4648)."""
    document = {
        "journal": letter.position.journal,
        "offset": letter.position.offset,
        "source": letter.source,
        "arrived": letter.arrived,
        "parser": letter.parser,
        "reason": letter.reason,
        "sha256": letter.sha256,
        "raw": base64.b64encode(raw).decode("ascii"),
    }
    key = f"{letter.position.journal}:{letter.position.offset}"
    return Export(DEAD_LETTERS, key, orjson.dumps(document))


def raw_of(exported: bytes) -> bytes:
    """The vendor's bytes of an exported dead letter. Raises ValueError when it holds none."""
    return base64.b64decode(orjson.loads(exported).get("raw", ""), validate=True)


def refused_order(place: str, reason: str) -> Export:
    """An order from outside that could not be followed; `place` finds it in the commands topic."""
    return Export(DEAD_LETTERS, place, orjson.dumps({"order": place, "reason": reason}))
