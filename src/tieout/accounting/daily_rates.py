"""
The rate at which a day is booked, and how it came about.

As the files of rates state it, either way round. Where they do not have the pair, over the workspace's own currency, as
those who publish rates against one currency intend it; both must be of one day. Nothing else is ever assumed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING

from tieout.model.money import format_minor

if TYPE_CHECKING:
    from tieout.config.rates import Rates

__all__ = ["RATE_DECIMALS", "DailyRate", "rate_of", "written_rate"]

#: So many decimals a rate has at most where it is written as a decimal: eight digits of a yen in dinars.
RATE_DECIMALS = 12

#: What fits the exact arithmetic: an amount of 64 bits times this, within 128 bits.
_LARGEST = 10**18


@dataclass(frozen=True, slots=True)
class DailyRate:
    """
    A rate and where it comes from.

    :ivar day: its own day; not later than the one that was asked for.
    :ivar fraction: (numerator, denominator): one unit is worth so much.
    :ivar text: as the file has it: ``1.0870``; ``1/1.0870`` where it has the pair the other way round; ``a * b`` over
        the workspace's currency.
    """

    day: dt.date
    fraction: tuple[int, int]
    text: str


def rate_of(rates: Rates, currency: str, into: str, day: dt.date, pivot: str) -> DailyRate | None:
    """
    Give the rate of a day, or of the last one before it that is not too old.

    :param pivot: the currency over which a pair may be crossed.
    :return: None: there is none.
    """
    found = _stated(rates, currency, into, day)
    if found is not None or pivot in {currency, into}:
        return found
    first, second = _stated(rates, currency, pivot, day), _stated(rates, pivot, into, day)
    if first is None or second is None or first.day != second.day:
        return None
    up, down = first.fraction[0] * second.fraction[0], first.fraction[1] * second.fraction[1]
    shared = gcd(up, down)
    fraction = (up // shared, down // shared)
    return DailyRate(first.day, fraction, f"{first.text} * {second.text}") if max(fraction) <= _LARGEST else None


def _stated(rates: Rates, currency: str, into: str, day: dt.date) -> DailyRate | None:
    stated = rates.stated(currency, into, day)
    if stated is None:
        return None
    own_day, fraction, directly = stated
    digits, scale = fraction if directly else fraction[::-1]
    text = format_minor(digits, len(str(scale)) - 1)
    return DailyRate(own_day, fraction, text if directly else f"1/{text}")


def written_rate(stated: str) -> str:
    """
    Write a rate as one decimal, half up: what an ERP or a controller multiplies an amount by.

    What is stated as such a decimal stays as it is. Amounts are valued by the fraction itself, not by this decimal.

    :param stated: as ``DailyRate.text`` has it.
    """
    if set(stated) <= set("0123456789.") and len(stated.partition(".")[2]) <= RATE_DECIMALS:
        return stated
    exact = Fraction(1)
    for factor in stated.split(" * "):
        turned, value = factor.startswith("1/"), Fraction(factor.removeprefix("1/"))
        exact *= 1 / value if turned else value
    rounded = int(exact * 10**RATE_DECIMALS + Fraction(1, 2))
    return format_minor(rounded, RATE_DECIMALS).rstrip("0").rstrip(".")
