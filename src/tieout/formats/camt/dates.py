"""Days and moments as banks write them in XML."""

import datetime as dt
from functools import lru_cache

from tieout.errors import BadInput

__all__ = ["day_or_none", "read_day", "read_moment", "read_value_day"]

#: What may follow the ten characters of a day: nothing, a time, or the zone that XML allows behind a date.
_AFTER_DAY = "TZ+- "
#: A statement names the same few days over and over.
_FIRST_YEAR = 1900
_calendar_day = lru_cache(maxsize=1024)(dt.date.fromisoformat)


def read_day(text: str) -> dt.date:
    """
    Read the calendar day that is written, without converting any time zone.

    ``2026-10-31``, ``2026-10-31+01:00`` and ``2026-10-31T23:59:59Z`` are the same day.

    :raises BadInput: it is no day of the calendar.
    """
    if text[4:5] == "-" == text[7:8] and text[10:11] in _AFTER_DAY:
        try:
            day = _calendar_day(text[:10])
        except ValueError:
            day = None
        if day is not None and day.year >= _FIRST_YEAR:
            return day
    message = f"expected a day such as 2026-10-31, got {text[:40]!r}"
    raise BadInput(message)


def read_value_day(text: str) -> dt.date:
    """
    Read a value date: 29 and 30 February (interest on months of 30 days) are the last day of that month.

    :raises BadInput: it is no day of the calendar.
    """
    if text[4:10] in {"-02-29", "-02-30"} and text[10:11] in _AFTER_DAY:
        return read_day(f"{text[:4]}-03-01") - dt.timedelta(days=1)
    return read_day(text)


def read_moment(text: str | None, *, assume_utc: bool = False) -> dt.datetime | None:
    """
    Read a moment in UTC; None where it has no time zone (unless ``assume_utc``) or cannot be read.

    Moments are never what an entry is booked by, so that a malformed one (seen: ``11:17:11:7``) is no fault.
    """
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=dt.UTC) if assume_utc else None
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def day_or_none(text: str | None) -> dt.date | None:
    """Read a day of the header; None where there is none or it cannot be read."""
    try:
        return read_day(text) if text else None
    except BadInput:
        return None
