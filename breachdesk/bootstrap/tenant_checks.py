"""Check the credentials of Microsoft 365 tenants that are polled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate

from breachdesk.bootstrap.preflight_check import PreflightCheck
from schemas.polled_tenant import Microsoft365Settings
from schemas.private_files import UMASK

SOON = timedelta(days=30)


def check_tenants(
    tenants: Sequence[Microsoft365Settings], now: datetime
) -> Iterator[PreflightCheck]:
    """Check that each credential can be read, by its owner alone, and does not expire soon."""
    for tenant in tenants:
        file = tenant.certificate_file or tenant.secret_file
        assert file is not None
        problem = _find_file_problem(file)
        if problem is None and tenant.certificate_file:
            yield _check_certificate(tenant.source_name, tenant.certificate_file, now)
        else:
            yield PreflightCheck(
                what=tenant.source_name,
                passed=problem is None,
                finding=problem or "its secret can be read",
                remedy=f"Let only the user of BreachDesk read {file}." if problem else "",
            )


def _find_file_problem(file: Path) -> str | None:
    try:
        content = file.read_bytes()
    except OSError as error:
        return f"its credential cannot be read ({error.strerror})."
    if not content.strip():
        return "the file of its credential is empty."
    return "other users may read its credential." if file.stat().st_mode & UMASK else None


def _check_certificate(name: str, file: Path, now: datetime) -> PreflightCheck:
    try:
        expires = load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except ValueError:
        return PreflightCheck(
            what=name,
            passed=False,
            finding="the file holds no certificate.",
            remedy=f"Write the private key and the certificate, as PEM, into {file}.",
        )
    is_old = expires - now < SOON
    return PreflightCheck(
        what=name,
        passed=expires > now,
        warning=is_old,
        finding=f"its certificate {'expires' if expires > now else 'expired'} on {expires:%d %B %Y}",
        remedy="Make a new one, and upload it to the app registration." if is_old else "",
    )
