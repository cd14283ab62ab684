"""Runs of consecutive lines: against all runs, written out; one answer only where one chain of payouts fits."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.matching.pools.windows import Window, prefix_windows

SURE_MICRO = 10_000


def found_in(amounts: list[int], targets: list[int]) -> list[Window]:
    return prefix_windows(np.array(amounts, np.int64), np.array(targets, np.int64))


def tilings(amounts: list[int], targets: list[int]) -> list[tuple[int, ...]]:
    """All ways to lay the targets end to end, as boundaries."""
    places = range(len(amounts) + 1)
    return [
        cut
        for cut in itertools.combinations(places, len(targets) + 1)
        if all(sum(amounts[a:b]) == target for (a, b), target in zip(itertools.pairwise(cut), targets, strict=True))
    ]


@settings(max_examples=500)
@given(
    amounts=st.lists(st.integers(-3, 12), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), min_size=2, max_size=5, unique=True),
    off=st.sampled_from([0, 0, 1]),
)
def test_a_unique_run_is_in_every_way_to_lay_the_payouts(amounts: list[int], cuts: list[int], off: int) -> None:
    bounds = sorted(min(cut, len(amounts)) for cut in cuts)
    targets = [sum(amounts[a:b]) for a, b in itertools.pairwise(bounds)]
    targets[-1] += off
    found = found_in(amounts, targets)
    assert len(found) == len(targets)
    for window, target in zip(found, targets, strict=True):
        if window.outcome == "unique":
            assert sum(amounts[window.start : window.end]) == target
            assert window.start < window.end
    ways = tilings(amounts, targets)
    if ways and found[0].chain == len(targets):
        for number, window in enumerate(found):
            if window.outcome == "unique":
                assert {(way[number], way[number + 1]) for way in ways} == {(window.start, window.end)}
    if not ways:
        assert any(window.outcome != "unique" for window in found)


def test_payouts_that_tile_are_found() -> None:
    amounts = [1234, 999, 4501, 731, 999, 12_000, 88, 317, 5_250]
    assert found_in(amounts, [999 + 4501, 731 + 999 + 12_000, 88 + 317]) == [
        Window(outcome="unique", start=start, end=end, chain=3, lambda_micro=1)
        for start, end in ((1, 3), (3, 6), (6, 8))
    ]


def test_two_runs_that_fit_are_ambiguous() -> None:
    assert [window.outcome for window in found_in([500, 700, 500, 700], [1200])] == ["ambiguous"]
    assert [window.outcome for window in found_in([500, 700, 500], [1200])] == ["ambiguous"]
    assert [window.outcome for window in found_in([501, 700, 503], [1203])] == ["unique"]


def test_lines_that_sum_to_zero_belong_to_neither_side_for_sure() -> None:
    found = found_in([1234, 999, -999, 4501, 77], [1234, 4501])
    assert [window.outcome for window in found] == ["ambiguous", "ambiguous"]


def test_a_payout_without_a_run_breaks_the_chain_and_the_rest_is_found() -> None:
    rng = np.random.default_rng(4)
    amounts = rng.integers(100, 90_000, 60)
    bounds = [0, 10, 20, 30, 40, 50, 60]
    targets = [int(amounts[a:b].sum()) for a, b in itertools.pairwise(bounds)]
    targets[2] += 1
    found = found_in(amounts.tolist(), targets)
    # The neighbours of the break are supported on one side only: a payout with a line too many or too few could have
    # shifted their boundary.
    assert [window.outcome for window in found] == [
        "unique", "ambiguous", "infeasible", "ambiguous", "unique", "unique",
    ]  # fmt: skip
    assert [(window.start, window.end) for window in found if window.outcome == "unique"] == [
        (0, 10),
        (40, 50),
        (50, 60),
    ]


def test_what_may_be_an_accident_does_not_say_where_the_next_begins() -> None:
    rng = np.random.default_rng(4)
    amounts = rng.integers(100, 9000, 2000)
    runs = [(1500, 1510), (0, 10), (10, 20), (20, 30)]
    found = found_in(amounts.tolist(), [int(amounts[a:b].sum()) for a, b in runs])
    assert found[0].lambda_micro > SURE_MICRO
    assert [(window.outcome, window.start, window.end) for window in found[2:]] == [
        ("unique", 10, 20),
        ("unique", 20, 30),
    ]


def test_equal_prices_fit_anywhere() -> None:
    assert {window.outcome for window in found_in([999] * 30, [9990, 9990])} == {"ambiguous"}


def test_one_payout_among_many_lines_is_expected_by_accident() -> None:
    rng = np.random.default_rng(4)
    few, many = rng.integers(100, 9000, 20), rng.integers(100, 9000, 20_000)
    assert found_in(few.tolist(), [int(few[5:12].sum())])[0].lambda_micro < SURE_MICRO
    assert found_in(many.tolist(), [int(many[5:12].sum())])[0].lambda_micro > SURE_MICRO


def test_limits() -> None:
    assert found_in([], [5]) == [Window(outcome="infeasible")]
    assert found_in([5], []) == []
    assert found_in([5], [0]) == [Window(outcome="infeasible")]
    assert found_in([2**61, 2**61], [5]) == [Window(outcome="undecided")]
    amounts = np.arange(1, 101, dtype=np.int64)
    found = prefix_windows(amounts, np.array([10**6, 3], np.int64), operations_max=150)
    assert [window.outcome for window in found] == ["infeasible", "undecided"]


@pytest.mark.parametrize("missing", [0, 20])
def test_a_million_lines_and_two_thousand_payouts(missing: int) -> None:
    rng = np.random.default_rng(11)
    amounts = np.exp(rng.normal(8.3, 1.1, 1_000_000)).astype(np.int64) + 50
    prices = np.array([999, 1999, 2900, 4900, 9900, 14900])
    amounts = np.where(rng.random(len(amounts)) < 0.35, prices[rng.integers(0, 6, len(amounts))], amounts)
    amounts = np.where(rng.random(len(amounts)) < 0.06, -amounts, amounts)
    bounds = 137 + np.concatenate(([0], np.cumsum(rng.integers(400, 590, 2000))))
    assert bounds[-1] <= len(amounts)
    sums = np.concatenate(([0], np.cumsum(amounts)))
    targets = sums[bounds[1:]] - sums[bounds[:-1]]
    kept = np.ones(len(amounts), bool)
    kept[rng.choice(bounds[-1], missing, replace=False)] = False
    shifted = np.concatenate(([0], np.cumsum(kept)))[bounds]
    begin = time.process_time()
    found = prefix_windows(amounts[kept], targets)
    taken = time.process_time() - begin
    # Measured: 0.2 s of processor, and 0.05 s more for every break.
    assert taken < 4 + 0.2 * missing
    unique = [
        (number, window)
        for number, window in enumerate(found)
        if window.outcome == "unique" and window.lambda_micro <= SURE_MICRO
    ]
    assert all((window.start, window.end) == (shifted[number], shifted[number + 1]) for number, window in unique)
    assert len(unique) >= 2000 - 4 * missing - 40
