"""
Which period of a ledger a day lies in.

The period is that of the account's booking date. ``monthly``: ``2026-10``. ``4-4-5`` and its sisters: quarters of
thirteen ISO weeks, Monday to Sunday, ``2026-P10``; the 53rd week of a long year belongs to its last period.
``erp``: the ledger's own periods, as they were read from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LedgerPeriod", "days_of_period", "period_of"]

_PATTERNS = {"4-4-5": (4, 8), "4-5-4": (4, 9), "5-4-4": (5, 9)}
_WEEKS_OF_A_QUARTER = 13
_WEEKS_OF_A_YEAR_MAX = 53


@dataclass(frozen=True, slots=True)
class LedgerPeriod:
    """A period as the ERP keeps it; first and last day belong to it."""

    ledger: str
    name: str
    first: dt.date
    last: dt.date


def period_of(kind: str, day: dt.date, own: Sequence[LedgerPeriod] = ()) -> str | None:
    """
    Name the period of a day.

    :param kind: one of ``config.PERIODS``.
    :param own: for ``erp``: the ledger's periods.
    :returns: None where the ERP has no period for the day.
    """
    if kind == "erp":
        return next((period.name for period in own if period.first <= day <= period.last), None)
    if kind == "monthly":
        return f"{day:%Y-%m}"
    year, week, _ = day.isocalendar()
    quarter = min((week - 1) // _WEEKS_OF_A_QUARTER, 3)
    within = week - 1 - quarter * _WEEKS_OF_A_QUARTER
    month = sum(within >= bound for bound in _PATTERNS[kind])
    return f"{year}-P{quarter * 3 + month + 1:02d}"


def days_of_period(kind: str, name: str) -> tuple[dt.date, dt.date] | None:
    """
    Give the first and the last day of a period of weeks.

    :param kind: one of ``config.PERIODS``.
    :param name: such as ``2026-P10``.
    :returns: None where the kind has no period of that name.
    """
    if kind not in _PATTERNS or not dt.MINYEAR < int(name[:4]) < dt.MAXYEAR:
        return None
    first = dt.date.fromisocalendar(int(name[:4]), 1, 1)
    weeks = [first + dt.timedelta(weeks=week) for week in range(_WEEKS_OF_A_YEAR_MAX)]
    own = [monday for monday in weeks if period_of(kind, monday) == name]
    return (own[0], own[-1] + dt.timedelta(days=6)) if own else None
