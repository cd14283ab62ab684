"""Runs of consecutive lines: against all runs, written out; one answer only where one chain of payouts fits."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.matching.pools.windows import Targets, Window, prefix_windows

SURE_MICRO = 10_000


def found_in(amounts: list[int], targets: list[int]) -> list[Window]:
    return prefix_windows(np.array(amounts, np.int64), Targets.anywhere(targets, len(amounts)))


def tilings(amounts: list[int], targets: list[int]) -> list[tuple[int, ...]]:
    """All ways to lay the targets end to end, as boundaries."""
    places = range(len(amounts) + 1)
    return [
        cut
        for cut in itertools.combinations(places, len(targets) + 1)
        if all(sum(amounts[a:b]) == target for (a, b), target in zip(itertools.pairwise(cut), targets, strict=True))
    ]


@settings(max_examples=examples(500))
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
    amounts = [1234, 1999, 4501, 731, 999, 12_000, 88, 317, 5_250]
    assert found_in(amounts, [1999 + 4501, 731 + 999 + 12_000, 88 + 317]) == [
        Window(outcome="unique", start=start, end=end, chain=3, lambda_micro=1)
        for start, end in ((1, 3), (3, 6), (6, 8))
    ]


def test_a_border_that_rests_on_one_side_is_not_certain_where_a_common_amount_stands_at_it() -> None:
    """The first payout could lack a line of 9.99 that we never saw, and have one of the payout before it instead."""
    amounts = [1234, 999, 4501, 731, 2_345, 12_000, 88, 317, 5_250, 999]
    found = found_in(amounts, [999 + 4501, 731 + 2_345 + 12_000, 88 + 317])
    assert [window.outcome for window in found] == ["ambiguous", "unique", "unique"]
    assert (found[0].start, found[0].end) == (1, 3)


def test_what_stands_between_payouts_is_passed_over() -> None:
    rng = np.random.default_rng(7)
    amounts = rng.integers(100, 90_000, 120).tolist()
    bounds = range(0, 121, 12)
    payouts = [sum(amounts[a:b]) for a, b in itertools.pairwise(bounds)]
    others = rng.integers(-400_000, 800_000, 60).tolist()
    targets = [n for k, payout in enumerate(payouts) for n in (*others[6 * k : 6 * k + 6], payout)]
    found = found_in(amounts, targets)
    assert [(w.start, w.end) for w in found[6::7]] == list(itertools.pairwise(bounds))
    assert {w.outcome for w in found[6::7]} == {"unique"}
    assert not any(w.outcome == "unique" for n, w in enumerate(found) if n % 7 != 6)


def test_two_accounts_whose_payouts_alternate_are_told_apart() -> None:
    rng = np.random.default_rng(8)
    mine, theirs = (rng.integers(100, 90_000, 60).tolist() for _ in range(2))
    sums = [[sum(own[n : n + 10]) for n in range(0, 60, 10)] for own in (mine, theirs)]
    targets = [n for pair in zip(*sums, strict=True) for n in pair]
    for place, own in enumerate((mine, theirs)):
        found = found_in(own, targets)
        assert [(w.start, w.end) for w in found[place::2]] == [(n, n + 10) for n in range(0, 60, 10)]
        assert {w.outcome for w in found[1 - place :: 2]} <= {"infeasible", "ambiguous"}


def test_payouts_of_one_day_may_stand_in_any_order() -> None:
    amounts = [1234, 999, 4501, 731, 1999, 12_000, 88, 317, 5_250]
    payouts = np.array([999 + 4501 + 1234, 88 + 317 + 5_250, 731 + 1999 + 12_000], np.int64)
    anywhere = Targets.anywhere(payouts, 9)
    found = prefix_windows(
        np.array(amounts, np.int64), Targets(payouts, np.array([4, 7, 7]), anywhere.first, anywhere.last)
    )
    assert [(w.outcome, w.start, w.end) for w in found] == [("unique", 0, 3), ("unique", 6, 9), ("unique", 3, 6)]
    later = prefix_windows(
        np.array(amounts, np.int64), Targets(payouts, np.array([4, 7, 8]), anywhere.first, anywhere.last)
    )
    assert [w.outcome for w in later] != ["unique"] * 3


def test_two_equal_targets_of_which_one_is_a_payout_are_ambiguous() -> None:
    amounts = [1234, 999, 4501, 731, 1999, 12_000, 88, 317, 5_250]
    found = found_in(amounts, [999 + 4501 + 1234, 731 + 1999, 731 + 1999, 12_000 + 88 + 317 + 5_250])
    assert [window.outcome for window in found] == ["unique", "ambiguous", "ambiguous", "unique"]


def test_an_equal_target_that_could_have_the_same_lines_makes_both_ambiguous() -> None:
    """Somebody else's money of just this amount came before the payout, and stood in no chain that was followed."""
    rng = np.random.default_rng(9)
    amounts = rng.integers(100, 90_000, 60)
    payouts = [int(amounts[n : n + 10].sum()) for n in range(0, 60, 10)]
    day = np.array([0, 1, 2, 2, 3, 4, 5])
    zeros = np.zeros(7, np.int64)
    targets = np.array([*payouts[:2], payouts[2], payouts[2], *payouts[3:]], np.int64)
    found = prefix_windows(amounts, Targets(targets, day, zeros, zeros + 60))
    assert [window.outcome for window in found] == ["unique"] * 2 + ["ambiguous"] * 2 + ["unique"] * 3


def test_lines_that_could_not_belong_to_a_payout_are_left_out() -> None:
    amounts = np.array([1234, 999, 4501, 731, 1999, 12_000], np.int64)
    payouts = np.array([1234 + 999 + 4501, 731 + 1999 + 12_000], np.int64)
    day = np.array([1, 2])
    for last, outcomes in (([3, 6], {"unique"}), ([3, 5], {"unique", "infeasible"})):
        found = prefix_windows(amounts, Targets(payouts, day, np.array([0, 3]), np.array(last)))
        assert {window.outcome for window in found} == outcomes


def test_single_lines_of_a_price_are_no_chain() -> None:
    """Other customers transfer the prices that these ones paid by card, one after the other."""
    found = found_in([1234, 999, 4501, 731, 1999, 12_000], [999, 4501, 731])
    assert {window.outcome for window in found} == {"ambiguous"}


def test_two_runs_that_fit_are_ambiguous() -> None:
    assert [window.outcome for window in found_in([500, 700, 500, 700], [1200])] == ["ambiguous"]
    assert [window.outcome for window in found_in([500, 700, 500], [1200])] == ["ambiguous"]
    assert [window.outcome for window in found_in([50_101, 70_000, 50_303], [120_303])] == ["unique"]


def test_lines_that_sum_to_zero_belong_to_neither_side_for_sure() -> None:
    found = found_in([1234, 999, -999, 4501, 77], [1234, 4501])
    assert [window.outcome for window in found] == ["ambiguous", "ambiguous"]


def test_a_payout_without_a_run_breaks_the_chain_and_the_rest_is_found() -> None:
    rng = np.random.default_rng(4)
    amounts = rng.integers(100, 90_000, 90)
    bounds = range(0, 91, 10)
    targets = [int(amounts[a:b].sum()) for a, b in itertools.pairwise(bounds)]
    targets[4] += 1
    found = found_in(amounts.tolist(), targets)
    assert [window.outcome for window in found] == ["unique"] * 4 + ["infeasible"] + ["unique"] * 4
    assert [window.chain for window in found] == [4] * 4 + [0] + [4] * 4
    # Where a line of the broken payout costs what others cost, its neighbours could have the wrong one.
    amounts[40] = amounts[50] = amounts[77]
    targets = [int(amounts[a:b].sum()) for a, b in itertools.pairwise(bounds)]
    targets[4] += 1
    found = found_in(amounts.tolist(), targets)
    assert [window.outcome for window in found] == (
        ["unique"] * 3 + ["ambiguous", "infeasible", "ambiguous"] + ["unique"] * 3
    )


def test_what_may_be_an_accident_does_not_say_where_the_next_begins() -> None:
    rng = np.random.default_rng(4)
    amounts = rng.integers(100, 9000, 2000)
    runs = [(1500, 1510), (0, 10), (10, 20), (20, 30), (30, 40)]
    found = found_in(amounts.tolist(), [int(amounts[a:b].sum()) for a, b in runs])
    assert found[0].lambda_micro > SURE_MICRO
    assert [(window.outcome, window.start, window.end) for window in found[2:4]] == [
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
    found = prefix_windows(amounts, Targets.anywhere([10**6, 3], 100), operations_max=150)
    assert [window.outcome for window in found] == ["undecided", "undecided"]


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
    number = np.arange(2000)
    # Ten payouts' lines at most wait for theirs; without that, whatever comes later could go on from anywhere.
    lines = Targets(targets, number, np.maximum(shifted[:-1] - 5_000, 0), shifted[1:])
    begin = time.process_time()
    found = prefix_windows(amounts[kept], lines)
    taken = time.process_time() - begin
    # Measured: 0.4 s of processor, and next to nothing for a break.
    assert taken < 4 + 0.2 * missing
    unique = [
        (place, window)
        for place, window in enumerate(found)
        if window.outcome == "unique" and window.lambda_micro <= SURE_MICRO
    ]
    assert all((window.start, window.end) == (shifted[place], shifted[place + 1]) for place, window in unique)
    assert len(unique) >= 2000 - 4 * missing - 40


def test_prices_gaps_and_strangers_who_pay_what_payouts_are_mislead_hardly_ever() -> None:
    """Lines of a price list or not, refunds, round amounts, missing lines, and beside them other people's money."""
    right = wrong = 0
    for seed in range(80):
        amounts, targets, truth = _adverse(np.random.default_rng(seed))
        for window, run in zip(prefix_windows(amounts, targets), truth, strict=True):
            found = window.outcome == "unique"
            right += found and (window.start, window.end) == run
            wrong += found and (window.start, window.end) != run
    # Of 3,000 such worlds: 11,193 right, 7 wrong, 38,773 left to a person.
    assert wrong * 500 <= right
    assert right > 100


def _adverse(rng: np.random.Generator) -> tuple[np.ndarray, Targets, list[tuple[int, int] | None]]:
    """Draw the lines of an account, what stands on the bank's statement, and which lines each of it really is."""
    lines, prices = int(rng.integers(20, 400)), np.array([999, 1999, 2900, 4900, 9900, 14900])
    amounts = np.exp(rng.normal(8.3, 1.1, lines)).astype(np.int64) + 50
    share = rng.choice([0, 0.35, 0.8, 1.0])
    amounts = np.where(rng.random(lines) < share, prices[rng.integers(0, 6, lines)], amounts)
    amounts = np.where(rng.random(lines) < rng.choice([0, 0.08]), -amounts, amounts)
    amounts = amounts // 100 * 100 + 100 if rng.random() < 0.3 else amounts
    number = int(rng.integers(2, max(3, lines // int(rng.integers(2, 15)))))
    cuts = np.sort(rng.choice(lines + 1, min(number, lines), replace=False)).tolist()
    kept = np.ones(lines, np.bool_)
    if rng.random() < 0.7:
        kept[rng.choice(lines, int(rng.integers(0, max(1, lines // 25) + 1)), replace=False)] = False
    place, day = np.concatenate(([0], np.cumsum(kept))), np.arange(lines) // 4
    said: list[tuple[int, int, tuple[int, int] | None]] = [
        (int(day[b - 1] + rng.integers(1, 3)), int(amounts[a:b].sum()),
         (int(place[a]), int(place[b])) if kept[a:b].all() else None)
        for a, b in itertools.pairwise(cuts)
    ]  # fmt: skip
    for _ in range(int(rng.choice([0, 0, len(said), 5 * len(said)]))):
        paid = [int(prices[rng.integers(6)]), int(np.exp(rng.normal(9, 1.5))), said[rng.integers(len(cuts) - 1)][1]]
        said.append((int(rng.integers(0, day[-1] + 3)), paid[rng.integers(3)], None))
    said = sorted((said[n] for n in rng.permutation(len(said))), key=lambda one: one[0])
    days = np.array([one[0] for one in said])
    bounds = [np.searchsorted(day[kept], days - 10, "left"), np.searchsorted(day[kept], days, "right")]
    return amounts[kept], Targets(np.array([one[1] for one in said]), days, *bounds), [one[2] for one in said]
