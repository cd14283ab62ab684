"""Draws are functions of the seed, written down here once and for all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tieout.simulation._draws import Draws


def test_a_stream_stays_what_it_is() -> None:
    draws = Draws(7, "here")
    assert [draws.one(0, 999) for _ in range(5)] == FIRST
    assert Draws(7, "here").many(0, 999, 5).tolist() == FIRST
    assert Draws(7, "there").many(0, 999, 5).tolist() != FIRST
    assert Draws(8, "here").many(0, 999, 5).tolist() != FIRST


FIRST = [410, 501, 22, 954, 725]


@given(st.integers(0, 2**64), st.integers(1, 50), st.integers(0, 60))
def test_one_by_one_and_many_at_once_are_the_same(seed: int, first: int, more: int) -> None:
    both, single = Draws(seed, "x"), Draws(seed, "x")
    many = np.concatenate([both.many(-5, 5, first), both.many(0, 10**12, more)]).tolist()
    assert many == [single.one(-5, 5) for _ in range(first)] + [single.one(0, 10**12) for _ in range(more)]


@given(st.integers(0, 2**32), st.integers(1, 400), st.data())
def test_some_are_different_and_within(seed: int, of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    found = Draws(seed, "x").some(of, count).tolist()
    assert len(set(found)) == len(found) == count
    assert all(0 <= place < of for place in found)


def test_weights_decide_how_often() -> None:
    counts = np.bincount(Draws(1, "x").weighted((70, 0, 30), 10_000), minlength=3).tolist()
    assert counts[1] == 0
    assert 6_800 < counts[0] < 7_200
