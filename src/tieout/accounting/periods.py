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

__all__ = ["LedgerPeriod", "period_of"]

_PATTERNS = {"4-4-5": (4, 8), "4-5-4": (4, 9), "5-4-4": (5, 9)}
_WEEKS_OF_A_QUARTER = 13


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
