"""
Numbers that look random and are a function of the seed: the same on every machine, today and in ten years.

SplitMix64 (Steele, Lea and Flood, 2014) over a counter, in whole numbers: the streams of numpy's and Python's own
generators may change with their versions, and the files of a company must not.
"""

from __future__ import annotations

import hashlib
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]

__all__ = ["Draws"]

_T = TypeVar("_T")
_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Draws:
    """
    One stream of draws.

    :param seed: of the company.
    :param name: of the stream: what one part of the company draws does not move what another part draws.
    """

    def __init__(self, seed: int, name: str) -> None:
        """Begin the stream."""
        self._state = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")

    def _raw(self, count: int) -> npt.NDArray[np.uint64]:
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STEP) + np.full(
            1, self._state, np.uint64
        )  # an array, because numpy warns of scalars that wrap
        self._state = (self._state + count * _STEP) & _MASK
        steps = (steps ^ (steps >> np.uint64(30))) * np.uint64(_FIRST)
        steps = (steps ^ (steps >> np.uint64(27))) * np.uint64(_SECOND)
        return steps ^ (steps >> np.uint64(31))

    def _next(self) -> int:
        self._state = (self._state + _STEP) & _MASK
        drawn = self._state
        drawn = ((drawn ^ (drawn >> 30)) * _FIRST) & _MASK
        drawn = ((drawn ^ (drawn >> 27)) * _SECOND) & _MASK
        return drawn ^ (drawn >> 31)

    def many(self, low: int, high: int, count: int) -> Whole:
        """Draw whole numbers from low to high, both included."""
        return (self._raw(count) >> np.uint64(1)).astype(np.int64) % (high - low + 1) + low

    def upto(self, high: Whole) -> Whole:
        """Draw one whole number from 0 to each of these, both included."""
        return (self._raw(len(high)) >> np.uint64(1)).astype(np.int64) % (high + 1)

    def weighted(self, weights: Sequence[int], count: int) -> Whole:
        """Draw places of a list, each as often as its weight says."""
        ends = np.array(list(accumulate(weights)), np.int64)
        return np.searchsorted(ends, self.many(0, int(ends[-1]) - 1, count), side="right").astype(np.int64)

    def some(self, of: int, count: int) -> Whole:
        """Draw different places out of so many, in the order drawn."""
        if count * 4 >= of:
            return np.argsort(self._raw(of), kind="stable")[:count].astype(np.int64)
        found = np.zeros(0, np.int64)
        while len(found) < count:
            both = np.concatenate([found, self.many(0, of - 1, count + 8)])
            _, first = np.unique(both, return_index=True)
            found = both[np.sort(first)]
        return found[:count]

    def one(self, low: int, high: int) -> int:
        """Draw one whole number from low to high, both included."""
        return low + (self._next() >> 1) % (high - low + 1)

    def chance(self, of_thousand: int) -> bool:
        """Say yes so many times of a thousand."""
        return self.one(0, 999) < of_thousand

    def pick(self, things: Sequence[_T]) -> _T:
        """Draw one of these."""
        return things[self.one(0, len(things) - 1)]

    def mixed(self, things: Sequence[_T]) -> list[_T]:
        """Give these in a drawn order."""
        return [things[int(place)] for place in self.some(len(things), len(things))]
