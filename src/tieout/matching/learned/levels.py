"""
How alike two things are in amount and day, and how many of all pairs would be, candidates or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["AMOUNTS", "amount_levels", "count_amounts", "day_levels"]

#: Equal amounts are told apart by how many of the right have that amount; others in steps of the tolerance.
_COMMON, _STEPS = 4, 32
#: What levels of amounts are called, by number.
AMOUNTS = (
    *(f"equal; {crowd} of the right have it" for crowd in ("1", "2 to 3", "4 to 7", "8 or more")),
    *(f"apart by up to {step}/{_STEPS} of the tolerance" for step in range(1, _STEPS + 1)),
)


def amount_levels(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], reach: npt.NDArray[np.int64], have: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """
    Give the level of each pair of amounts.

    :param reach: how far apart the two may be.
    :param have: how many of the right have the right amount.
    """
    apart = np.abs(left - right)
    steps = -(-apart * _STEPS // np.maximum(reach, 1))
    return np.where(apart == 0, _crowd(have), _COMMON - 1 + np.clip(steps, 1, _STEPS))


def count_amounts(
    left: npt.NDArray[np.int64], reach: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count the pairs of each level among all amounts of two sides in one currency."""
    known = np.sort(right)
    count = np.zeros(len(AMOUNTS), np.int64)
    have = np.searchsorted(known, left, "right") - np.searchsorted(known, left, "left")
    np.add.at(count, _crowd(have), have)
    within = int(have.sum())
    for step in range(1, _STEPS + 1):
        far = reach * step // _STEPS
        low, high = np.searchsorted(known, left - far, "left"), np.searchsorted(known, left + far, "right")
        now = int((high - low).sum())
        count[_COMMON - 1 + step] = now - within
        within = now
    return count


def _crowd(have: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    crowd: npt.NDArray[np.int64] = np.clip(np.frexp(have.astype(np.float64))[1] - 1, 0, _COMMON - 1).astype(np.int64)
    return crowd


def day_levels(apart: Sequence[int]) -> dict[int, int]:
    """Number the distances of days that the window allows, the nearest first."""
    return {days: level for level, days in enumerate(sorted(apart, key=lambda days: (abs(days), days)))}
