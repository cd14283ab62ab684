"""
What a platform holds back as a security: its holds less its releases, and what the platform itself says it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.model.money import format_minor
from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.accounts import platforms_of
from tieout.observe.proofs.lines import HELD, SECOND, named, scaled
from tieout.observe.proofs.proof import Reserve

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Account, Opening

__all__ = ["reserve_faults", "reserve_of"]


def reserve_of(
    con: duckdb.DuckDBPyConnection, workspace: Workspace, account: Account, exponent: int, day: dt.date
) -> Reserve | None:
    """
    Sum the holds and the releases of a platform's account up to a day, and hold them against what it says.

    A reserve that began before the first line has the opening of the account of kind ``reserve`` that is declared for it.

    :return: None: nothing is held back, and the platform speaks of nothing.
    """
    if account.kind == "reserve":
        return None
    opening = _opening(workspace, account, day)
    opened = 0 if opening is None else opening.amount.scaled(exponent)
    since = "" if opening is None else f" and booked_on > date '{opening.on}'"
    con.execute(f"""
        create or replace temp table held as
        select record_key, record_id, kind, booked_on, {SECOND} as second, -{scaled("effect", exponent)} as measured
        from moved where account_id = {literal(account.id)} and currency = {literal(account.currency)}
            and kind in ({named(HELD)}) and booked_on <= date '{day}'{since}
    """)
    count, holds, releases = con.execute("""
        select count(*), coalesce(sum(measured) filter (kind = 'reserve_hold'), 0)::varchar,
            coalesce(-sum(measured) filter (kind <> 'reserve_hold'), 0)::varchar from held
    """).fetchall()[0]
    reported, apart = _reported(con, account, exponent, day, opened)
    if not count and reported is None and opening is None:
        return None
    beyond_on, beyond = _beyond(con, opened)
    return Reserve(
        opening=opened, holds=int(holds), releases=int(releases), unreleased=opened + _unreleased(con, exponent, day),
        reported=reported, apart=apart, beyond=beyond, beyond_on=beyond_on,
    )  # fmt: skip


def reserve_faults(reserve: Reserve | None, currency: str, exponent: int) -> list[str]:
    """Say where more was released than was ever held back."""
    if reserve is None or not reserve.beyond or reserve.beyond_on is None:
        return []
    sentence = (
        f"on {reserve.beyond_on:%d %b %Y} the releases are {format_minor(reserve.beyond, exponent)} {currency} beyond the"
        " holds: a hold is missing, or was made before the first line (then declare an [[account]] of kind reserve with its"
        " opening)"
    )
    return [sentence]


def _opening(workspace: Workspace, account: Account, day: dt.date) -> Opening | None:
    """Give the opening of the one reserve account that is this platform's alone."""
    declared = [a for a in workspace.accounts if [p.id for p in platforms_of(workspace, a)] == [account.id]]
    opening = declared[0].opening if len(declared) == 1 else None
    return opening if opening is not None and opening.on <= day else None


def _unreleased(con: duckdb.DuckDBPyConnection, exponent: int, day: dt.date) -> int:
    """Sum what is left of holds after the releases that they are matched with, as far as a match was whole by a day."""
    left = con.execute(f"""
        with whole as (
            select match_id from result_matches m left join moved v using (record_key, record_id)
            semi join (select match_id from result_matches semi join held using (record_key, record_id)
                where claim = 'transfer') x on x.match_id = m.match_id
            where m.status = 'confirmed' group by match_id
            having bool_and(coalesce(v.booked_on <= date '{day}', false))
        ), holds as (select * from held where kind = 'reserve_hold')
        select (coalesce((select sum(measured) from holds), 0) + coalesce(sum({scaled("m.allocated", exponent)}), 0))::varchar
        from result_matches m semi join whole using (match_id) semi join holds using (record_key, record_id)
        where m.claim = 'transfer'
    """).fetchall()[0][0]
    return int(left)


def _reported(
    con: duckdb.DuckDBPyConnection, account: Account, exponent: int, day: dt.date, opened: int
) -> tuple[int | None, int]:
    """
    Give what the platform said last that it holds, and what this differs by from the lines up to that moment.

    A line of the very second may be in it or not. Nothing is held against it where lines of its day have no time.
    """
    rows = con.execute(f"""
        with said as (
            select booked_on as said_on, date_trunc('second', told_at) as said_at, sum({scaled("amount", exponent)}) as amount from reported
            where kind = 'reserved' and booked_on <= date '{day}' and told_at is not null
                and account_id = {literal(account.id)} and currency = {literal(account.currency)}
            group by booked_on, told_at, sequence, line order by booked_on desc, told_at desc, sequence desc, line desc limit 1
        )
        select any_value(amount)::varchar, coalesce(sum(measured) filter (booked_on < said_on or second < said_at), 0)::varchar,
            coalesce(sum(measured) filter (booked_on < said_on or second <= said_at), 0)::varchar,
            count(*) filter (booked_on = said_on and second is null)
        from said left join held on booked_on <= said_on having count(*) > 0
    """).fetchall()
    if not rows or rows[0][3]:
        return None, 0
    amount, *reached = (int(value) for value in rows[0][:3])
    apart = [amount - opened - each for each in reached]
    return amount, 0 if 0 in apart else apart[1]


def _beyond(con: duckdb.DuckDBPyConnection, opened: int) -> tuple[dt.date | None, int]:
    """Give the day on which the releases were furthest beyond the holds, and by how much; of days that are alike the first."""
    rows = con.execute(f"""
        select booked_on, (-held_then)::varchar from (
            select booked_on, {opened} + sum(sum(measured)) over (order by booked_on) as held_then from held group by booked_on
        ) where held_then < 0 order by held_then, booked_on limit 1
    """).fetchall()
    return (rows[0][0], int(rows[0][1])) if rows else (None, 0)
