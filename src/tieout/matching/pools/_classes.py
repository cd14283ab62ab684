"""
A pool in the form in which it is searched: positive weights with copies, and a target within reach.

Exact steps lead there. Leaving out a negative amount is taking its positive counterpart, so negatives turn
around and the target grows by them. What cannot be part of any answer, or must be part of all, is settled by bounds.
What remains is divided by its greatest common divisor; where most of it would be taken, what is left out is searched
instead. With ``slack``, what could be part of a sum near the target
remains too, because such sums say how easily one comes about by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Classes", "classes_of", "settled"]

#: Rounds of narrowing; each is one pass over the classes.
_ROUNDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Classes:
    """
    Equal amounts are one class; of each between 0 and ``copies`` may be taken, and together they must weigh ``target``.

    :ivar values: weights from 0 on, ascending.
    :ivar places: of each class, the indices of its amounts.
    :ivar taken: how many of each class are taken where the search takes none; negative classes count down from there.
    :ivar down: whether taking one more weight of a class is taking one amount less.
    :ivar always: indices that bounds have settled: taken in every answer.
    :ivar part_of_equals: whether equals of some of those are taken in none.
    :ivar unit: what weights and target were divided by.
    """

    values: tuple[int, ...]
    copies: tuple[int, ...]
    target: int
    places: tuple[tuple[int, ...], ...]
    taken: tuple[int, ...]
    down: tuple[bool, ...]
    always: tuple[int, ...]
    part_of_equals: bool
    unit: int

    def selection(self, chosen: Sequence[int]) -> tuple[tuple[int, ...], bool]:
        """Give the indices of an answer, and whether others of equal amounts could take the place of some."""
        indices, equals = list(self.always), self.part_of_equals
        for k, places, taken, down in zip(chosen, self.places, self.taken, self.down, strict=True):
            count = taken - k if down else taken + k
            indices += places[:count]
            equals = equals or 0 < count < len(places)
        return tuple(sorted(indices)), equals


def classes_of(amounts: npt.NDArray[np.int64], target: int, slack: int = 0) -> Classes | None:
    """Bring a pool into its form; None where bounds or divisors show that no selection has the sum."""
    values, inverse, counts = np.unique(amounts, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    places = [tuple(part.tolist()) for part in np.split(order, np.cumsum(counts)[:-1])] if len(values) else []
    weights = [abs(int(value)) for value in values]
    copies = [int(count) for count in counts]
    down = [bool(value < 0) for value in values]
    wanted = target + sum(w * c for w, c, d in zip(weights, copies, down, strict=True) if d)
    bounds = settled(weights, copies, wanted, slack)
    if bounds is None:
        return None
    low, high = bounds
    wanted -= sum(w * k for w, k in zip(weights, low, strict=True))
    free = sorted((n for n in range(len(weights)) if high[n] > low[n]), key=lambda n: (weights[n], down[n]))
    unit = gcd(*(weights[n] for n in free)) or 1
    if wanted % unit:
        return None
    always: list[int] = []
    part_of_equals = False
    for n in range(len(weights)):
        if high[n] == low[n]:
            count = copies[n] - low[n] if down[n] else low[n]
            always += places[n][:count]
            part_of_equals = part_of_equals or 0 < count < copies[n]
    found = Classes(
        values=tuple(weights[n] // unit for n in free),
        copies=tuple(high[n] - low[n] for n in free),
        target=wanted // unit,
        places=tuple(places[n] for n in free),
        taken=tuple(copies[n] - low[n] if down[n] else low[n] for n in free),
        down=tuple(down[n] for n in free),
        always=tuple(always),
        part_of_equals=part_of_equals,
        unit=unit,
    )
    total = sum(value * count for value, count in zip(found.values, found.copies, strict=True))
    return _turned(found, total) if found.target > total - found.target else found


def _turned(classes: Classes, total: int) -> Classes:
    """Ask what is left out instead of what is taken."""
    return replace(
        classes,
        target=total - classes.target,
        taken=tuple(
            taken - count if down else taken + count
            for taken, count, down in zip(classes.taken, classes.copies, classes.down, strict=True)
        ),
        down=tuple(not down for down in classes.down),
    )


def settled(weights: list[int], copies: list[int], target: int, slack: int) -> tuple[list[int], list[int]] | None:
    """
    Narrow how many of each weight a sum can have, from both sides, until nothing changes.

    :param slack: how far the sum may be from the target.
    :returns: the least and the most of each; None where the target itself is out of reach.
    """
    low, high = [0] * len(weights), list(copies)
    for _ in range(_ROUNDS_MAX):
        least = sum(w * k for w, k in zip(weights, low, strict=True))
        most = sum(w * k for w, k in zip(weights, high, strict=True))
        if not least <= target <= most:
            return None
        narrower = [
            (max(lo, hi - (most - target + slack) // w), min(hi, lo + (target + slack - least) // w)) if w else (lo, hi)
            for w, lo, hi in zip(weights, low, high, strict=True)
        ]
        if any(lo > hi for lo, hi in narrower):
            return None
        if narrower == list(zip(low, high, strict=True)):
            break
        low, high = [lo for lo, _ in narrower], [hi for _, hi in narrower]
    return low, high
