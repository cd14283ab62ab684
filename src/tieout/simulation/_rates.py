"""
Exchange rates of the month: units of each currency for one euro, in millionths, day by day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tieout.simulation._profile import CURRENCIES, UNITS

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.simulation._profile import Profile

    Whole = npt.NDArray[np.int64]

__all__ = ["Rates"]

_BEGIN = {"EUR": 1_000_000, "USD": 1_084_000, "JPY": 162_400_000, "KWD": 332_500}


class Rates:
    """Rates that wander a little from business day to business day."""

    def __init__(self, profile: Profile) -> None:
        """Draw them, from some days before the month to some days after."""
        draws = profile.draws("rates")
        working = profile.working["ECB"]
        self.first = profile.month.first - 10
        self._days = profile.month.days + 25
        self.table: dict[str, list[int]] = {}
        for currency in CURRENCIES:
            rate, found = _BEGIN[currency], []
            for day in range(self.first, self.first + self._days):
                if currency != "EUR" and working.is_open(day):
                    rate += rate * draws.one(-3_000, 3_000) // 1_000_000
                found.append(rate)
            self.table[currency] = found

    def rate(self, currency: str, day: int) -> int:
        """Units of a currency for one euro on a day, in millionths."""
        return self.table[currency][day - self.first]

    def converted(self, amount: int, source: str, target: str, day: int) -> int:
        """Convert minor units of one currency into minor units of another, rounded to the nearest."""
        sign, size = (-1, -amount) if amount < 0 else (1, amount)
        above = size * self.rate(target, day) * UNITS[target]
        below = self.rate(source, day) * UNITS[source]
        return sign * ((2 * above + below) // (2 * below))

    def many(self, amounts: Whole, source: str, target: str, days: Whole) -> Whole:
        """Convert many amounts, each on its day."""
        ours, theirs = (np.array(self.table[each], np.int64)[days - self.first] for each in (target, source))
        below = theirs * UNITS[source]
        above = np.abs(amounts) * ours * UNITS[target]
        converted: Whole = np.sign(amounts) * ((2 * above + below) // (2 * below))
        return converted
