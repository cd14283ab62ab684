"""
Which days the files of a source speak of: by their statements, and by the days on which their lines were booked.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from tieout.config.calendars import Calendar
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["Coverage", "Unit", "coverage_of", "units_between"]

#: The most days that one statement is taken to cover, and the most that are expected one by one.
DAYS_MAX = 3_660
_DAY = dt.timedelta(days=1)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Unit:
    """
    One day, week or month of which a file is expected.

    :ivar over: False for a week or month that has not ended yet: nothing is missing before it has.
    """

    days: tuple[dt.date, ...]
    over: bool = True

    @property
    def last(self) -> dt.date:
        """Its last day: the one that it is named by."""
        return self.days[-1]


@dataclass(slots=True)
class Coverage:
    """
    What one source's files cover.

    :ivar days: every covered day with its evidence: a delivery's id, or a sentence.
    :ivar statements: the same for each account that has statements of booked entries.
    """

    days: dict[dt.date, str] = field(default_factory=dict)
    statements: dict[str, dict[dt.date, str]] = field(default_factory=dict)
    speaking: set[str] = field(default_factory=set)

    def days_of(self, account: str | None) -> dict[dt.date, str]:
        """Give the covered days of an account, or of the source as a whole."""
        return self.days if account is None else self.statements.get(account, {})

    def place_empty(
        self, deliveries: Sequence[Mapping[str, Any]], units: Sequence[Unit], days: dict[dt.date, str]
    ) -> None:
        """
        Let files that hold nothing at all cover something: a day without business has a file without rows.

        Such a file speaks for the expected day before it came, or where that is covered, for the day it came.
        """
        for row in deliveries:
            if row["state"] != "accepted" or row["delivery_id"] in self.speaking:
                continue
            came = row["received_at"].date()
            before = [unit for unit in units if unit.last < came][-1:]
            same = [unit for unit in units if came in unit.days]
            for unit in [*before, *same]:
                if not any(day in days for day in unit.days):
                    days[unit.last] = row["delivery_id"]
                    break


def coverage_of(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot) -> defaultdict[str, Coverage]:
    """Find what each source's deliveries cover, by source."""
    found: defaultdict[str, Coverage] = defaultdict(Coverage)
    accounts = _add_statements(found, snapshot)
    order = {
        row["delivery_id"]: row["sequence"]
        for row in snapshot.deliveries.select(["delivery_id", "sequence"]).to_pylist()
    }
    told = con.execute(_booked_days(lake, snapshot)).fetchall()
    for source, account, day, delivery in sorted(told, key=lambda row: (order.get(row[3], 0), row)):
        coverage = found[source]
        coverage.speaking.add(delivery)
        coverage.days.setdefault(day, delivery)
        if (source, account) in accounts:
            coverage.statements[account].setdefault(day, delivery)
    return found


def _booked_days(lake: Lake, snapshot: Snapshot) -> str:
    """Write the query for every (source, account, day, delivery with lines booked on it)."""
    files = snapshot.files
    records = table(lake, "records", files["records"])
    names = "source_id, account_id, booked_on, delivery_id"
    return f"""
        with told as (
            select {names} from {records} where version = 1 group by all
            union all select {names} from {table(lake, "assertions", files["assertions"])} group by all
            union all
            select w.source_id, r.account_id, r.booked_on, w.delivery_id
            from {table(lake, "witnesses", files["witnesses"])} w
            join {records} r on r.record_key = w.record_key and r.record_id = w.record_id
            where not w.withdrawn group by all
        )
        select distinct {names} from told where booked_on is not null
    """


def _add_statements(found: defaultdict[str, Coverage], snapshot: Snapshot) -> set[tuple[str, str]]:
    """Add the days of statements of booked entries; gives the accounts that have any."""
    chains: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in snapshot.statements.to_pylist():
        found[row["source_id"]].speaking.add(row["delivery_id"])
        if row["final"] and row["to_day"] is not None:
            chains[row["source_id"], row["account_id"], row["currency"] or ""].append(row)
    for (source, account, _currency), rows in sorted(chains.items()):
        days = found[source].statements.setdefault(account, {})
        for row in rows:
            for day in _days_of(row["from_day"], row["to_day"]):
                days.setdefault(day, row["delivery_id"])
                found[source].days.setdefault(day, row["delivery_id"])
        for day, sentence in _quiet_days(rows):
            days.setdefault(day, sentence)
    return {(source, account) for source, account, _currency in chains}


def _days_of(first: dt.date | None, last: dt.date) -> list[dt.date]:
    """Give the days of a statement: after its opening balance up to its closing one."""
    if first is None or first >= last:
        return [last]
    count = min((last - first).days, DAYS_MAX)
    return [last - _DAY * back for back in range(count)]


def _quiet_days(rows: list[dict[str, Any]]) -> list[tuple[dt.date, str]]:
    """
    Find days without a statement on which nothing moved: the next statement opens with what the one before closed.
    """
    closed: defaultdict[dt.date, set[Decimal]] = defaultdict(set)
    opened: defaultdict[dt.date, set[Decimal]] = defaultdict(set)
    for row in rows:
        for ends, name in ((opened, "opening"), (closed, "closing")):
            ends[row["to_day"]] |= {Decimal(row[name])} if row[name] is not None else set()
    found = []
    # Pages, or a statement issued again: of a day, any that fits tells.
    for before, after in pairwise(sorted(closed)):
        if not closed[before] & opened[after]:
            continue
        between = min((after - before).days, DAYS_MAX)
        told = f"nothing moved: the statement of {after} opens with what that of {before} closed with"
        found += [(before + _DAY * ahead, told) for ahead in range(1, between)]
    return found


def units_between(expects: str, first: dt.date, last: dt.date, calendar: Calendar) -> list[Unit]:
    """
    List the days, weeks or months of which a file is expected.

    :param expects: ``daily``, ``business-daily``, ``weekly`` (Monday to Sunday) or ``monthly``.
    """
    first = max(first, last - _DAY * DAYS_MAX)
    days = [first + _DAY * ahead for ahead in range((last - first).days + 1)]
    if expects == "daily":
        return [Unit((day,)) for day in days]
    if expects == "business-daily":
        return [Unit((day,)) for day in days if calendar.is_business_day(day)]
    groups: dict[tuple[int, int], None] = {}
    for day in days:
        groups[day.isocalendar()[:2] if expects == "weekly" else (day.year, day.month)] = None
    span = _week if expects == "weekly" else _month
    whole = [span(*group) for group in groups]
    return [Unit(unit, over=unit[-1] <= last) for unit in whole]


def _week(year: int, week: int) -> tuple[dt.date, ...]:
    monday = dt.date.fromisocalendar(year, week, 1)
    return tuple(monday + _DAY * ahead for ahead in range(_WEEK))


def _month(year: int, month: int) -> tuple[dt.date, ...]:
    first = dt.date(year, month, 1)
    days = tuple(first + _DAY * ahead for ahead in range(31))
    return tuple(day for day in days if day.month == month)
