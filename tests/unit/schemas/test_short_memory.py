"""What is kept of people's words goes after minutes."""

from __future__ import annotations

from schemas.short_memory import LONGEST_SECONDS, remember_for_minutes


def test_a_result_is_computed_once_and_again_after_ten_minutes() -> None:
    seconds, results = [0.0], []

    @remember_for_minutes(8, clock=lambda: seconds[0])
    def shout(word: str) -> str:
        results.append(word)
        return word.upper()

    assert [shout("jo"), shout("jo")] == ["JO", "JO"]
    assert results == ["jo"]

    seconds[0] = LONGEST_SECONDS + 1
    shout("kit")
    shout("jo")

    assert results == ["jo", "kit", "jo"]
