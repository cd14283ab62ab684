"""
How likely each pair is, when each thing belongs to one other at most.

The odds of a pair by its own evidence are weighed against all its rivals, which are weighed against theirs. Source:
belief propagation on matchings (Bayati, Gamarnik, Katz, Nair and Tetali 2007), which comes to one answer whatever it
begins with; two equally good answers have the same odds, so that neither is more likely than not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.learned.fixed import odds_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RIVALS_MAX", "Candidates", "candidates_of", "odds_among_rivals"]

#: A thing with more candidates than this is not weighed: sums of their odds must stay exact.
RIVALS_MAX = 4096
#: What evidence and messages are counted in: sums are of whole numbers, so no order changes them.
_UNIT = 2.0**20
_FINE = 2.0**40


@dataclass(frozen=True, slots=True)
class Candidates:
    """
    Pairs that could be meant, by the thing of either side.

    :ivar by_left, by_right: the order in which pairs of one thing stand together.
    :ivar left_starts, right_starts: where each thing begins in it; ``left_of``, ``right_of``: which thing each pair has.
    """

    by_left: npt.NDArray[np.int64]
    by_right: npt.NDArray[np.int64]
    left_starts: npt.NDArray[np.int64]
    right_starts: npt.NDArray[np.int64]
    left_of: npt.NDArray[np.int64]
    right_of: npt.NDArray[np.int64]


def candidates_of(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> Candidates:
    """Arrange pairs by their things (at least one pair)."""
    grouped = []
    for things in (left, right):
        order = np.argsort(things, kind="stable")
        new = np.r_[True, things[order][1:] != things[order][:-1]]
        number = np.empty(len(things), np.int64)
        number[order] = np.cumsum(new) - 1
        grouped.append((order, np.flatnonzero(new), number))
    (by_left, left_starts, left_of), (by_right, right_starts, right_of) = grouped
    return Candidates(by_left, by_right, left_starts, right_starts, left_of, right_of)


def odds_among_rivals(among: Candidates, points: npt.NDArray[np.int64], rounds: int) -> npt.NDArray[np.float64]:
    """
    Give the odds of each pair against everything else that its two things could do, in ``rounds`` exchanges.

    :param points: of each pair by itself, against none of the two having a partner.
    """
    own = np.floor(odds_of(points) * _UNIT) + 1.0
    left_free, right_free = np.full(len(own), _FINE), np.full(len(own), _FINE)
    for _ in range(rounds):
        left_free = _free_of_others(own, right_free, among.by_left, among.left_starts, among.left_of)
        right_free = _free_of_others(own, left_free, among.by_right, among.right_starts, among.right_of)
    return own / _UNIT * (left_free / _FINE) * (right_free / _FINE)


def _free_of_others(
    own: npt.NDArray[np.float64],
    partner_free: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    thing: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Say of each pair how free its thing is of all its other candidates, from 0 to ``_FINE``."""
    offers = np.floor(own * (partner_free / _FINE)).astype(np.int64)
    others = np.add.reduceat(offers[order], starts)[thing] - offers
    free: npt.NDArray[np.float64] = np.floor(_FINE * _UNIT / (_UNIT + others)) + 1.0
    return free
