"""
Which day of the right may go with which day of the left, listed: bands are equi-joins.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.config.calendars import business_index, calendar_named
from tieout.errors import Rejected
from tieout.matching.facts.records import EPOCH, day_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from tieout.matching.grammar.rules import Days

__all__ = ["EITHER_WAY", "window"]

#: Added to a day of the left from which the window goes both ways (``Days.either``); no day has so large a number.
EITHER_WAY = 1 << 24
_WINDOW_MAX = 5_000_000
#: A calendar that has no more business days than a window asks for is asked no further than this.
_REACH_MAX = 40 * 366


def window(days: Days, codes: dict[int, str | None], folder: Path, l_days: Sequence[int], place: str) -> pa.Table:
    """
    List which day of the right may go with which day of the left, per calendar of the right.

    :param l_days: as days since 1970, or with :data:`EITHER_WAY` added.
    :param place: which rule asks, for the error.
    :return: (calendar, l_day, r_day, apart): a band as an equi-join, and by how many days, as it counts them, the right is
        after the left.
    :raises Rejected: it would be too long to be a window.
    """
    rows = _rows(days, codes, folder, [day for day in l_days if day < EITHER_WAY], place)
    if any(day >= EITHER_WAY for day in l_days):
        more = _rows(days.both_ways, codes, folder, [day - EITHER_WAY for day in l_days if day >= EITHER_WAY], place)
        rows = np.concatenate([rows, more + np.array([0, EITHER_WAY, 0, 0])])
    rows = rows.astype(np.int32)
    return pa.table({name: rows[:, place] for place, name in enumerate(("calendar", "l_day", "r_day", "apart"))})


def _rows(
    days: Days, codes: dict[int, str | None], folder: Path, l_days: Sequence[int], place: str
) -> npt.NDArray[np.int64]:
    offsets = np.arange(days.first, days.last + 1)
    own_days = np.array(l_days, np.int64)
    parts = [np.zeros((0, 4), np.int64)]
    for code, own in codes.items():
        if days.calendar is None:
            l_day, offset = np.repeat(own_days, len(offsets)), np.tile(offsets, len(own_days))
            parts.append(np.stack([np.full(len(l_day), code), l_day, l_day + offset, offset], axis=1))
        elif len(own_days):
            name = own if days.calendar == "business" else days.calendar
            parts.append(np.array(_business_rows(days, code, name, folder, l_days), np.int64).reshape(-1, 4))
        if sum(map(len, parts)) > _WINDOW_MAX:
            wide = f"the window from {days.first} to {days.last} of {len(own_days)} days"
            message = f"expected at most {_WINDOW_MAX} days together in {wide}: make 'days' narrower ({place})"
            raise Rejected(message)
    return np.concatenate(parts)


def _business_rows(
    days: Days, code: int, name: str | None, folder: Path, l_days: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    index = _numbered(days, name, folder, min(l_days), max(l_days))
    by_number: dict[int, list[int]] = {}
    for day, number in index.items():
        by_number.setdefault(number, []).append(day)
    rows = []
    for day in l_days:
        for apart in range(days.first, days.last + 1):
            there = by_number.get(index[day] + apart, ())
            # Backwards on the same count (Sunday to the Friday before) is only meant where the window opens backwards.
            rows += [(code, day, r, apart) for r in there if r >= day or days.first < 0]
    return rows


def _numbered(days: Days, name: str | None, folder: Path, low: int, high: int) -> dict[int, int]:
    """Number the business days of the left, and so far before and after as the window reaches from there."""
    reach = max(abs(days.first), abs(days.last)) * 7 // 5 + 31
    while True:
        first, last = _day(low - reach), _day(high + reach)
        calendar = calendar_named(name, folder)
        index = {day_number(day): number for day, number in business_index(calendar, first, last).items()}
        begins, ends = index[day_number(first)], index[day_number(last)]
        if (begins < index[low] + days.first and ends > index[high] + days.last) or reach >= _REACH_MAX:
            return index
        reach = min(2 * reach, _REACH_MAX)


def _day(number: int) -> dt.date:
    return EPOCH + dt.timedelta(days=min(max(number, day_number(dt.date.min)), day_number(dt.date.max)))
