"""Verify the second factor: codes of an authenticator app (RFC 6238), and recovery codes for a lost
one.

A code is accepted once: the newest accepted time step is stored, and only a later one is taken.
A code is spent in the transaction of the act that it is for: if the act is refused, the code
remains unused."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b32encode
from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, NotProven
from schemas.settings import Settings
from schemas.user import Permission, SecondFactor, User

STEP_SECONDS = 30
DRIFT_STEPS = 1
"""A clock may be off by this many steps."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 bits: a plain hash of so much chance cannot be reversed."""
SECRET = re.compile("[A-Z2-7]{32}")
PLACE = "Code"
AGAIN = "Type the code that your authenticator app shows now."


def is_required(user: User, settings: Settings) -> bool:
    """Whether this account needs a second factor before it may release anything."""
    return Permission.APPROVER in user.permissions and not settings.demo


def generate_secret() -> str:
    """Generate 160 bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def is_secret(text: str) -> bool:
    """Whether `generate_secret` could have returned it."""
    return SECRET.fullmatch(text) is not None


def build_app_address(secret: str, account: str, issuer: str) -> str:
    """Build the `otpauth:` address that an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def enrol_factor(uow: UnitOfWork, user_id: str, secret: str, code: str, now: datetime) -> list[str]:
    """Put its owner's pending secret into force, proved by one code of it. Gives the recovery
    codes, which are stored as hashes and cannot be shown again. Raises BadInput for a wrong code,
    EditConflict when another secret is pending."""
    step = find_step(secret, code, now)
    if step is None:
        raise BadInput("this is not the app's present code", place=PLACE, remedy=AGAIN)
    codes = [_generate_recovery_code() for _ in range(RECOVERY_CODES)]
    hashes = [_hash_code(user_id, each) for each in codes]
    uow.second_factors.confirm(user_id, secret, step=step, code_hashes=hashes, at=now)
    uow.audit.record(
        at=now, actor=user_id, action=AuditAction.USER_SECOND_FACTOR_ENROLLED, subject=user_id
    )
    return codes


def use_code(uow: UnitOfWork, user_id: str, code: str, now: datetime) -> None:
    """Accept an app's code or a recovery code for this account, once. Raises NotProven for a wrong
    one, for one that was used before, and when the account has no second factor."""
    factor = uow.second_factors.get(user_id)
    if factor is None or factor.secret is None:
        raise NotProven("this account has no second factor", place=PLACE)
    typed = re.sub(r"[\s-]", "", code)
    if typed.isascii() and typed.isdigit():
        _use_step(uow, factor, typed, now)
    else:
        _use_recovery_code(uow, factor, typed, now)


def find_step(secret: str, code: str, now: datetime) -> int | None:
    """Find the code's time step, the present one or an adjacent one. None: it matches none."""
    app, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    typed = re.sub(r"\s", "", code)
    steps = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    matching = [step for step in steps if strings_equal(app.generate_otp(step), typed)]
    return max(matching, default=None)


def _use_step(uow: UnitOfWork, factor: SecondFactor, code: str, now: datetime) -> None:
    step = find_step(factor.secret or "", code, now)
    if step is None:
        raise NotProven("this is not the app's present code", place=PLACE, remedy=AGAIN)
    if not uow.second_factors.use_step(factor.user_id, step):
        raise NotProven(
            "this code was used already",
            place=PLACE,
            remedy="Wait until your authenticator app shows the next one, and type that.",
        )


def _use_recovery_code(uow: UnitOfWork, factor: SecondFactor, code: str, now: datetime) -> None:
    if not code or not uow.second_factors.use_recovery_code(
        factor.user_id, _hash_code(factor.user_id, code)
    ):
        raise NotProven("this is no code of this account", place=PLACE, remedy=AGAIN)
    uow.audit.record(
        at=now,
        actor=factor.user_id,
        action=AuditAction.USER_RECOVERY_CODE_USED,
        subject=factor.user_id,
        facts={"left": factor.recovery_codes - 1},
    )


def _generate_recovery_code() -> str:
    text = b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _hash_code(user_id: str, code: str) -> str:
    plain = re.sub(r"[\s-]", "", code).upper()
    return hashlib.sha256(f"{user_id}\x00{plain}".encode()).hexdigest()
