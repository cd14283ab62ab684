"""
Business days: when a bank works and a file can be expected.

A calendar is one of the ``holidays`` library (``ECB``, ``DE``, ``DE-BY``), or calendars/NAME.toml of the workspace::

    holidays = [2026-12-24, 2026-12-31]
    weekend = ["friday", "saturday"]          # Saturday and Sunday where it is absent
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Calendar", "business_index", "calendar_named"]

#: The longest span of days that is numbered at once.
_SPAN_MAX = 200 * 366

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKEND = frozenset({5, 6})


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    Which days are not worked.

    :ivar weekend: days of the week, Monday is 0.
    """

    holidays: frozenset[dt.date]
    weekend: frozenset[int] = _WEEKEND

    def is_business_day(self, day: dt.date) -> bool:
        """Whether a day is worked."""
        return day.weekday() not in self.weekend and day not in self.holidays


def calendar_named(name: str | None, folder: Path, first: dt.date, last: dt.date) -> Calendar:
    """
    Give the calendar of a name for a span of days; without a name, Monday to Friday are worked.

    :param folder: the workspace.
    :raises WrongUse: the calendar's file has a fault, or there is no such calendar.
    """
    if name is None:
        return Calendar(frozenset())
    own = folder / "calendars" / f"{name}.toml"
    if own.is_file():
        return _of_file(own)
    import holidays

    code, _, part = name.partition("-")
    known = getattr(holidays, code, None) if code.isupper() else None
    if known is None:
        message = f"expected a calendar of the holidays library or calendars/{name}.toml, got {name!r}"
        raise WrongUse(message)
    found = known(years=range(first.year, last.year + 1), **({"subdiv": part} if part else {}))
    weekend = frozenset(int(day) for day in getattr(found, "weekend", _WEEKEND))
    return Calendar(frozenset(found), weekend)


def business_index(calendar: Calendar, first: dt.date, last: dt.date) -> dict[dt.date, int]:
    """
    Number every day of a span by how many of its days up to it are worked, so that counting is subtracting.

    ``index[right] - index[left]`` is the number of business days after left up to right: from a Friday, or the
    Saturday after it, to Monday it is 1, from Friday to that Saturday 0, and backwards it is negative.

    :returns: every day from first to last, in order.
    :raises WrongUse: the span is longer than 200 years.
    """
    index: dict[dt.date, int] = {}
    worked = 0
    for day in _days(first, last):
        worked += calendar.is_business_day(day)
        index[day] = worked
    return index


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    count = (last - first).days + 1
    if count > _SPAN_MAX:
        message = f"expected a span of at most {_SPAN_MAX} days, got {first} to {last}"
        raise WrongUse(message)
    return (first + dt.timedelta(days=number) for number in range(count))


def _of_file(path: Path) -> Calendar:
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"expected a calendar in TOML, got {error} ({path})"
        raise WrongUse(message) from None
    days, weekend = content.pop("holidays", []), content.pop("weekend", ["saturday", "sunday"])
    if content:
        message = f"expected the keys holidays and weekend, got {min(content)!r} ({path})"
        raise WrongUse(message)
    if not isinstance(days, list) or not all(type(day) is dt.date for day in days):
        message = f"expected holidays as a list of dates such as 2026-12-24, got {str(days)[:80]} ({path})"
        raise WrongUse(message)
    if not isinstance(weekend, list) or not set(weekend) <= set(_WEEKDAYS):
        message = f"expected weekend as a list of days such as ['saturday', 'sunday'], got {weekend!r} ({path})"
        raise WrongUse(message)
    return Calendar(frozenset(days), frozenset(_WEEKDAYS.index(day) for day in weekend))
