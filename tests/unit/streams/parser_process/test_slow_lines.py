from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.parser_process.slow_lines import ALLOWED, SlowLines

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OF = ("mail", "linux_sshd")


def after(*lengths: int) -> SlowLines:
    lines = SlowLines()
    for length in lengths:
        lines.note(OF, length, NOON)
    return lines


def test_nothing_is_set_aside_before_the_allowance_is_used() -> None:
    lines = after(*[100] * (ALLOWED - 1))

    assert not lines.should_set_aside(OF, 10_000, NOON)
    assert lines.note(OF, 100, NOON)
    assert lines.should_set_aside(OF, 10_000, NOON)
    assert not lines.note(OF, 100, NOON)


def test_only_lines_half_as_long_as_the_shortest_are_set_aside() -> None:
    lines = after(*[8_000] * ALLOWED, 4_000)

    assert [lines.should_set_aside(OF, length, NOON) for length in (1_999, 2_000)] == [False, True]


def test_other_sources_and_parsers_are_tried() -> None:
    lines = after(*[100] * ALLOWED)

    assert not lines.should_set_aside(("web", "linux_sshd"), 100, NOON)
    assert not lines.should_set_aside(("mail", "nginx_access"), 100, NOON)


def test_what_another_knows_goes_on() -> None:
    lines = SlowLines(after(*[100] * ALLOWED).get_known())

    assert lines.should_set_aside(OF, 100, NOON + timedelta(minutes=10))
    assert not lines.should_set_aside(OF, 100, NOON + timedelta(minutes=10, seconds=1))


@given(st.lists(st.integers(1, 4 * 1024 * 1024)))
def test_whoever_chooses_the_lengths_gets_a_line_tried_a_bounded_number_of_times(
    lengths: list[int],
) -> None:
    """Each line that is tried is slow: the worst that a sender can do."""
    lines, tried = SlowLines(), 0
    for length in [*lengths, *range(4 * 1024 * 1024, 0, -4_001)]:
        if not lines.should_set_aside(OF, length, NOON):
            lines.note(OF, length, NOON)
            tried += 1

    assert tried <= ALLOWED + 23
