"""The best assignment: against all assignments, written out; a pair is sure only if every best one has it."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.matching.pools.assignment import Assignment, Pair, assign

Pairs = frozenset[tuple[int, int]]


def written_out(scores: npt.NDArray[np.int64]) -> dict[Pairs, int]:
    """Every assignment with its total."""
    rows, columns = scores.shape
    found: dict[Pairs, int] = {frozenset(): 0}
    for row in range(rows):
        for pairs, total in list(found.items()):
            taken = {column for _, column in pairs}
            for column in range(columns):
                if column not in taken and scores[row, column] > 0:
                    found[pairs | {(row, column)}] = total + int(scores[row, column])
    return found


@st.composite
def scores(draw: st.DrawFn) -> npt.NDArray[np.int64]:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    most = draw(st.sampled_from([2, 5, 100]))
    values = st.lists(st.integers(-2, most), min_size=rows * columns, max_size=rows * columns)
    return np.array(draw(values), np.int64).reshape(rows, columns)


@settings(max_examples=examples(1000))
@given(scores=scores())
def test_every_answer_is_what_all_assignments_say(scores: npt.NDArray[np.int64]) -> None:
    found, everything = assign(scores), written_out(scores)
    best = max(everything.values())
    if not best:
        assert found == Assignment(outcome="infeasible")
        return
    optimal = [pairs for pairs, total in everything.items() if total == best]
    assert found.total == best
    assert frozenset((pair.row, pair.column) for pair in found.pairs) in optimal
    assert (found.outcome == "unique") == (len(optimal) == 1)
    for pair in found.pairs:
        without = max(total for pairs, total in everything.items() if (pair.row, pair.column) not in pairs)
        assert pair.margin == best - without


@given(scores=scores(), seed=st.integers(0, 9))
def test_the_order_of_rows_and_columns_does_not_matter(scores: npt.NDArray[np.int64], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(scores.shape[0]), rng.permutation(scores.shape[1])
    straight, shuffled = assign(scores), assign(scores[rows][:, columns])
    assert (straight.outcome, straight.total) == (shuffled.outcome, shuffled.total)
    sure = {(pair.row, pair.column, pair.margin) for pair in straight.pairs if pair.margin}
    assert sure == {(rows[pair.row], columns[pair.column], pair.margin) for pair in shuffled.pairs if pair.margin}


def test_a_greedy_choice_is_not_the_best() -> None:
    found = assign(np.array([[10, 9], [9, 0]], np.int64))
    assert (found.outcome, found.total, found.pairs) == ("unique", 18, (Pair(0, 1, 8), Pair(1, 0, 8)))


def test_a_tie_is_ambiguous_and_the_rest_is_sure() -> None:
    found = assign(np.array([[7, 7, 0], [7, 7, 0], [0, 0, 5]], np.int64))
    assert (found.outcome, found.total) == ("ambiguous", 19)
    assert [pair.margin for pair in found.pairs] == [0, 0, 5]


def test_limits() -> None:
    assert assign(np.zeros((0, 3), np.int64)) == Assignment(outcome="infeasible")
    assert assign(np.array([[1 << 40]], np.int64)) == Assignment(outcome="undecided")
    assert assign(np.ones((300, 300), np.int64)) == Assignment(outcome="undecided")
    assert assign(np.ones((2, 2), np.int64), operations_max=63) == Assignment(outcome="undecided")
    assert assign(np.ones((2, 2), np.int64), operations_max=64).total == 2


@pytest.mark.parametrize("size", [1, 60])
def test_a_hidden_assignment_is_found(size: int) -> None:
    rng = np.random.default_rng(size)
    hidden = rng.permutation(size)
    values = rng.integers(0, 50, (size, size))
    values[np.arange(size), hidden] = 60
    found = assign(values.astype(np.int64))
    assert [pair.column for pair in found.pairs] == hidden.tolist()
    assert found.outcome == "unique"
    assert min(pair.margin for pair in found.pairs) >= 20 or size == 1
