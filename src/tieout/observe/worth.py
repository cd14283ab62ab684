"""
What an item is worth in the workspace's currency, by the rate of its day: how the work list weighs it, and what leaves.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tieout.model.money import exponent_of
from tieout.observe.snapshot import EPOCH

if TYPE_CHECKING:
    from tieout.config.rates import Rates

__all__ = ["Worth"]


class Worth:
    """
    Values amounts in one currency, without their sign; a rate is looked up once for each currency and day.

    :param base: the currency that they are valued in.
    """

    def __init__(self, rates: Rates, base: str) -> None:
        """Begin with the rates, and no rate looked up."""
        self._rates, self._base = rates, base
        self._found: dict[tuple[str, int | None, int | None], tuple[int, int] | None] = {}

    def __call__(
        self, amount: int | None, exponent: int | None, currency: str | None, booked_day: int | None
    ) -> int | None:
        """
        Value an amount of a day, in minor units of the base currency, half up.

        :param exponent: None: the currency's own; ``booked_day``: as days since 1970.
        :return: None: there is no amount, or no rate of its day.
        """
        if amount is None or currency is None:
            return None
        key = currency, exponent, booked_day
        if key not in self._found:
            self._found[key] = self._factor(*key)
        factor = self._found[key]
        return None if factor is None else (abs(amount) * factor[0] * 2 + factor[1]) // (2 * factor[1])

    def _factor(self, currency: str, exponent: int | None, booked_day: int | None) -> tuple[int, int] | None:
        day = EPOCH if booked_day is None else EPOCH + dt.timedelta(days=booked_day)
        rate = self._rates.at(currency, self._base, day)
        if rate is None:
            return None
        own = exponent if exponent is not None else exponent_of(currency)
        return 10 ** exponent_of(self._base) * rate[0], 10**own * rate[1]
