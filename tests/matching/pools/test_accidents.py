"""A unique answer says how likely it is an accident, and where prices come in steps that is seldom little."""

from collections.abc import Callable

import numpy as np
import pytest

from tieout.matching.pools._accidents import steps_shown
from tieout.matching.pools.subset import subset_sum

Drawn = Callable[[np.random.Generator, int], np.ndarray]
GATE_MICRO = 10_000


def steps(step: int, off: int, most: int) -> Drawn:
    return lambda rng, count: rng.integers(1, most + 1, count) * step + off


def mixed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Half of the amounts are prices, half have any cents."""
    prices, any_cents = steps(1_000, -1, 300)(rng, count), rng.integers(1_00, 3_000_00, count)
    return np.where(rng.random(count) < 0.5, prices, any_cents)


FAMILIES: dict[str, Drawn] = {
    "whole": steps(1_00, 0, 500),
    "x.99": steps(1_00, -1, 300),
    "rounded to 0.05": steps(5, 0, 8_000),
    "10.00 - 1.00": steps(10_00, -1_00, 60),
    "100.00 - 1.00": steps(100_00, -1_00, 60),
    "100.00 - 1.00, large": steps(100_00, -1_00, 1_000),
    "tens with 19 %": steps(11_90, 0, 500),
    "all about 100.00": lambda rng, count: rng.integers(99_00, 101_01, count),
    "prices and others": mixed,
    "three endings": lambda rng, count: rng.integers(1, 500, count) * 10_00 - rng.choice([1, 5, 51], count),
}


def accepted(amounts: np.ndarray, target: int) -> bool:
    verdict = subset_sum(amounts.astype(np.int64), target)
    return verdict.outcome == "unique" and not verdict.interchangeable and verdict.lambda_micro <= GATE_MICRO


@pytest.mark.parametrize("family", FAMILIES)
def test_what_others_would_pay_is_hardly_ever_found_in_a_pool(family: str) -> None:
    """The line pays items that are not in the pool, of the same prices: of a hundred, about one may be taken for ours."""
    rng = np.random.default_rng(list(FAMILIES).index(family))
    drawn = FAMILIES[family]
    tried = [(drawn(rng, count), int(drawn(rng, paid).sum())) for count in (3, 6, 9) for paid in (1, 2, 3) * 25]
    wrong = sum(accepted(amounts, target) for amounts, target in tried)
    assert wrong <= 5  # of 225; 2 are expected at the gate


def test_two_invoices_of_a_price_list_are_no_evidence() -> None:
    """The smallest case of a reviewer's 57 wrong matches among 400 customers."""
    prices = [3_699_00, 4_999_00, 1_799_00, 499_00, 2_899_00, 2_099_00]
    verdict = subset_sum(np.array(prices, np.int64), 1_799_00 + 2_899_00)
    assert verdict.solutions == ((2, 4),)
    assert verdict.lambda_micro > GATE_MICRO


@pytest.mark.parametrize("paid", [[1_234_57, 7_654_31], [1_234_57, 7_654_31, 2_400_11], [1_234_57]])
def test_everything_together_is_one_hypothesis(paid: list[int]) -> None:
    assert subset_sum(np.array(paid, np.int64), sum(paid)).lambda_micro < 100


def test_everything_of_many_is_no_accident_though_much_lies_near() -> None:
    amounts = np.random.default_rng(3).integers(1_00, 2_000_00, 24)
    assert accepted(amounts, int(amounts.sum()))
    assert not accepted(amounts, int(amounts[:9].sum()))


def test_everything_of_a_price_list_may_be_one() -> None:
    assert not accepted(np.array([2_899_00, 1_799_00]), 4_698_00)


def test_steps_are_those_that_amounts_show() -> None:
    def shown(*amounts: int) -> list[int]:
        return steps_shown(np.array(sorted(amounts), np.int64))

    assert {10_00, 1_00, 5} <= set(shown(9_99, 29_99, 69_99, 159_99))
    assert {11_90} <= set(shown(11_90, 35_70, 83_30))
    assert {10_00} <= set(shown(9_99, 29_99, 69_99, 159_99, 43_17))  # one other does not hide it
    assert {10_00} <= set(shown(9_99, 29_99, 69_49, 159_49))  # nor do two endings
    assert max(shown(12_34, 45_67, 78_12, 33_91)) < 20
    assert shown(5_00) == [5_00, 2_50, 1_00, 50, 25, 20]
    assert shown(5_000_00)[0] == 10_00
    assert shown(12_34) == shown() == []


@pytest.mark.parametrize(("amount", "sure"), [(5_000_00, True), (1_234_57, True), (123_45, True), (100_00, False)])
def test_who_has_one_thing_open_and_pays_just_that_pays_it_unless_it_is_a_price(amount: int, *, sure: bool) -> None:
    assert accepted(np.array([amount]), amount) == sure
