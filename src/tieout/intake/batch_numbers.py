"""
Does a batch lie between two others that nobody delivered: law 4, for platforms that number the batches of an account.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tieout.intake.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Batch", "missing_batches", "series_scope"]

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """
    One batch of which lines stand.

    :ivar series: the merchant account whose batches are numbered together.
    :ivar closed_on: the day of its last line.
    :ivar source_id, delivery_id: what told of it.
    """

    series: str
    number: int
    closed_on: dt.date | None
    source_id: str
    delivery_id: str
    entity_id: str
    account_id: str


def series_scope(system: str, series: str) -> str:
    """Name the scope of the batches of one merchant account."""
    return f"batches {system} {series}"


def missing_batches(system: str, batches: Iterable[Batch]) -> list[Finding]:
    """Find the numbers that are left out between batches; nobody knows what comes before the first one."""
    ordered = sorted(batches, key=lambda b: (b.series, b.number))
    return [
        _missing(system, before, after)
        for before, after in pairwise(ordered)
        if before.series == after.series and after.number > before.number + 1
    ]


def _missing(system: str, before: Batch, after: Batch) -> Finding:
    first, last = before.number + 1, after.number - 1
    missing = f"batch {first} is" if first == last else f"batches {first} to {last} are"
    note = f"expected the batches of {after.series} without gaps, got {after.number} after {before.number}: {missing} missing"
    return Finding(
        scope=series_scope(system, after.series),
        reason="incomplete",
        note=note,
        source_id=after.source_id,
        delivery_id=after.delivery_id,
        entity_id=after.entity_id,
        account_id=after.account_id,
        booked_day=None if after.closed_on is None else (after.closed_on - _EPOCH).days,
    )
