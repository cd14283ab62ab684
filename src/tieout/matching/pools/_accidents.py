"""
How many selections of a pool have a sum by accident: counted among those near it, on the steps in which amounts come.

A line that pays none of the pool's items has some other amount; how likely a selection hits it is how densely sums lie
there. Prices are no random numbers: where all end in .99 and are tens apart, hardly a thousandth of all amounts can occur
at all, and sums meet a thousand times as often. So sums are counted that are a whole number of steps from the target,
once for every step that the amounts themselves show; the largest figure counts.
"""

from __future__ import annotations

from math import factorial, gcd
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.pools.verdicts import LAMBDA_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tieout.matching.pools._classes import Classes
    from tieout.matching.pools._halves import Halves
    from tieout.matching.pools._reachable import Reachable

__all__ = ["accidents", "steps_shown"]

_MICRO = 1_000_000
#: Steps in which people make prices.
_USUAL = np.array(sorted({d * 10**power for d in (1, 2, 5, 25) for power in range(16)} - {1, 2}), np.int64)
#: Always looked at, for a few prices among other amounts.
_DECIMAL = tuple(10**power for power in range(2, 16))
#: How round a single amount is looked at, in minor units.
_TENS = 10_00
#: So seldom must amounts of any size agree so often in a step: one in twenty.
_SELDOM = 20
#: Of so many amounts each is left out once.
_LEFT_OUT_MAX = 100
#: More agreements than this are not needed.
_AGREED_MAX = 12
#: Sums are also counted nearer to the target, each time four times as near: amounts of one size have sums of one size.
_NEARER = 4


def accidents(
    amounts: npt.NDArray[np.int64],
    target: int,
    reach: int,
    pool: Classes,
    search: Halves | Reachable,
    answer: tuple[int, ...],
) -> int:
    """
    Count the accidental selections that are to be expected, in millionths, rounded up; beyond one, at least so many.

    On steps that the amounts show, the answer is counted as well: that nothing else is near says little where few sums
    could be. That everything together is the sum is one hypothesis, whatever else lies near.

    :param reach: how far from the target sums were searched, in minor units.
    :param pool, search: what they were searched in.
    :param answer: the only one, as indices into the amounts.
    """
    sizes = np.unique(np.abs(amounts[amounts != 0]))
    everything = len(answer) == len(amounts)
    if everything:
        reach = abs(target) // 4
    if len(sizes) > 1:  # where amounts are much alike, so are their sums
        reach = min(reach, len(answer) * int(sizes[-1] - sizes[0]))
    if not reach:
        return LAMBDA_MAX
    shown = steps_shown(sizes)
    if everything:
        return min(-(-max([1, *shown]) * _MICRO // (2 * reach)), LAMBDA_MAX)
    worst = 0
    for step in (1, *shown, *(step for step in _DECIMAL if step not in shown and step <= reach)):
        counted = 1 if step == 1 or step in shown else 0
        for width in _widths(reach):
            others = search.near(step // gcd(step, pool.unit), width // pool.unit) - 1
            worst = max(worst, -(-(others + counted) * step * _MICRO // _places(pool, width)))
            if not others or worst > _MICRO:
                break
            counted = 0
        if worst > _MICRO:
            break
    return min(worst, LAMBDA_MAX)


def _widths(reach: int) -> Iterator[int]:
    while reach:
        yield reach
        reach //= _NEARER


def _places(pool: Classes, width: int) -> int:
    """How many amounts lie so near to the target; where sums can only lie on one side of it, those count."""
    total = sum(value * copies for value, copies in zip(pool.values, pool.copies, strict=True))
    both = min(pool.target * pool.unit, width) + min((total - pool.target) * pool.unit, width)
    return max(both, width)


def steps_shown(sizes: npt.NDArray[np.int64]) -> list[int]:
    """
    Name the steps in which amounts come, the widest first: ten times 10.00 - 0.01 shows steps of 10.00.

    Any that all, or all but one, have in common; and usual ones in which more agree than would by accident. One amount by
    itself shows how round it is, up to tens: a price of 100.00 is met by accident, an invoice of 5,000.00 hardly.

    :param sizes: different amounts, ascending.
    """
    if len(sizes) < 2:
        return [int(step) for step in _USUAL[::-1] if len(sizes) and sizes[0] % step == 0 and _SELDOM <= step <= _TENS]
    common = _in_common(sizes)
    agreeing = {1: len(sizes) * (len(sizes) - 1) // 2}
    for step in sorted(common | set(_USUAL[sizes[-1] - sizes[0] >= _USUAL].tolist())):
        here = _agreeing(sizes % step)
        finer = ((base, there) for base, there in agreeing.items() if step % base == 0 and (base == 1 or there > here))
        if step in common or (here and all(_is_no_accident(here, there, step // base) for base, there in finer)):
            agreeing[step] = here
    return sorted(agreeing, reverse=True)[:-1]


def _in_common(sizes: npt.NDArray[np.int64]) -> set[int]:
    """Give the greatest steps that all amounts are multiples of, or apart by; and, of several, all but one."""
    apart = [sizes] if len(sizes) == 2 else [sizes, np.diff(sizes)]
    if 3 < len(sizes) <= _LEFT_OUT_MAX:
        apart += [np.diff(np.delete(sizes, left_out)) for left_out in range(len(sizes))]
    return {int(np.gcd.reduce(numbers)) for numbers in apart} - {1}


def _agreeing(rests: npt.NDArray[np.int64]) -> int:
    """Count the pairs of equal numbers."""
    _, copies = np.unique(rests, return_counts=True)
    return int((copies * (copies - 1) // 2).sum())


def _is_no_accident(agreeing: int, pairs: int, times: int) -> bool:
    """Whether so many of some pairs would seldom agree in a step so many times as wide: (pairs / times) ^ n / n!."""
    n = min(agreeing, _AGREED_MAX)
    return bool(_SELDOM * pairs**n <= times**n * factorial(n))
