"""What levels are worth, learned without answers, held against what the worlds were drawn with."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.matching.learned.fixed import points_of_ratio
from tieout.matching.learned.rivals import candidates_of
from tieout.matching.learned.weights import Compared, Learned, learn

#: How often pairs that belong together, and others, have each level of four things.
TOGETHER = ((80, 15, 5), (60, 30, 10), (70, 20, 10), (75, 20, 5))
APART = ((1, 4, 95), (2, 18, 80), (1, 9, 90), (1, 9, 90))
SIZE = 300


def drawn(seed: int, paired: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Compared]]:
    """Draw all pairs of two sides, of which the first ``paired`` of each belong together."""
    entropy = np.random.default_rng(seed)
    left, right = (side.ravel() for side in np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij"))
    belongs = (left == right) & (left < paired)
    compared = []
    for number, (of_pairs, of_others) in enumerate(zip(TOGETHER, APART, strict=True)):
        drawn_levels = [entropy.choice(3, len(left), p=np.array(odds) / 100) for odds in (of_pairs, of_others)]
        level = np.where(belongs, *drawn_levels).astype(np.int64)
        names = ("alike", "less", "not")
        compared.append(Compared(f"thing {number}", names, level, np.bincount(level, minlength=3)))
    return left, right, compared


def learned(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], compared: list[Compared]) -> Learned:
    return learn(candidates_of(left, right), compared, (SIZE, SIZE), len(left))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_weights_are_those_the_world_was_drawn_with(seed: int) -> None:
    found = learned(*drawn(seed, 240))
    for own, of_pairs, of_others in zip(found.weights, TOGETHER, APART, strict=True):
        for points, m, u in zip(own, of_pairs, of_others, strict=True):
            # Four times what drawing 240 pairs scatters.
            assert points == pytest.approx(points_of_ratio(m, u), abs=4 * 1443 / (2.4 * m) ** 0.5)
    assert found.expected == pytest.approx(240, rel=0.1)


@pytest.mark.parametrize("seed", [4, 5])
def test_a_pair_is_as_likely_right_as_it_says(seed: int) -> None:
    left, right, compared = drawn(seed, 240)
    odds = learned(left, right, compared).odds
    assert odds is not None
    for least in (0.5, 0.9):
        sure = odds / (1 + odds) > least
        wrong = (left != right) | (left >= 240)
        expected = float((1 / (1 + odds[sure])).sum())
        assert abs(int((sure & wrong).sum()) - expected) < 4 * max(expected, 1) ** 0.5 + 1


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_of_two_sides_that_have_nothing_to_do_with_each_other_nothing_is_sure(seed: int) -> None:
    found = learned(*drawn(seed, 0))
    assert found.odds is None or (found.odds < 100).all()


@settings(max_examples=examples(10), deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_pairs_changes_not_a_bit(order: int) -> None:
    left, right, compared = drawn(9, 200)
    shuffled = np.random.default_rng(order).permutation(len(left))
    before = learned(left, right, compared)
    mixed = [Compared(one.what, one.names, one.level[shuffled], one.every) for one in compared]
    after = learned(left[shuffled], right[shuffled], mixed)
    assert (after.weights, after.beforehand, after.expected) == (before.weights, before.beforehand, before.expected)
    assert before.odds is not None
    assert after.odds is not None
    assert (after.odds == before.odds[shuffled]).all()


def test_what_says_nothing_is_no_evidence() -> None:
    left, right, compared = drawn(10, 240)
    silent = Compared("silent", ("alike", "not"), np.full(len(left), -1), np.zeros(2, np.int64))
    with_it, without = learned(left, right, [*compared, silent]), learned(left, right, compared)
    assert with_it.weights[:4] == without.weights
    assert with_it.odds is not None
    assert without.odds is not None
    assert (with_it.odds == without.odds).all()


def test_few_pairs_teach_nothing() -> None:
    left, right, compared = drawn(11, 240)
    few = (left < 40) & (right < 40)
    seen = [Compared(one.what, one.names, one.level[few], np.bincount(one.level[few], minlength=3)) for one in compared]
    found = learn(candidates_of(left[few], right[few]), seen, (40, 40), 1600)
    assert found.expected < 50
    assert found.odds is None


@pytest.mark.parametrize("seed", [12, 13, 14])
def test_a_few_pairs_among_many_things_make_no_accident_sure(seed: int) -> None:
    left, right, compared = drawn(seed, 20)
    odds = learned(left, right, compared).odds
    wrong = (left != right) | (left >= 20)
    assert odds is None or not (wrong & (odds > 999)).any()
