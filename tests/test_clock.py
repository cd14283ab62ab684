"""Time and randomness are handed in, and a test can hold them still."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.clock import Clock, Entropy, FixedClock, FixedEntropy, system_clock, system_entropy

MOMENT = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def test_every_clock_speaks_utc() -> None:
    clocks: list[Clock] = [system_clock, FixedClock(MOMENT)]
    assert all(clock.now().utcoffset() == dt.timedelta() for clock in clocks)


def test_the_system_clock_runs_and_never_measures_backwards() -> None:
    before, after = dt.datetime.now(dt.UTC), system_clock.monotonic()
    assert system_clock.now() >= before
    assert system_clock.monotonic() >= after


def test_a_fixed_clock_stands_still_until_told() -> None:
    clock = FixedClock(MOMENT)
    assert clock.now() == clock.now() == MOMENT
    clock.advance(dt.timedelta(minutes=90))
    assert clock.now() == MOMENT + dt.timedelta(minutes=90)
    assert clock.monotonic() == 5400


def test_a_clock_that_is_set_back_still_measures_forwards() -> None:
    clock = FixedClock(MOMENT)
    clock.advance(dt.timedelta(seconds=7))
    clock.set(MOMENT - dt.timedelta(days=1))
    assert clock.now() < MOMENT
    assert clock.monotonic() == 7


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a moment with a time zone, got 2026-10-31T12:00:00"):
        FixedClock(dt.datetime(2026, 10, 31, 12))  # noqa: DTZ001 - this is what must be refused
    with pytest.raises(ValueError, match="forwards"):
        FixedClock(MOMENT).advance(-dt.timedelta(seconds=1))


@given(st.lists(st.integers(1, 100), max_size=8), st.integers())
def test_equal_seeds_draw_equal_bytes_of_the_length_asked(counts: list[int], seed: int) -> None:
    one, two = FixedEntropy(seed), FixedEntropy(seed)
    drawn = [one.token_bytes(count) for count in counts]
    assert drawn == [two.token_bytes(count) for count in counts]
    assert [len(piece) for piece in drawn] == counts


def test_random_bytes_differ_and_have_a_limit() -> None:
    sources: list[Entropy] = [system_entropy, FixedEntropy()]
    for source in sources:
        assert source.token_bytes(16) != source.token_bytes(16)
        for count in (0, -1, 1025):
            with pytest.raises(ValueError, match="expected 1 to 1024 random bytes"):
                source.token_bytes(count)
