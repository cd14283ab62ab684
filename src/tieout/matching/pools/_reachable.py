"""
Subset sums by what is reachable: one bit for each sum, class by class, and a walk back from the target.

For pools that are too many for meeting in the middle, and whose sums are small enough to have a bit each. Python's
whole numbers are the rows of bits; every 32nd row or so is kept, the rest are made again when the walk needs them.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.pools.verdicts import COUNT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.matching.pools._classes import Classes

__all__ = ["Reachable", "reachable_cost"]

_WORD = 64
#: Operations that one word of a row costs: shifted, joined, cut.
_PER_WORD = 4
#: So many bytes of rows are kept while walking back.
_KEPT_BYTES = 1 << 26


def _steps(copies: int) -> list[int]:
    """Split copies so that taking some of the parts gives every number of copies: 6 is 1, 2 and 3."""
    steps, part = [], 1
    while copies > 0:
        steps.append(min(part, copies))
        copies -= steps[-1]
        part *= 2
    return steps


def reachable_cost(classes: Classes, width: int) -> int:
    """How many operations the rows take; each walk back may make them once more."""
    words = (classes.target + width) // _WORD + 1
    return (1 + COUNT_MAX) * _PER_WORD * words * sum(len(_steps(copies)) for copies in classes.copies)


class Reachable:
    """The sums that the first classes can make, for every number of classes."""

    def __init__(self, classes: Classes, width: int) -> None:
        """Make the rows up to the target and ``width`` beyond; the caller has looked at :func:`reachable_cost`."""
        self._classes = classes
        self.operations = reachable_cost(classes, width)
        self._mask = (1 << (classes.target + width + 1)) - 1
        self._stride = isqrt(len(classes.values)) + 1
        self._kept = [1]
        row = 1
        for n in range(len(classes.values)):
            row = self._next(row, n)
            if (n + 1) % self._stride == 0:
                self._kept.append(row)
        self._all = row
        size = self._stride * (self._mask.bit_length() // 8 + 1)
        self._block = lru_cache(maxsize=max(_KEPT_BYTES // size, 2))(self._made_again)

    def _next(self, row: int, n: int) -> int:
        for step in _steps(self._classes.copies[n]):
            row |= (row << (step * self._classes.values[n])) & self._mask
        return row

    def _made_again(self, block: int) -> list[bytes]:
        """Make the rows of a block: entry k is what the first ``block * stride + k`` classes reach."""
        row = self._kept[block]
        rows = [row]
        for n in range(block * self._stride, min((block + 1) * self._stride, len(self._classes.values)) - 1):
            row = self._next(row, n)
            rows.append(row)
        size = self._mask.bit_length() // 8 + 1
        return [row.to_bytes(size, "little") for row in rows]

    def _reaches(self, n: int, total: int) -> bool:
        """Whether the first n classes have a selection of that sum."""
        block, within = divmod(n, self._stride)
        return bool(self._block(block)[within][total >> 3] >> (total & 7) & 1)

    def answers(self) -> Iterator[list[int]]:
        """Yield answers: of each class how many are taken, the largest amounts first."""
        values, copies = self._classes.values, self._classes.copies
        if not self._all >> self._classes.target & 1:
            return
        chosen = [0] * len(values)
        # Of every class from the last down, the counts still to be tried and what was left before it.
        waiting: list[tuple[Iterator[int], int]] = []
        left = self._classes.target
        while True:
            n = len(values) - 1 - len(waiting)
            if n >= 0:
                most = min(copies[n], left // values[n]) if values[n] else copies[n]
                waiting.append((iter(range(most, -1, -1)), left))
            else:
                yield list(chosen)
            while waiting:
                counts, left = waiting[-1]
                n = len(values) - len(waiting)
                fitting = next((k for k in counts if self._reaches(n, left - k * values[n])), None)
                if fitting is not None:
                    chosen[n] = fitting
                    left -= fitting * values[n]
                    break
                waiting.pop()
            else:
                return

    def near(self, step: int, width: int) -> int:
        """
        How many sums so near to the target, and a multiple of ``step`` from it, can be made.

        :param width: at most that of the search.
        """
        target = self._classes.target
        first = max(target - width // step * step, target % step)
        row = (self._all >> first) & ((1 << (target + width - first + 1)) - 1)
        if step == 1:
            return row.bit_count()
        bits = np.frombuffer(row.to_bytes((width + target - first) // 8 + 1, "little"), np.uint8)
        return int(np.unpackbits(bits, bitorder="little")[::step].sum())
