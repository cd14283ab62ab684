"""
The balances that the outside reports of an account, and whether opening and lines lead to each of them.

A bank reports its balance with every statement; a platform in a report of its balance, for the end of a day, or by an
event at a moment of it: then what was booked up to that moment leads to it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from tieout.model.money import format_minor
from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.lines import REPORTS, SECOND, named, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from tieout.model.accounts import Opening

__all__ = ["Point", "first_opening", "held_points", "opened_otherwise", "points_of", "reports"]

_DAY = dt.timedelta(days=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Point:
    """
    A balance that the outside reported of the end of a day, or of a moment in it.

    :ivar at: the moment; None: the end of the day.
    :ivar with_moment: whether it counts what was booked in the very second of its moment.
    """

    day: dt.date
    amount: int
    said: str
    at: dt.datetime | None = None
    with_moment: bool = True

    @property
    def after(self) -> str:
        """Which lines of the table ``line`` were booked since, as SQL."""
        later = f"booked_on > date '{self.day}'"
        if self.at is None:
            return later
        moment = f"{SECOND} {'>' if self.with_moment else '>='} {_second(self.at)}"
        return f"({later} or (booked_on = date '{self.day}' and {moment}))"


def reports(con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str) -> bool:
    """Whether the outside ever reports balances of an account by themselves."""
    query = f"""
        select count(*) from reported where account_id in ({named(accounts)}) and currency = {literal(currency)}
            and kind in ('opening', {named(REPORTS)})
    """
    return bool(con.execute(query).fetchall()[0][0])


def points_of(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, exponent: int, as_of: dt.date
) -> tuple[list[Point], list[str], list[str]]:
    """
    List the balances that were reported, one for the end of a day and for each moment in it.

    Of several closing balances of one day, the last of a chain counts: the one that no statement opens with. If they
    contradict each other, the newest counts, and the contradiction is a fault.

    :return: with the faults, and a sentence for those of which nobody says when.
    """
    where = f"account_id in ({named(accounts)}) and currency = {literal(currency)} and booked_on <= date '{as_of}'"
    rows = con.execute(f"""
        with closing as (
            select booked_on, null::timestamptz as told_at, {scaled("amount", exponent)} as amount, source_id, sequence, line
            from reported where {where} and kind in ('closing', 'ledger') and sub_account is null
            union all
            -- A platform's balance is what it has available and what is pending, over all its parts.
            select booked_on, told_at, sum({scaled("amount", exponent)}), any_value(source_id), sequence, line
            from reported where {where} and kind in ('available', 'pending') and told_at is not null
            group by booked_on, told_at, sequence, line having bool_or(kind = 'available')
        ), chained as (
            select c.*, told_at is null and exists (select 1 from reported o where o.{where} and o.kind = 'opening'
                and o.booked_on = c.booked_on and {scaled("o.amount", exponent)} = c.amount) as goes_on
            from closing c
        ), ranked as (
            select *, bool_and(goes_on) over (partition by booked_on, told_at) as every from chained
        )
        select booked_on, epoch_us(told_at), list(amount::varchar order by sequence desc, line desc),
            arg_max(source_id, (sequence, line)), count(distinct amount)
        from ranked where every or not goes_on group by booked_on, told_at order by booked_on, told_at nulls last
    """).fetchall()
    points: list[Point] = []
    faults = []
    notes = _without_moment(con, accounts, currency, as_of)
    if not rows:
        # Before the first closing balance, what the account was opened with is what the outside said last.
        on, opened = first_opening(con, accounts, currency, exponent)
        source = _reporter(con, accounts)
        points = (
            [Point(on, opened, f"{source}, opening after {on:%d %b %Y}")]
            if on and opened is not None and on <= as_of
            else []
        )
    for day, moment, amounts, source, different in rows:
        at = None if moment is None else _EPOCH + dt.timedelta(microseconds=moment)
        when = f"{day:%d %b %Y}" if at is None else f"{at:%d %b %Y %H:%M:%S} UTC"
        points.append(Point(day, int(amounts[0]), f"{source}, balance of {when}", at))
        if different > 1:
            faults.append(f"{source} reports {different} closing balances of {when}: the newest is taken")
    return points, faults, notes


def _without_moment(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, as_of: dt.date
) -> list[str]:
    """Say of how many balances nobody says when they were told: no line can be held against them."""
    rows = con.execute(f"""
        select source_id, sum(times) from (
            select account_id, currency, source_id, times from undated
            union all
            select account_id, currency, source_id, 1 from reported
            where kind = 'available' and told_at is null and booked_on <= date '{as_of}'
        ) where account_id in ({named(accounts)}) and currency = {literal(currency)} group by source_id order by source_id
    """).fetchall()
    return [
        f"{source} reports {count} balance{'s' if count > 1 else ''} without saying of when: held against no line. A report"
        " says the day, an event that bears the balance (balance.available) the moment"
        for source, count in rows
    ]


def _second(moment: dt.datetime) -> str:
    return f"timestamptz '{moment:%Y-%m-%d %H:%M:%S}+00'"


def held_points(
    con: duckdb.DuckDBPyConnection, points: list[Point], opening: int | None, written: Callable[[int], str]
) -> tuple[list[Point], dt.date | None, list[str]]:
    """
    Hold every balance against the opening and the lines up to its day's end, or its moment.

    Whether what was booked in the very second of the moment is in a balance nobody says: it is, unless the balance is the
    one before. Among several such lines some may be in it; where neither fits, and where lines of that day have no time,
    nothing can be said of the balance.

    :return: those that can be held against lines, the first day whose balance these do not lead to, and a sentence for each
        that cannot, and for the first that differs where the last does not.
    """
    rows = con.execute("select booked_on, sum(measured)::varchar from line group by 1 order by 1").fetchall()
    days, sums = [day for day, _ in rows], [0, *accumulate(int(amount) for _, amount in rows)]
    within = _within(con, points)
    held: list[Point] = []
    broken: list[tuple[Point, int]] = []
    notes: list[str] = []
    for point in points:
        if point.at is None:
            reached = sums[bisect_right(days, point.day)]
        else:
            before, together, count, timeless = within[point.day, point.at]
            if timeless:
                notes.append(
                    f"{point.said}: held against no line, since of {timeless} of the lines of that day nobody says the time"
                )
                continue
            reached = sums[bisect_left(days, point.day)] + before
            wanted = None if opening is None else point.amount - opening
            if wanted != reached + together and wanted not in (None, reached) and count > 1:
                notes.append(f"{point.said}: held against no line, since {count} lines were booked in that very second")
                continue
            point = replace(point, with_moment=wanted != reached)  # noqa: PLW2901 - the same balance, placed
            reached += together if point.with_moment else 0
        held.append(point)
        apart = 0 if opening is None else point.amount - opening - reached
        if apart:
            broken.append((point, apart))
    if broken and broken[-1][0] is not held[-1]:
        # The last one speaks for the account; one before it that differs is not hidden by it.
        first, apart = broken[0]
        notes.append(
            f"{first.said}: differs by {written(apart)} from what the lines come to by then, a later balance does not"
        )
    return held, broken[0][0].day if broken else None, notes


def _within(
    con: duckdb.DuckDBPyConnection, points: list[Point]
) -> dict[tuple[dt.date, dt.datetime], tuple[int, int, int, int]]:
    """
    Look into the days of which balances of a moment are told.

    :return: what lines of that day moved before the second, what and how many in it, and of how many nobody says the time.
    """
    told = [(point.day, point.at) for point in points if point.at is not None]
    if not told:
        return {}
    asked = ", ".join(f"({place}, date '{day}', {_second(at)})" for place, (day, at) in enumerate(told))
    rows = con.execute(f"""
        select coalesce(sum(measured) filter ({SECOND} < moment), 0)::varchar,
            coalesce(sum(measured) filter ({SECOND} = moment), 0)::varchar, count(*) filter ({SECOND} = moment),
            count(*) filter (measured is not null and occurred_at is null)
        from (values {asked}) p (place, day, moment) left join line on booked_on = p.day group by place order by place
    """).fetchall()
    return {
        key: (int(before), int(at_once), *counts) for key, (before, at_once, *counts) in zip(told, rows, strict=True)
    }


def _reporter(con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...]) -> str:
    query = f"select min(source_id) from reported where account_id in ({named(accounts)}) and kind = 'opening'"
    return str(con.execute(query).fetchall()[0][0])


def first_opening(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, exponent: int
) -> tuple[dt.date | None, int | None]:
    """Give the first opening balance that was reported; all lines of the facts are movements after it."""
    rows = con.execute(f"""
        select least(booked_on, coalesce((select min(booked_on) from line), booked_on)), {scaled("amount", exponent)}::varchar
        from reported where account_id in ({named(accounts)}) and currency = {literal(currency)} and kind = 'opening'
            and sub_account is null order by booked_on, sequence, line limit 1
    """).fetchall()
    return (rows[0][0] - _DAY, int(rows[0][1])) if rows else (None, None)


def opened_otherwise(
    con: duckdb.DuckDBPyConnection, asked: tuple[tuple[str, ...], str, int], opening: Opening, points: list[Point]
) -> list[str]:
    """Say where the outside says of the day of a declared opening that the account had another balance."""
    accounts, currency, exponent = asked
    on, amount = first_opening(con, accounts, currency, exponent)
    told = {point.day: point.amount for point in points if point.at is None} | ({on: amount} if on else {})
    said, declared = told.get(opening.on), opening.amount.scaled(exponent)
    if said is None or said == declared:
        return []
    sentence = (
        f"{_reporter(con, accounts)} says that the account had {format_minor(said, exponent)} {currency} at the end of"
        f" {opening.on}, tieout.toml says that it opened with {format_minor(declared, exponent)}: one of the two is wrong"
    )
    return [sentence]
