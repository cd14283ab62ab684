"""
The roll-forward of one account: from its opening, by its movements, to the balance that the outside reports.

What balances are reported, and whether it leads to them, is found in ``points``. A platform that only reports settlements
says by each of them that nothing of its lines is left: what is not paid out is carried over into the next
one, and is on its way there. Lines of settlements that are not closed yet were booked since. A payout that names no
lines, such as one that a person ordered, says nothing of what is left: it is a movement like any other.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tieout.model.kinds import WITH_LINES
from tieout.model.money import format_minor
from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.lines import named, scaled
from tieout.observe.proofs.points import first_opening, held_points, opened_otherwise, points_of, reports
from tieout.observe.proofs.proof import Movement

if TYPE_CHECKING:
    import duckdb

    from tieout.model.accounts import Opening

__all__ = ["FEES", "TAX", "Roll", "parts", "roll", "since_of"]

#: What lines of any kind cost, as movements of their own.
FEES, TAX = "fees kept back", "tax on fees"
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
    points, faults, notes = points_of(con, accounts, currency, exponent, as_of)
    if opening is not None:
        con.execute(f"delete from line where booked_on <= date '{opening.on}'")
        faults += opened_otherwise(con, (accounts, currency, exponent), opening, points)
    opened_on, amount = (opening.on, opening.amount.scaled(exponent)) if opening else (None, None)
    settled = [] if reports(con, accounts, currency) else _settle(con, amount or 0)
    if opening is None and points:
        opened_on, amount = first_opening(con, accounts, currency, exponent)
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
    points, breaks_on, left_out = held_points(
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
