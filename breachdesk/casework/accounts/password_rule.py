"""Check passwords: long, and not among those that are guessed first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import Lock

from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it ships no types

from schemas.errors import BadInput
from schemas.settings import ProviderProfile
from schemas.user import User

SHORTEST = 12
LONGEST = 256
WEAKEST = 4
"""Of zxcvbn's scores 0 to 4: 4 means at least 10^10 guesses."""
READ_AT_MOST = 72
"""zxcvbn takes time with the square of the length and more: it sees the beginning only."""
EASY = "Three or four unrelated words do well, or one that a password manager makes."

_LOCK = Lock()
"""zxcvbn keeps the words of the present call in a dictionary that all calls share."""


def check_password(password: str, words: Iterable[str]) -> None:
    """Raise BadInput for a password that is too short, too long or easily guessed by somebody who
    knows `words`. Spaces and every character count; no kind of character is required."""
    if len(password) < SHORTEST:
        raise BadInput(f"shorter than {SHORTEST} characters", place="Password", remedy=EASY)
    if len(password) > LONGEST:
        raise BadInput(
            f"longer than {LONGEST} characters", place="Password", remedy="Take a shorter one."
        )
    with _LOCK:
        judged = zxcvbn(password[:READ_AT_MOST], user_inputs=list(words))
    if judged["score"] < WEAKEST:
        raise BadInput("too easy to guess", place="Password", remedy=EASY)


def list_known_words(user: User, profile: ProviderProfile) -> list[str]:
    """List words that an attacker of this account knows: its names, ours, and the product's."""
    texts = (
        user.id,
        user.name,
        profile.legal_name,
        profile.trading_name,
        profile.contact_name,
        profile.contact_email,
    )
    parts = (part for text in texts for part in re.split(r"[\W_]+", text) if len(part) > 2)
    return ["breachdesk", *texts, *parts]
