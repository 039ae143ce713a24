"""Store second factors and recovery codes. One conditional statement spends what may be used once.

Secrets are not encrypted: the key for it would be in the same store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.tables.case_tables import recovery_codes, second_factors
from schemas.errors import EditConflict
from schemas.user import SecondFactor


class SqlSecondFactorBook:
    """breachdesk.ports.SecondFactorBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, user_id: str) -> SecondFactor | None:
        row = (
            self._connection.execute(
                select(second_factors).where(second_factors.c.user_id == user_id)
            )
            .mappings()
            .one_or_none()
        )
        if row is None:
            return None
        count = select(func.count()).where(recovery_codes.c.user_id == user_id)
        remaining_codes = self._connection.execute(count).scalar_one()
        return SecondFactor(**row, recovery_codes=remaining_codes)

    def list_confirmed(self) -> frozenset[str]:
        """Return the ids of users with a confirmed second factor."""
        query = select(second_factors.c.user_id).where(second_factors.c.secret.is_not(None))
        return frozenset(self._connection.execute(query).scalars())

    def start_enrolment(self, user_id: str, secret: str) -> None:
        """Keep a secret that its owner has still to confirm; one that is confirmed stays in force
        until then."""
        changed = self._connection.execute(
            update(second_factors).where(second_factors.c.user_id == user_id).values(pending=secret)
        )
        if not changed.rowcount:
            self._connection.execute(
                insert(second_factors).values(user_id=user_id, pending=secret, last_step=-1)
            )

    def confirm(
        self, user_id: str, secret: str, *, step: int, code_hashes: Iterable[str], at: datetime
    ) -> None:
        """Put the pending secret into force with its first accepted step and new recovery codes.
        Raises EditConflict when another secret is pending."""
        confirmed = self._connection.execute(
            update(second_factors)
            .where(second_factors.c.user_id == user_id, second_factors.c.pending == secret)
            .values(secret=secret, pending=None, last_step=step, confirmed_at=at)
        )
        if not confirmed.rowcount:
            raise EditConflict(
                "another secret was shown meanwhile",
                place="Second factor",
                remedy="Open the page again and scan what it shows now.",
            )
        self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        rows = [{"user_id": user_id, "code_hash": each} for each in code_hashes]
        self._connection.execute(insert(recovery_codes), rows)

    def use_step(self, user_id: str, step: int) -> bool:
        """Accept the code of that time step. False: it, or a later one, was accepted before."""
        spent = self._connection.execute(
            update(second_factors)
            .where(second_factors.c.user_id == user_id, second_factors.c.last_step < step)
            .values(last_step=step)
        )
        return bool(spent.rowcount)

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Accept and delete the code. False: there is no such code any more."""
        spent = self._connection.execute(
            delete(recovery_codes).where(
                recovery_codes.c.user_id == user_id, recovery_codes.c.code_hash == code_hash
            )
        )
        return bool(spent.rowcount)

    def remove(self, user_id: str) -> bool:
        """Delete the factor with its codes. False: there was none."""
        self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        removed = self._connection.execute(
            delete(second_factors).where(second_factors.c.user_id == user_id)
        )
        return bool(removed.rowcount)
