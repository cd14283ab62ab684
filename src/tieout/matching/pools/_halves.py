"""
Subset sums by meeting in the middle: the sums of one half, sorted, and what each sum of the other half lacks.

Source: Horowitz and Sahni, "Computing Partitions with Applications to the Knapsack Problem", JACM 21 (1974). Classes
of equal amounts count once (a multiset), whatever their number. Sums beyond the target are never made, so that many
amounts are no obstacle where few of them fill the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tieout.matching.pools._classes import Classes

__all__ = ["PER_SUM", "Halves", "halves_cost", "halves_within"]

#: Operations that one sum of a half costs: made, sorted, looked up.
PER_SUM = 64


def _split(classes: Classes) -> tuple[list[int], list[int], int]:
    """Share classes so that both halves have about as many sums; give both and how many sums they have at most."""
    left: list[int] = []
    right: list[int] = []
    sums = [1, 1]
    for n in sorted(range(len(classes.copies)), key=lambda n: (-classes.copies[n], -classes.values[n], n)):
        which = int(sums[1] < sums[0])
        (left, right)[which].append(n)
        sums[which] *= classes.copies[n] + 1
    return left, right, sum(sums)


def halves_cost(classes: Classes) -> int:
    """How many operations meeting in the middle takes at most."""
    return _split(classes)[2] * PER_SUM


class _Half:
    """
    The selections of some classes, each once: it adds some of one class to a selection of earlier classes.

    :ivar sums: of each selection; the first selects nothing.
    """

    def __init__(self, classes: Classes, numbers: list[int], most: int, room: int) -> None:
        self.sums = np.zeros(1, np.int64)
        self._parents = np.zeros(1, np.int64)
        self._added: list[tuple[int, int, int]] = []  # from which selection on, which class, how many of it
        self.looked_at = 1
        for n in numbers:
            before = len(self.sums)
            sums, parents = [self.sums], [self._parents]
            for k in range(1, classes.copies[n] + 1):
                more = self.sums + k * classes.values[n]
                fitting = np.flatnonzero(more <= most)
                self.looked_at += before
                self._added.append((sum(map(len, sums)), n, k))
                sums.append(more[fitting])
                parents.append(fitting)
                if not len(fitting):
                    break
            if sum(map(len, sums)) + self.looked_at // PER_SUM > room:
                raise _TooManyError
            self.sums, self._parents = np.concatenate(sums), np.concatenate(parents)
        self._starts = np.array([start for start, _, _ in self._added], np.int64)

    def chosen(self, index: int) -> dict[int, int]:
        """Give how many of each class a selection has."""
        found: dict[int, int] = {}
        while index:
            _, n, k = self._added[int(np.searchsorted(self._starts, index, "right")) - 1]
            found[n] = k
            index = int(self._parents[index])
        return found


class _TooManyError(Exception):
    """A half has more sums than there is room for."""


class Halves:
    """Both halves of a pool, sorted by what they sum to and what they lack."""

    def __init__(self, classes: Classes, width: int, room: int) -> None:
        """Make the sums up to the target and ``width`` beyond it."""
        left, right, _ = _split(classes)
        self._classes = classes
        most = classes.target + width
        self._left, self._right = (_Half(classes, part, most, room) for part in (left, right))
        self.operations = PER_SUM * (len(self._left.sums) + len(self._right.sums))
        self.operations += self._left.looked_at + self._right.looked_at
        # Looking up in order is several times as fast as looking up at random.
        self._from = np.argsort(self._left.sums, kind="stable")[::-1]
        self._to = np.argsort(self._right.sums, kind="stable")
        self._lacking = classes.target - self._left.sums[self._from]
        self._sums = self._right.sums[self._to]

    def answers(self) -> Iterator[list[int]]:
        """Yield answers: of each class how many are taken."""
        first = np.searchsorted(self._sums, self._lacking, "left")
        there = np.flatnonzero(self._sums[np.minimum(first, len(self._sums) - 1)] == self._lacking)
        last = np.searchsorted(self._sums, self._lacking[there], "right")
        for index, begin, end in zip(there.tolist(), first[there].tolist(), last.tolist(), strict=True):
            for place in range(begin, end):
                chosen = self._left.chosen(int(self._from[index])) | self._right.chosen(int(self._to[place]))
                yield [chosen.get(n, 0) for n in range(len(self._classes.values))]

    def near(self, step: int, width: int) -> int:
        """
        How many selections have a sum so near to the target, and a multiple of ``step`` from it.

        The answers themselves are among them.

        :param width: at most that of the search.
        """
        low, high = self._lacking - width, self._lacking + width
        keys: npt.NDArray[np.int64] = self._sums
        if step > 1:
            room = int(self._sums[-1]) + 1
            keys = np.sort(keys % step * room + keys)
            base = self._lacking % step * room
            low, high = base + np.clip(low, 0, room), base + np.clip(high, -1, room - 1)
        found = np.searchsorted(keys, high, "right") - np.searchsorted(keys, low, "left")
        return int(np.maximum(found, 0).sum())


def halves_within(classes: Classes, width: int, operations_max: int) -> Halves | None:
    """Meet in the middle, if that takes no more than the bound."""
    try:
        return Halves(classes, width, operations_max // PER_SUM // 2)
    except _TooManyError:
        return None
