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
    from pathlib import Path

__all__ = ["Calendar", "calendar_named"]

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
