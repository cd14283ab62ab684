"""
The company's month: its days, which of them banks work on, and what a clock shows where.

Days are counted from 1 January 1970, moments in seconds since then (UTC).
"""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tieout.errors import WrongUse

if TYPE_CHECKING:
    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]

__all__ = ["EPOCH", "Clocks", "Month", "WorkingDays", "day_of", "text_of"]

EPOCH = dt.date(1970, 1, 1)
_DAY_S = 86_400
_HOUR_S = 3_600
_WEEKEND = 5
# How far around the month anything of it may happen: payouts of its last days, documents of its first.
_AROUND_DAYS = 40


def day_of(date: dt.date) -> int:
    """Count a date's days since 1970."""
    return (date - EPOCH).days


def text_of(day: int, form: str = "%Y-%m-%d") -> str:
    """Write a day."""
    return (EPOCH + dt.timedelta(days=day)).strftime(form)


@dataclass(frozen=True, slots=True)
class Month:
    """A month: ``first`` and ``last`` day, counted from 1970."""

    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> Month:
        """
        Read ``2026-10``.

        :raises WrongUse: no such month.
        """
        try:
            begin = dt.date.fromisoformat(f"{text}-01")
        except ValueError:
            message = f"expected a month such as 2026-10, got {text!r}"
            raise WrongUse(message) from None
        return cls(day_of(begin), day_of(begin) + calendar.monthrange(begin.year, begin.month)[1] - 1)

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.last - self.first + 1

    @property
    def year(self) -> int:
        """Its year."""
        return (EPOCH + dt.timedelta(days=self.first)).year


class WorkingDays:
    """
    The days on which banks move money, by a calendar of the ``holidays`` library.

    :param name: ``ECB`` (TARGET) or ``US``.
    """

    def __init__(self, name: str, month: Month) -> None:
        """Look the month's holidays up."""
        import holidays

        years = {
            (EPOCH + dt.timedelta(days=day)).year for day in (month.first - _AROUND_DAYS, month.last + _AROUND_DAYS)
        }
        closed = (
            holidays.financial_holidays(name, years=years)
            if name == "ECB"
            else holidays.country_holidays(name, years=years)
        )
        span = range(month.first - _AROUND_DAYS, month.last + _AROUND_DAYS)
        self._open = [
            day for day in span if (date := EPOCH + dt.timedelta(days=day)).weekday() < _WEEKEND and date not in closed
        ]
        self._set = frozenset(self._open)
        self.of_month = [day for day in self._open if month.first <= day <= month.last]

    def is_open(self, day: int) -> bool:
        """Say whether banks work on a day."""
        return day in self._set

    def after(self, day: int, count: int) -> int:
        """Give the day so many business days later; 0: the day itself, or the next business day."""
        place = next(place for place, each in enumerate(self._open) if each >= day)
        begins_closed = self._open[place] != day
        return self._open[place + max(count - (1 if begins_closed and count else 0), 0)]

    def last_before(self, day: int) -> int:
        """Give the last business day up to a day."""
        return max(each for each in self._open if each <= day)


class Clocks:
    """What clocks show in one time zone around the month, for many moments at once."""

    def __init__(self, zone: str, month: Month) -> None:
        """Write down the zone's offset of every hour."""
        self._begin = (month.first - _AROUND_DAYS) * _DAY_S
        hours = (month.days + 2 * _AROUND_DAYS) * 24
        info = zoneinfo.ZoneInfo(zone)
        moments = (dt.datetime.fromtimestamp(self._begin + h * _HOUR_S, info).utcoffset() for h in range(hours))
        self._offsets = np.array([0 if m is None else int(m.total_seconds()) for m in moments], np.int64)

    def offsets(self, moments: Whole) -> Whole:
        """Seconds that local clocks are ahead of UTC."""
        found: Whole = self._offsets[(moments - self._begin) // _HOUR_S]
        return found

    def days(self, moments: Whole) -> Whole:
        """The local day of each moment."""
        return (moments + self.offsets(moments)) // _DAY_S

    def moments(self, days: Whole, seconds: Whole) -> Whole:
        """The moments at which local clocks show these seconds of these days."""
        local = days * _DAY_S + seconds
        guess = local - self.offsets(local)
        return local - self.offsets(guess)

    def moment(self, day: int, second: int) -> int:
        """The moment at which local clocks show a second of a day."""
        return int(self.moments(np.array([day], np.int64), np.array([second], np.int64))[0])
