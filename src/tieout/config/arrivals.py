"""
When money that left a platform should have arrived.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tieout.config.calendars import business_index, calendar_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tieout.config.workspace import Account

__all__ = ["SETTLES_BUSINESS_DAYS", "arrival_days"]

#: How many business days money takes where its account does not say (``settles_after``).
SETTLES_BUSINESS_DAYS = 5
_BEFORE, _BEHIND = dt.timedelta(days=7), dt.timedelta(days=800)


def arrival_days(
    accounts: Sequence[Account], folder: Path, left: Sequence[tuple[str | None, dt.date]]
) -> list[dt.date]:
    """
    Say by when money should have arrived, by its account's delay and calendar.

    :param left: (account, the day on which it left); the answers are in the same order.
    :raises WrongUse: a calendar has a fault.
    """
    if not left:
        return []
    known = {account.id: account for account in accounts}
    first, last = min(day for _, day in left) - _BEFORE, max(day for _, day in left) + _BEHIND
    numbers: dict[str | None, tuple[dict[dt.date, int], dict[int, dt.date]]] = {}
    found = []
    for account_id, day in left:
        account = known.get(account_id or "")
        delay = account.settles_after if account else None
        if delay is not None and not delay.business:
            found.append(day + dt.timedelta(days=delay.days))
            continue
        name = account.calendar if account else None
        if name not in numbers:
            index = business_index(calendar_named(name, folder), first, last)
            opens: dict[int, dt.date] = {}
            for open_day, number in index.items():
                opens.setdefault(number, open_day)
            numbers[name] = (index, opens)
        index, opens = numbers[name]
        found.append(opens[index[day] + (delay.days if delay else SETTLES_BUSINESS_DAYS)])
    return found
