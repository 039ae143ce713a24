"""What is kept of people's words goes after minutes."""

from __future__ import annotations

from schemas.short_memory import LONGEST_SECONDS, remember_for_minutes


def test_a_result_is_computed_once_and_anew_after_ten_minutes() -> None:
    seconds, asked = [0.0], []

    @remember_for_minutes(8, clock=lambda: seconds[0])
    def shout(word: str) -> str:
        asked.append(word)
        return word.upper()

    assert [shout("jo"), shout("jo")] == ["JO", "JO"]
    assert asked == ["jo"]

    seconds[0] = LONGEST_SECONDS + 1
    shout("kit")
    shout("jo")

    assert asked == ["jo", "kit", "jo"]
