"""What the database says, in the words of schemas.errors, and without the values it quotes."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.errors import BadInput, Conflict, Retryable

T = TypeVar("T", bound=BaseException)
DATABASE_ERRORS = (DBAPIError, PoolTimeout)
TOO_LONG = "54000"
"""program_limit_exceeded: here, a text longer than an index takes (PostgreSQL manual, appendix A)."""
REMEDY = "Check that the disk has room and can be written, then try again."


class Unstorable(BadInput, ValueError):
    """A value that the database cannot hold: NUL in a text, a number out of range, a name that is
    too long. ValueError for the pipeline, which makes a dead letter of the record."""


def translated(error: BaseException, remedy: str = REMEDY) -> BaseException:
    """The error that a caller of the store sees; what is no database error stays what it is.

    A database quotes values ("Key (value)=(…) already exists"): such an error is named by its
    constraint or code and never chained, so that no traceback shows them.
    """
    if isinstance(error, IntegrityError):
        return _bare(
            Conflict(
                f"it contradicts what is stored{_named(error)}",
                place="store",
                remedy="Reload and look again.",
            )
        )
    if isinstance(error, DataError) or code_of(error) == TOO_LONG:
        return _bare(
            Unstorable(
                f"a value cannot be stored{_named(error)}",
                place="store",
                remedy="Take out characters that cannot be shown and shorten what is very long.",
            )
        )
    return refusal(error, remedy) if isinstance(error, DATABASE_ERRORS) else error


def refusal(cause: BaseException | None, remedy: str = REMEDY) -> Retryable:
    """The database refused for now."""
    refused = Retryable(
        f"the database refused{_named(cause)}; nothing of this act was written",
        place="store",
        remedy=remedy,
    )
    if not isinstance(cause, SQLAlchemyError) or code_of(cause) is None:
        refused.__cause__ = cause
        return refused
    return _bare(refused)


def code_of(error: BaseException | None) -> str | None:
    """PostgreSQL's five-character SQLSTATE; None where there is none (SQLite, a lost connection)."""
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    return None if code is None else str(code)


def _named(error: BaseException | None) -> str:
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or code_of(error)
    return f" ({name})" if name else ""


def _bare(error: T) -> T:
    error.__suppress_context__ = True
    return error
