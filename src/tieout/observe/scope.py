"""
What a page speaks of: which company, which currency, which days, and as known at which time.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Scope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """
    The part of the facts that a page shows.

    :ivar entity: of the workspace; None: all of them.
    :ivar currency: amounts of different currencies are never added, so a sum has one.
    :ivar first, last: the days of the period, both included; None: since the beginning, up to ``as_of``.
    :ivar as_of: what was booked later does not count; None: whatever is known.
    :ivar known_at: what was learned later does not count; None: now.
    """

    currency: str
    entity: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None

    @property
    def until(self) -> dt.date | None:
        """The last day that counts."""
        days = [day for day in (self.last, self.as_of) if day is not None]
        return min(days, default=None)
