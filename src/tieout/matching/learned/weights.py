"""
What each level of likeness is worth: learned from all pairs at once, without anybody's answers.

Fellegi and Sunter (1969): a level is worth the logarithm of how much more often pairs that belong together have it
than pairs that do not. Which pairs belong together is not known; it is estimated from the weights, and the weights
from that, until nothing changes (expectation and maximisation). That each thing belongs to one other at most is part
of the estimate, and so is how many have a partner at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.learned.fixed import points_of_ratio
from tieout.matching.learned.rivals import odds_among_rivals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tieout.matching.learned.rivals import Candidates

__all__ = ["Compared", "Learned", "learn"]

#: Estimates are repeated until the weights stand still, at most so often.
ROUNDS_MAX = 60
#: Exchanges among rivals in each of them; the last one is more thorough.
_EXCHANGES, _EXCHANGES_LAST = 10, 40
#: Weights of fewer pairs than this are accidents.
PAIRS_MIN = 50
#: At least one in so many things is taken to have no partner: that all have one is no knowledge beforehand.
_ALONE = 100
#: Pairs are counted in millionths, about; a level that none has counts as half a pair.
_PAIR = 1 << 20


@dataclass(frozen=True, slots=True)
class Compared:
    """
    How alike the candidates are in one thing.

    :ivar names: of its levels, the most alike first.
    :ivar level: of each candidate; -1: one of the two says nothing.
    :ivar every: how many pairs have each level, candidates or not, of all in which nothing else is asked.
    """

    what: str
    names: tuple[str, ...]
    level: npt.NDArray[np.int64]
    every: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """
    What was learned, in points of which a thousand double the odds.

    :ivar weights: of each thing that is compared, of each of its levels.
    :ivar beforehand: of any pair, before anything is compared.
    :ivar expected: how many pairs belong together, by the estimate.
    :ivar settled: whether the weights stood still in the end.
    :ivar odds: of each candidate, among its rivals; none where there were too few pairs to learn from.
    """

    weights: tuple[tuple[int, ...], ...]
    beforehand: int
    expected: int
    rounds: int
    settled: bool
    odds: npt.NDArray[np.float64] | None


def learn(among: Candidates, compared: Sequence[Compared], sizes: tuple[int, int], every: int) -> Learned:
    """
    Learn the weights of all levels, and say how likely each candidate is.

    :param sizes: how many things (left, right) has, with candidates or without.
    :param every: how many pairs days and amounts allow, candidates or not.
    """
    weights = tuple(_first_weights(one) for one in compared)
    beforehand = _beforehand(min(sizes) * _PAIR // 2, sizes, every)
    belonging = 0
    rounds, settled = 0, False
    while not settled and rounds < ROUNDS_MAX:
        rounds += 1
        odds = odds_among_rivals(among, _points(compared, weights, beforehand), _EXCHANGES)
        share = np.floor(odds / (1.0 + odds) * _PAIR)
        belonging = int(share.sum())
        found = tuple(_weights(one, share) for one in compared)
        prior = _beforehand(max(belonging, 1), sizes, every)
        settled = (found, prior) == (weights, beforehand)
        weights, beforehand = found, prior
    enough = belonging >= PAIRS_MIN * _PAIR
    points = _points(compared, weights, beforehand)
    return Learned(
        weights=weights,
        beforehand=beforehand,
        expected=belonging // _PAIR,
        rounds=rounds,
        settled=settled,
        odds=odds_among_rivals(among, points, _EXCHANGES_LAST) if enough else None,
    )


def _points(compared: Sequence[Compared], weights: Sequence[tuple[int, ...]], beforehand: int) -> npt.NDArray[np.int64]:
    points = np.full(len(compared[0].level), beforehand, np.int64)
    for one, own in zip(compared, weights, strict=True):
        points += np.array([*own, 0], np.int64)[one.level]  # -1 is the last: no evidence
    return points


def _first_weights(one: Compared) -> tuple[int, ...]:
    """Begin with how seldom pairs are at least so much alike."""
    total = int(one.every.sum())
    return tuple(points_of_ratio(total + 1, int(alike) + 1) for alike in np.cumsum(one.every))


def _weights(one: Compared, share: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """Compare how often each level occurs among pairs that belong together and among all others."""
    said = one.level >= 0
    levels = len(one.names)
    # Sums of whole numbers below 2^53: exact, whatever the order.
    together = [int(shares) + _PAIR // 2 for shares in np.bincount(one.level[said], share[said], levels)]
    apart = [max(int(n) * _PAIR - m, 0) + _PAIR // 2 for n, m in zip(one.every, together, strict=True)]
    all_together, all_apart = sum(together), sum(apart)
    return tuple(points_of_ratio(m * all_apart, u * all_together) for m, u in zip(together, apart, strict=True))


def _beforehand(belonging: int, sizes: tuple[int, int], every: int) -> int:
    """
    Weigh any pair, before anything is compared, against both its things having no partner.

    :param belonging: pairs that belong together, in ``_PAIR``.
    """
    above, below = belonging, max(every, 1) * _PAIR
    for size in sizes:
        whole = size * _PAIR
        above *= whole
        below *= max(whole - belonging, whole // _ALONE, 1)
    return points_of_ratio(above, below)
