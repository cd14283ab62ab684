"""
The roll-forward of one account: from its opening, by its movements, to the balance that the outside reports.

A bank reports its balance with every statement, a platform in a report of its balance, or at a moment of a day: then what
was booked up to that moment leads to it. A platform that only reports
settlements says by each of them that nothing of its lines is left: what is not paid out is carried over into the next
one, and is on its way there. Lines of settlements that are not closed yet were booked since. A payout that names no
lines, such as one that a person ordered, says nothing of what is left: it is a movement like any other.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from tieout.model.kinds import WITH_LINES
from tieout.model.money import format_minor
from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.lines import REPORTS, SECOND, named, scaled
from tieout.observe.proofs.proof import Movement

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from tieout.config.workspace import Opening

__all__ = ["FEES", "TAX", "Roll", "parts", "roll", "since_of"]

#: What lines of any kind cost, as movements of their own.
FEES, TAX = "fees kept back", "tax on fees"
_DAY = dt.timedelta(days=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: Which lines of the table ``line`` are of no settlement that is closed.
_UNSETTLED = "settlement_id is null or settlement_id not in (select settlement_id from settled)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """
    A roll-forward, as ``proof.AccountProof`` has it.

    :ivar carried: what settlements have carried over and no later one has opened with yet.
    :ivar reported_at: the moment of ``reported_on`` of which the balance is told; None: the day's end.
    :ivar after: which lines of the table ``line`` were booked since, as SQL.
    :ivar said: who reported the balance; ``faults``: what is wrong with what was reported; ``notes``: which balances are
        held against nothing, and why.
    """

    opening: int | None
    opened_on: dt.date | None
    movements: tuple[Movement, ...]
    closing: int | None
    reported: int | None = None
    reported_on: dt.date | None = None
    reported_at: dt.datetime | None = None
    after: str = "false"
    since: int = 0
    since_count: int = 0
    carried: int = 0
    breaks_on: dt.date | None = None
    settlement: str | None = None
    said: str | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Point:
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


@dataclass(frozen=True, slots=True)
class _Settlement:
    """
    A settlement that is closed.

    :ivar brought: what it opened with, negative where that was owed; ``opened_by``: the records that say so.
    :ivar carried_over: what the next one should open with.
    """

    name: str
    closed_on: dt.date
    brought: int
    opened_by: tuple[bytes, ...]
    carried_over: int


def roll(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, exponent: int, as_of: dt.date,
    opening: Opening | None,
) -> Roll:  # fmt: skip
    """
    Roll an account forward (a ledger account may stand in the facts under several ids).

    :param opening: as tieout.toml declares it; None: the first that the outside reports.
    """
    con.execute(f"""
        create or replace temp table line as
        select *, {scaled("effect", exponent)} as measured from moved
        where account_id in ({named(accounts)}) and currency = {literal(currency)} and booked_on <= date '{as_of}'
    """)
    points, faults, notes = _points(con, accounts, currency, exponent, as_of)
    if opening is not None:
        con.execute(f"delete from line where booked_on <= date '{opening.on}'")
        faults += _opened_otherwise(con, (accounts, currency, exponent), opening, points)
    opened_on, amount = (opening.on, opening.amount.scaled(exponent)) if opening else (None, None)
    settled = [] if _reports(con, accounts, currency) else _settle(con, amount or 0)
    if opening is None and points:
        opened_on, amount = _first_opening(con, accounts, currency, exponent)
    if opening is None and settled:
        amount = settled[0].brought
    if settled and amount == settled[0].brought != 0:
        # What the first settlement was opened with is the opening itself, and no movement beside it.
        con.execute("delete from line where carried and record_id in (select unnest(?))", [settled[0].opened_by])
    if opened_on is not None:
        con.execute(f"delete from line where booked_on <= date '{opened_on}'")
    movements = _movements(con, exponent)
    closing = None if amount is None else amount + sum(movement.amount for movement in movements)
    kept = {"opening": amount, "opened_on": opened_on, "movements": movements, "closing": closing}
    if settled:
        return _by_settlements(con, settled, faults, notes=tuple(notes), **kept)
    # On the day of the opening only its end is known.
    points = [p for p in points if opened_on is None or p.day > opened_on or (p.day == opened_on and p.at is None)]
    points, breaks_on, left_out = _held(
        con, points, amount, lambda apart: f"{format_minor(apart, exponent)} {currency}"
    )
    said = {"faults": tuple(faults), "notes": (*notes, *left_out)}
    if not points:
        return Roll(**said, **kept)  # type: ignore[arg-type]  # as above
    last = points[-1]
    since, count = _sum(con, last.after)
    return Roll(
        reported=last.amount, reported_on=last.day, reported_at=last.at, after=last.after, since=since, since_count=count,
        said=last.said, breaks_on=breaks_on, **said, **kept,  # type: ignore[arg-type]  # as above
    )  # fmt: skip


def _reports(con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str) -> bool:
    """Whether the outside ever reports balances of an account by themselves."""
    query = f"""
        select count(*) from reported where account_id in ({named(accounts)}) and currency = {literal(currency)}
            and kind in ('opening', {named(REPORTS)})
    """
    return bool(con.execute(query).fetchall()[0][0])


def _points(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, exponent: int, as_of: dt.date
) -> tuple[list[_Point], list[str], list[str]]:
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
    points: list[_Point] = []
    faults = []
    notes = _without_moment(con, accounts, currency, as_of)
    if not rows:
        # Before the first closing balance, what the account was opened with is what the outside said last.
        on, opened = _first_opening(con, accounts, currency, exponent)
        source = _reporter(con, accounts)
        points = (
            [_Point(on, opened, f"{source}, opening after {on:%d %b %Y}")]
            if on and opened is not None and on <= as_of
            else []
        )
    for day, moment, amounts, source, different in rows:
        at = None if moment is None else _EPOCH + dt.timedelta(microseconds=moment)
        when = f"{day:%d %b %Y}" if at is None else f"{at:%d %b %Y %H:%M:%S} UTC"
        points.append(_Point(day, int(amounts[0]), f"{source}, balance of {when}", at))
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


def _held(
    con: duckdb.DuckDBPyConnection, points: list[_Point], opening: int | None, written: Callable[[int], str]
) -> tuple[list[_Point], dt.date | None, list[str]]:
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
    held: list[_Point] = []
    broken: list[tuple[_Point, int]] = []
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
    con: duckdb.DuckDBPyConnection, points: list[_Point]
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


def _first_opening(
    con: duckdb.DuckDBPyConnection, accounts: tuple[str, ...], currency: str, exponent: int
) -> tuple[dt.date | None, int | None]:
    """Give the first opening balance that was reported; all lines of the facts are movements after it."""
    rows = con.execute(f"""
        select least(booked_on, coalesce((select min(booked_on) from line), booked_on)), {scaled("amount", exponent)}::varchar
        from reported where account_id in ({named(accounts)}) and currency = {literal(currency)} and kind = 'opening'
            and sub_account is null order by booked_on, sequence, line limit 1
    """).fetchall()
    return (rows[0][0] - _DAY, int(rows[0][1])) if rows else (None, None)


def _opened_otherwise(
    con: duckdb.DuckDBPyConnection, asked: tuple[tuple[str, ...], str, int], opening: Opening, points: list[_Point]
) -> list[str]:
    """Say where the outside says of the day of a declared opening that the account had another balance."""
    accounts, currency, exponent = asked
    on, amount = _first_opening(con, accounts, currency, exponent)
    told = {point.day: point.amount for point in points if point.at is None} | ({on: amount} if on else {})
    said, declared = told.get(opening.on), opening.amount.scaled(exponent)
    if said is None or said == declared:
        return []
    sentence = (
        f"{_reporter(con, accounts)} says that the account had {format_minor(said, exponent)} {currency} at the end of"
        f" {opening.on}, tieout.toml says that it opened with {format_minor(declared, exponent)}: one of the two is wrong"
    )
    return [sentence]


def parts(exponent: int) -> str:
    """
    Write the query for what the table ``line`` has of each movement, named by ``label``.

    What a line costs stands apart, so that a charge is what the customer paid.
    """
    told = "lower(hex(record_id)) as record_id, external_id, kind, booked_on"
    return f"""
        select kind as label, {told}, measured + {scaled("cost", exponent)} as amount, 1 as place from (
            select *, case when effect = amount then 0 else fee + fee_tax end as cost from line)
        union all select '{FEES}', {told}, -{scaled("fee", exponent)}, 2 from line where fee <> 0 and effect <> amount
        union all select '{TAX}', {told}, -{scaled("fee_tax", exponent)}, 3 from line where fee_tax <> 0 and effect <> amount
    """


def _movements(con: duckdb.DuckDBPyConnection, exponent: int) -> tuple[Movement, ...]:
    """Sum the lines by kind, and what they cost."""
    rows = con.execute(
        f"select label, count(*), sum(amount)::varchar from ({parts(exponent)}) group by label order by min(place), label"
    ).fetchall()
    return tuple(Movement(kind=kind, count=count, amount=int(amount)) for kind, count, amount in rows)


def since_of(found: Roll) -> str:
    """Write the condition for the lines of the table ``line`` that were booked since the balance of a roll-forward."""
    if found.settlement is not None:
        return _UNSETTLED
    return found.after


def _sum(con: duckdb.DuckDBPyConnection, condition: str) -> tuple[int, int]:
    query = f"select coalesce(sum(measured), 0)::varchar, count(*) from line where {condition}"
    amount, count = con.execute(query).fetchall()[0]
    return int(amount), int(count)


def _settle(con: duckdb.DuckDBPyConnection, opening: int) -> list[_Settlement]:
    """
    Make ``settled`` (settlement_id): the settlements of the account that are closed.

    One without a line that it pays out or carries over closes nothing: it is a payout that names no lines. Money that was
    sent to the platform is such a line, and pays nothing out.

    :param opening: what the account opened with, as the first of them may bring it along.
    :return: what they bring along and carry over, in the order in which they were closed.
    """
    con.execute(f"""
        create or replace temp table settled as
        select settlement_id, max(booked_on) as closed_on, max(coalesce(occurred_at, booked_on)) as closed_at,
            bool_or(kind in ({named(WITH_LINES)})) as pays,
            coalesce(list(measured::varchar order by booked_on, record_id) filter (where carried), []) as amounts,
            coalesce(list(record_id order by booked_on, record_id) filter (where carried), []) as ids
        from line where settlement_id is not null group by 1
        having bool_or(kind not in ({named(WITH_LINES)})) and (pays or sum(measured) = 0)
    """)
    found: list[_Settlement] = []
    rows = con.execute(
        "select settlement_id, closed_on, pays, amounts, ids from settled order by closed_at, settlement_id"
    )
    for name, day, pays, amounts, ids in rows.fetchall():
        moves = list(zip(map(int, amounts), ids, strict=True))
        brought = _brought(moves, found[-1].carried_over if found else opening, pays=pays)
        found.append(
            _Settlement(
                name, day, sum(amount for amount, _ in brought), tuple(record_id for _, record_id in brought),
                -sum(amount for amount, record_id in moves if (amount, record_id) not in brought),
            )
        )  # fmt: skip
    return found


def _brought(moves: list[tuple[int, bytes]], before: int, *, pays: bool) -> list[tuple[int, bytes]]:
    """
    Tell what a settlement brought along from what it carries over, of either sign: a balance can be owed, too.

    It opens with what the one before it carried over. Of what is left, a settlement that pays nothing out ends with its
    one line; else money came along, and what left is carried over.

    :param moves: (amount, record id) of what it moved between settlements. ``before``: what the one before carried over.
    """
    opened = next(([move] for move in moves if move[0] == before), [])
    rest = [move for move in moves if move not in opened]
    if len(rest) == 1 and not pays:
        return opened
    return opened + [move for move in rest if move[0] > 0]


def _by_settlements(
    con: duckdb.DuckDBPyConnection, settled: list[_Settlement], faults: list[str], **kept: object
) -> Roll:
    """
    Hold the account against its settlements: each leaves nothing behind but what it carries over into the next one.
    """
    broken = [
        f"settlement {one.name} of {one.closed_on:%d %b %Y} does not open with what the one before it carried over"
        for before, one in reversed(list(pairwise(settled)))
        if one.brought != before.carried_over
    ]
    last = settled[-1]
    since, count = _sum(con, _UNSETTLED)
    carried, _ = _sum(con, "carried")
    return Roll(
        reported=0, reported_on=last.closed_on, settlement=last.name, since=since, since_count=count, carried=-carried,
        faults=(*faults, *broken, *_without_lines(con)),
        said=f"all of settlement {last.name} of {last.closed_on:%d %b %Y} is paid out or carried over", **kept,  # type: ignore[arg-type]  # as roll writes them
    )  # fmt: skip


def _without_lines(con: duckdb.DuckDBPyConnection) -> list[str]:
    """
    Name the payouts that name no lines: whether all that they paid out is here only a reported balance would say.

    One that came back paid nothing out.
    """
    rows = con.execute(f"""
        select coalesce(settlement_id, external_id), sum(measured) as paid from line
        where kind in ({named(WITH_LINES)}) and ({_UNSETTLED}) group by 1 having paid <> 0 order by max(booked_on), 1
    """).fetchall()
    if not rows:
        return []
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    name = rows[0][0] or "without an identifier"
    message = f"payout {name}{more} names no lines that it paid out, and nobody reports a balance: whether those lines are all here nobody says"
    return [message]
