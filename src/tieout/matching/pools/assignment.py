"""
Which pairs belong together where several things compete: the assignment with the highest total score.

Only pairs that are in *every* best assignment are an answer; where two assignments are equally good, the pairs in
which they differ are ambiguous. Each pair says by how much the total would fall without it, so that a rule can ask
for a margin.

Source: the Hungarian method by successive shortest paths (Kuhn 1955; Edmonds and Karp 1972), on whole numbers. Its
dual prices tell what every pair that was not chosen would cost, and the cheapest way around a pair is its margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.pools.verdicts import Outcome

__all__ = ["OPERATIONS_MAX", "Assignment", "Pair", "assign"]

#: The usual bound: rows and columns together, to the third power; about 400 things.
OPERATIONS_MAX = 1 << 26
#: Scores must stay below this.
_SCORE_MAX = 1 << 40


@dataclass(frozen=True, slots=True)
class Pair:
    """
    A row and a column that belong together in one best assignment.

    :ivar margin: by how much the best total falls without this pair; 0: not at all, so the pair is ambiguous.
    """

    row: int
    column: int
    margin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """
    The best assignment of a pool.

    :ivar outcome: unique: every pair is in all best assignments. ambiguous: some are not. infeasible: there are no
        candidates. undecided: the pool goes beyond the bound.
    :ivar total: the score of a best assignment.
    :ivar pairs: of one best assignment, by row; those with a margin above 0 are in all of them.
    """

    outcome: Outcome
    total: int = 0
    pairs: tuple[Pair, ...] = ()


def assign(scores: npt.NDArray[np.int64], *, operations_max: int = OPERATIONS_MAX) -> Assignment:
    """
    Give the assignment of rows to columns with the highest total, and how sure each of its pairs is.

    :param scores: of each row and column; 0 or less: no candidates of each other. Nothing must be assigned.
    """
    rows, columns = scores.shape
    if not (scores > 0).any():
        return Assignment(outcome="infeasible")
    if (rows + columns) ** 3 > operations_max or int(scores.max()) >= _SCORE_MAX:
        return Assignment(outcome="undecided")
    # Every row may go to a column of its own that scores nothing, every column to such a row: then all are assigned.
    size = rows + columns
    costs = np.zeros((size, size), np.int64)
    costs[:rows, :columns] = -np.maximum(scores, 0)
    column_of, prices_of_rows, prices_of_columns = _cheapest(costs)
    reduced = costs - prices_of_rows[:, None] - prices_of_columns[None, :]
    margins = _ways_around(reduced[:, column_of])
    pairs = tuple(
        Pair(row, int(column_of[row]), int(margins[row]))
        for row in range(rows)
        if column_of[row] < columns and scores[row, column_of[row]] > 0
    )
    return Assignment(
        outcome="unique" if all(pair.margin for pair in pairs) else "ambiguous",
        total=int(sum(scores[pair.row, pair.column] for pair in pairs)),
        pairs=pairs,
    )


def _cheapest(costs: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    """Assign all rows at the lowest cost; give the column of each row, and the prices of rows and columns."""
    size = len(costs)
    far = np.int64(1 << 62)
    row_of = np.full(size + 1, -1, np.int64)  # the last column is where a row waits that is being assigned
    rows, columns = np.zeros(size, np.int64), np.zeros(size + 1, np.int64)
    for row in range(size):
        row_of[size] = row
        nearest, before = np.full(size, far), np.full(size, size, np.int64)
        visited = np.zeros(size + 1, bool)
        here = size
        while row_of[here] >= 0:
            visited[here] = True
            now = row_of[here]
            offers = costs[now] - rows[now] - columns[:size]
            better = (offers < nearest) & ~visited[:size]
            nearest[better] = offers[better]
            before[better] = here
            open_ = np.where(visited[:size], far, nearest)
            next_ = int(np.argmin(open_))
            step = open_[next_]
            rows[row_of[visited]] += step
            columns[visited] -= step
            nearest[~visited[:size]] -= step
            here = next_
        while here != size:
            row_of[here] = row_of[before[here]]
            here = int(before[here])
    column_of = np.empty(size, np.int64)
    column_of[row_of[:size]] = np.arange(size)
    return column_of, rows, columns[:size]


def _ways_around(costs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """
    Give what it costs at least that a row leaves its column.

    :param costs: what it costs that a row takes the column of another row, from 0 on: rows move in a circle.
    :returns: the cheapest circle through each row.
    """
    ways = costs.copy()
    far = np.int64(1 << 61)
    np.fill_diagonal(ways, far)
    for via in range(len(ways)):
        np.minimum(ways, np.minimum(ways[:, via, None] + ways[None, via, :], far), out=ways)
    return np.diagonal(ways).copy()
