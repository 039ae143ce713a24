"""Check bearer tokens (RFC 6750) of the HTTP intake: a source's own, or the one of `*`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from pydantic import SecretStr

ANY = "*"


class IntakeTokens:
    """Digests of the tokens that the settings hold.

    Digests of one length are compared, and an unknown source is compared with a random one, so that
    the time of an answer tells neither a token's length nor which sources exist.
    """

    def __init__(self, tokens: Mapping[str, SecretStr]) -> None:
        """Keep the tokens; an empty token counts as none."""
        self._digests = {
            source: _digest(token.get_secret_value().encode())
            for source, token in tokens.items()
            if token.get_secret_value()
        }
        self._nobodys = _digest(secrets.token_bytes(32))

    def find_holder(self, source: str, header: str) -> str | None:
        """Return the owner of the token in the `Authorization` header: the source or `*`; None if
        it is not valid.

        `header` is as Starlette gives it, decoded from Latin-1."""
        holder = source if source in self._digests else ANY
        scheme, _, token = header.partition(" ")
        sent = _digest(token.strip().encode("latin-1", "replace"))
        right = hmac.compare_digest(sent, self._digests.get(holder, self._nobodys))
        return holder if right and scheme.lower() == "bearer" else None

    def list_holders(self, header: str) -> list[str]:
        """List the owners of the token in the `Authorization` header. All tokens are compared, so
        that the time of an answer does not tell which of them is nearly right."""
        scheme, _, token = header.partition(" ")
        sent = _digest(token.strip().encode("latin-1", "replace"))
        owners = [
            owner for owner, digest in self._digests.items() if hmac.compare_digest(sent, digest)
        ]
        return owners if scheme.lower() == "bearer" else []


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
