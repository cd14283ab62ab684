"""
Business days: when a bank works and a file can be expected.

A calendar is one of the ``holidays`` library (``ECB``, ``DE``, ``DE-BY``), or calendars/NAME.toml of the workspace::

    holidays = [2026-12-24, 2026-12-31]
    weekend = ["friday", "saturday"]          # Saturday and Sunday where it is absent

What the library says differs from one of its versions to another. So it is asked once, for the text of a calendar of the
same form, and a result rests on that text.
"""

from __future__ import annotations

import datetime as dt
import tomllib
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tieout.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Calendar", "Calendars", "business_days", "business_index", "calendar_named", "public_texts"]

#: The longest span of days that is numbered at once.
_SPAN_MAX = 200 * 366

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKEND = frozenset({5, 6})
_FOLDER = "calendars/"
#: The years of which the library is asked, the last not included.
_YEARS = (1970, 2100)


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


@dataclass(frozen=True, slots=True)
class Calendars:
    """
    The calendars that a result rests on, as they were then; without one, Monday to Friday are worked.

    :ivar texts: of calendars, by name; ``accounts``: which calendar an account has.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def kept(cls, texts: Mapping[str, str]) -> Calendars:
        """
        Read which there were from the texts that a result rests on.

        :param texts: by name: ``tieout.toml``, ``calendars/NAME.toml``, and others.
        """
        content = tomllib.loads(texts.get("tieout.toml", ""))
        sources = {source.get("id"): source.get("calendar") for source in content.get("source", ())}
        said = {a.get("id"): a.get("calendar") or sources.get(a.get("source")) for a in content.get("account", ())}
        named = {_plain(name): text for name, text in texts.items() if name.startswith(_FOLDER)}
        return cls(named, {account: _plain(name) for account, name in said.items() if name})

    def of(self, named: str, account: str | None) -> Calendar:
        """Give the calendar of a window of days: that of an account for ``business``, else the one of that name."""
        name = self.accounts.get(account or "") if named == "business" else named
        return _read(self.texts[name], name) if name and name in self.texts else Calendar(frozenset())


def calendar_named(name: str | None, folder: Path) -> Calendar:
    """
    Give the calendar of a name; without a name, Monday to Friday are worked.

    :param folder: the workspace.
    :raises WrongUse: the calendar's file has a fault, or there is no such calendar.
    """
    if name is None:
        return Calendar(frozenset())
    own = folder / _FOLDER / f"{name}.toml"
    if not own.is_file():
        return _read(_public_text(name), name)
    try:
        text = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"expected a calendar in TOML, got {error} ({own})"
        raise WrongUse(message) from None
    return _read(text, str(own))


def public_texts(names: Iterable[str], folder: Path) -> dict[str, str]:
    """
    Write the calendars of the ``holidays`` library that a workspace names, as files of its own would have them.

    :return: {path relative to the workspace: text}; none of a calendar that is the workspace's own.
    :raises WrongUse: there is no such calendar.
    """
    paths = {f"{_FOLDER}{name}.toml": name for name in sorted(names)}
    return {path: _public_text(name) for path, name in paths.items() if not (folder / path).is_file()}


@lru_cache(maxsize=100)
def _public_text(name: str) -> str:
    """Ask the ``holidays`` library for a calendar, and write it as a file of the workspace would have it."""
    import holidays

    code, _, part = name.partition("-")
    known = getattr(holidays, code, None) if code.isupper() else None
    if known is None:
        message = f"expected a calendar of the holidays library or calendars/{name}.toml, got {name!r}"
        raise WrongUse(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of some countries it knows fewer years
        found = known(years=range(*_YEARS), **({"subdiv": part} if part else {}))
    weekend = ", ".join(f'"{_WEEKDAYS[day]}"' for day in sorted(getattr(found, "weekend", _WEEKEND)))
    days = "".join(f"    {day},\n" for day in sorted(found))
    return f"holidays = [\n{days}]\nweekend = [{weekend}]\n"


def _plain(name: str) -> str:
    return name.removeprefix(_FOLDER).removesuffix(".toml")


def business_days(calendar: Calendar, one: dt.date, other: dt.date) -> int:
    """Count the days that are worked after the one day up to the other; backwards as a negative number."""
    if other < one:
        return -business_days(calendar, other, one)
    return sum(calendar.is_business_day(one + dt.timedelta(days=step)) for step in range(1, (other - one).days + 1))


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


@lru_cache(maxsize=100)
def _read(text: str, where: str) -> Calendar:
    """
    Read the text of a calendar.

    :param where: what messages call it.
    """
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"expected a calendar in TOML, got {error} ({where})"
        raise WrongUse(message) from None
    days, weekend = content.pop("holidays", []), content.pop("weekend", ["saturday", "sunday"])
    if content:
        message = f"expected the keys holidays and weekend, got {min(content)!r} ({where})"
        raise WrongUse(message)
    if not isinstance(days, list) or not all(type(day) is dt.date for day in days):
        message = f"expected holidays as a list of dates such as 2026-12-24, got {str(days)[:80]} ({where})"
        raise WrongUse(message)
    if not isinstance(weekend, list) or not set(weekend) <= set(_WEEKDAYS):
        message = f"expected weekend as a list of days such as ['saturday', 'sunday'], got {weekend!r} ({where})"
        raise WrongUse(message)
    return Calendar(frozenset(days), frozenset(_WEEKDAYS.index(day) for day in weekend))
