"""Translate database errors to schemas.errors, without the values that they quote."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.errors import BadInput, EditConflict, RetryableError

T = TypeVar("T", bound=BaseException)
DATABASE_ERRORS = (DBAPIError, PoolTimeout)
TOO_LONG = "54000"
"""program_limit_exceeded: here, a text longer than an index takes (PostgreSQL manual, appendix
A)."""
REMEDY = "Check that the disk has room and can be written, then try again."


class UnstorableValue(BadInput, ValueError):
    """A value that the database cannot hold: NUL in a text, a number out of range, a name that is
    too long. ValueError for the pipeline, which makes a dead letter of the record."""


def translate_error(error: BaseException, remedy: str = REMEDY) -> BaseException:
    """Return the error that the store raises; an error of no database is returned unchanged.

    A database quotes values ("Key (value)=(…) already exists"): such an error is named by its
    constraint or code and never chained, so that no traceback shows them."""
    if isinstance(error, IntegrityError):
        return _hide_context(
            EditConflict(
                f"it contradicts what is stored{_format_code(error)}",
                place="store",
                remedy="Reload and look again.",
            )
        )
    if isinstance(error, DataError) or find_sqlstate(error) == TOO_LONG:
        return _hide_context(
            UnstorableValue(
                f"a value cannot be stored{_format_code(error)}",
                place="store",
                remedy="Take out characters that cannot be shown and shorten what is very long.",
            )
        )
    return build_refusal(error, remedy) if isinstance(error, DATABASE_ERRORS) else error


def build_refusal(cause: BaseException | None, remedy: str = REMEDY) -> RetryableError:
    """Build the error for a temporary refusal."""
    refused = RetryableError(
        f"the database refused{_format_code(cause)}; nothing of this act was written",
        place="store",
        remedy=remedy,
    )
    if not isinstance(cause, SQLAlchemyError) or find_sqlstate(cause) is None:
        refused.__cause__ = cause
        return refused
    return _hide_context(refused)


def find_sqlstate(error: BaseException | None) -> str | None:
    """Return PostgreSQL's five-character SQLSTATE, or None (SQLite, a lost connection)."""
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    return None if code is None else str(code)


def _format_code(error: BaseException | None) -> str:
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or find_sqlstate(error)
    return f" ({name})" if name else ""


def _hide_context(error: T) -> T:
    error.__suppress_context__ = True
    return error
