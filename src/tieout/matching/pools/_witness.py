"""
What can be proven of a pool that is too large to be searched: that two selections fit, or that none can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.matching.pools._halves import Halves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.matching.pools._classes import Classes

__all__ = ["WITNESS_COST", "last_digits_fit", "two_answers"]

#: Different amounts that are searched exhaustively; the others are taken or left greedily.
_BLOCK = 34
_MODULUS = 10_000
#: Operations that looking for two answers takes, about; smaller pools are searched at once.
WITNESS_COST = 1 << 25


def last_digits_fit(classes: Classes) -> bool:
    """Whether some selection has the target's last four digits; if none has, none has the target."""
    mask, row = (1 << _MODULUS) - 1, 1
    for value, copies in zip(classes.values, classes.copies, strict=True):
        step = value % _MODULUS
        for _ in range(min(copies, _MODULUS)):
            wider = row | ((row << step) | (row >> (_MODULUS - step))) & mask
            if wider == row:
                break
            row = wider
    return bool(row >> (classes.target % _MODULUS) & 1)


def two_answers(classes: Classes) -> Iterator[list[int]]:
    """Yield some answers, if a few different amounts, beside a greedy selection of the others, already have some."""
    everything = range(len(classes.values))
    stride = max(len(classes.values) // _BLOCK, 1)
    for block in (list(everything[:_BLOCK]), list(everything[::stride][:_BLOCK])):
        yield from _around(classes, block)


def _around(classes: Classes, block: list[int]) -> Iterator[list[int]]:
    """Fill up to the middle of what the block can make, largest amounts first, and search the block for the rest."""
    reach = sum(classes.values[n] for n in block)
    inside = set(block)
    base = [0] * len(classes.values)
    left = classes.target
    for n in reversed(range(len(classes.values))):
        spare = classes.copies[n] - (n in inside)
        value = classes.values[n]
        base[n] = min(spare, max(left - reach // 2, 0) // value) if value else 0
        left -= base[n] * value
    if not 0 <= left <= reach:
        return
    part = replace(
        classes,
        values=tuple(classes.values[n] for n in block),
        copies=(1,) * len(block),
        target=left,
        places=(),
        taken=(),
        down=(),
    )
    for answer in Halves(part, 0, WITNESS_COST).answers():
        taken = dict(zip(block, answer, strict=True))
        yield [base[n] + taken.get(n, 0) for n in range(len(base))]
