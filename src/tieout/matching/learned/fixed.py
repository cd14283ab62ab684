"""
Powers and logarithms of two in whole numbers: a thousand points double the odds.

Tables come from decimal arithmetic, and on them only addition, multiplication and division are used, which every
machine rounds alike: the same facts give the same points everywhere.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["DOUBLE", "POINTS_MAX", "POINTS_MIN", "odds_of", "points_of", "points_of_ratio"]

#: So many points double the odds.
DOUBLE = 1000
#: Evidence beyond this counts as this: odds of a million to one against, a billion to one for.
POINTS_MIN, POINTS_MAX = -20 * DOUBLE, 30 * DOUBLE
_EXACT = Context(prec=25, rounding=ROUND_HALF_EVEN)
_DOUBLED = _EXACT.ln(Decimal(2))


def points_of_ratio(above: int, below: int) -> int:
    """Give the points of a ratio of two counts, both above 0."""
    ratio = _EXACT.divide(Decimal(above), Decimal(below))
    points = _EXACT.divide(_EXACT.multiply(_EXACT.ln(ratio), Decimal(DOUBLE)), _DOUBLED)
    return int(points.to_integral_value(ROUND_HALF_EVEN))


def odds_of(points: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Give the odds of points, within what counts."""
    within = np.clip(points, POINTS_MIN, POINTS_MAX)
    return np.ldexp(_steps()[within % DOUBLE], (within // DOUBLE).astype(np.int32))


def points_of(odds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Give the points of odds above 0, rounded down."""
    mantissa, exponent = np.frexp(odds)  # exact: odds = mantissa x 2^exponent, the mantissa from a half to below 1
    return (exponent.astype(np.int64) - 1) * DOUBLE + np.searchsorted(_steps(), mantissa * 2, "right") - 1


@cache
def _steps() -> npt.NDArray[np.float64]:
    """List two to the power of 0, 1, ... 999 thousandths."""
    root = _EXACT.divide(_DOUBLED, Decimal(DOUBLE))
    return np.array([float(_EXACT.exp(_EXACT.multiply(root, Decimal(step)))) for step in range(DOUBLE)])
