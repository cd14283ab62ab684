"""How likely each pair is among its rivals: against the sum over every way to pair, written out."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.matching.learned.fixed import odds_of, points_of, points_of_ratio
from tieout.matching.learned.rivals import candidates_of, odds_among_rivals

#: Pairs without a circle among them, for which exchanges among rivals come to the exact answer.
TREE = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 1), (3, 3)]


def by_hand(pairs: list[tuple[int, int]], points: list[int]) -> list[float]:
    """Give the odds of each pair: the weight of all pairings with it by that of all without."""
    odds = odds_of(np.array(points)).tolist()
    inside, whole = [0.0] * len(pairs), 0.0
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(range(len(pairs)), size):
            if len({pairs[n][0] for n in chosen}) < size or len({pairs[n][1] for n in chosen}) < size:
                continue
            weight = float(np.prod([odds[n] for n in chosen]))
            whole += weight
            for n in chosen:
                inside[n] += weight
    return [one / (whole - one) for one in inside]


def odds(pairs: list[tuple[int, int]], points: list[int], rounds: int = 40) -> list[float]:
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    found: list[float] = odds_among_rivals(candidates_of(left, right), np.array(points), rounds).tolist()
    return found


@given(st.lists(st.integers(-6000, 12_000), min_size=len(TREE), max_size=len(TREE)))
def test_the_odds_are_those_of_all_pairings_together(points: list[int]) -> None:
    assert odds(TREE, points) == pytest.approx(by_hand(TREE, points), rel=1e-2, abs=1e-4)


def test_of_two_equal_answers_neither_is_more_likely_than_not() -> None:
    first, second = odds([(0, 0), (0, 1)], [20_000, 20_000])
    assert first == second < 1.01
    circle = odds([(0, 0), (0, 1), (1, 0), (1, 1)], [20_000] * 4, 400)
    assert len(set(circle)) == 1
    assert circle[0] < 1.01


def test_a_rival_that_has_a_better_partner_is_hardly_one() -> None:
    alone = odds([(0, 0), (0, 1)], [10_000, 9_000])
    taken = odds([(0, 0), (0, 1), (1, 1)], [10_000, 9_000, 20_000])
    assert taken[0] > 100 * alone[0]


@given(st.permutations(range(len(TREE))), st.lists(st.integers(-9000, 30_000), min_size=6, max_size=6))
def test_the_order_of_pairs_changes_nothing(order: list[int], points: list[int]) -> None:
    before = odds(TREE, points, 7)
    after = odds([TREE[n] for n in order], [points[n] for n in order], 7)
    assert after == [before[n] for n in order]


def test_points_are_whole_and_a_thousand_double_the_odds() -> None:
    assert [points_of_ratio(*pair) for pair in ((1, 1), (2, 1), (1, 8), (3, 2), (10**30, 1))] == [
        *(0, 1000, -3000, 585),
        99_658,
    ]
    every = np.arange(-20_000, 30_001)
    assert (points_of(odds_of(every)) == every).all()
    assert points_of(np.array([0.999999, 1.0, 1.0001])).tolist() == [-1, 0, 0]
