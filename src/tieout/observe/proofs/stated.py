"""
What a balance of a proof is made of: what somebody stated, and the lines since.

A balance is either stated (by a statement, a report, tieout.toml, the list of what is on its way) with the lines that
were booked since, or it is an opening with all the lines behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.lines import named, scaled

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.model.accounts import Opening
    from tieout.observe.proofs.proof import AccountProof
    from tieout.observe.proofs.rolling import Roll

__all__ = [
    "LINES",
    "begin",
    "lay_lines_of",
    "lay_opening",
    "lay_rest",
    "lay_row",
    "lay_stated",
    "lay_transit_list",
]

#: The lines of the table ``line``, as ``part_row`` has them.
LINES = "select lower(hex(record_id)) as record_id, external_id, kind, booked_on, measured as amount from line"


def begin(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``part_row``: the rows of a figure. Those that are no lines say in words what they are (``label``)."""
    con.execute("""
        create or replace temp table part_row (record_id varchar, match_id varchar, external_id varchar, kind varchar,
            booked_on date, amount hugeint, label varchar, delivery_id varchar)
    """)


def lay_opening(
    con: duckdb.DuckDBPyConnection, ids: tuple[str, ...], proof: AccountProof, found: Roll, declared: Opening | None
) -> None:
    """Add what an account opened with, and who says so."""
    if found.opening is None or (declared is None and _told(con, ids, proof, found.opening, found.opened_on)):
        return
    said = "opening that tieout.toml declares" if declared else "what the first settlement opened with"
    lay_row(con, said, found.opened_on, found.opening)


def lay_stated(con: duckdb.DuckDBPyConnection, ids: tuple[str, ...], proof: AccountProof, found: Roll) -> None:
    """Add the balance that the outside reported last, and with which delivery."""
    if found.reported is not None and not _told(con, ids, proof, found.reported, found.reported_on):
        lay_row(con, found.said or "the balance that is reported", found.reported_on, found.reported)


def lay_rest(con: duckdb.DuckDBPyConnection, amount: int | None, said: str, day: dt.date | None) -> None:
    """Add what of a balance no row says yet, in the proof's own words."""
    (laid,) = con.execute("select coalesce(sum(amount), 0)::varchar from part_row").fetchall()[0]
    if amount is not None and amount != int(laid):
        lay_row(con, said, day, amount - int(laid))


def lay_lines_of(con: duckdb.DuckDBPyConnection, lines: str) -> None:
    """Add lines: a query with the columns of :data:`LINES`."""
    con.execute(f"insert into part_row by name select record_id, external_id, kind, booked_on, amount from ({lines})")


def lay_transit_list(con: duckdb.DuckDBPyConnection, account_id: str, exponent: int) -> None:
    """Add what is listed as on its way, payout by payout."""
    con.execute(f"""
        insert into part_row by name
        select lower(hex(record_id)) as record_id, name as external_id, kind, booked_on, from_nine(amount, {exponent}) as amount
        from transit_listed where account_id = {literal(account_id)}
    """)


def lay_row(con: duckdb.DuckDBPyConnection, label: str, day: dt.date | None, amount: int) -> None:
    """Add what is no line, in words."""
    con.execute(
        "insert into part_row by name select $1 as label, $2::date as booked_on, $3::hugeint as amount",
        [label, day, amount],
    )


def _told(
    con: duckdb.DuckDBPyConnection, ids: tuple[str, ...], proof: AccountProof, amount: int, day: dt.date | None
) -> bool:
    """
    Add the balance that was told with an amount for the end of a day, or for the beginning of the next.

    A platform's is what is available and what is pending at one moment.

    :return: whether there is one.
    """
    if day is None:
        return False
    con.execute(f"""
        create or replace temp table balance_row as
        select kind || ' balance that ' || source_id || ' reports' as label, booked_on, delivery_id, sequence, line,
            {scaled("amount", proof.exponent)} as amount,
            case when kind in ('available', 'pending') then 'platform' else kind end as sort,
            case when kind in ('available', 'pending') then told_at end as moment
        from reported where account_id in ({named(ids)}) and currency = {literal(proof.currency)}
            and kind in ('closing', 'ledger', 'opening', 'available', 'pending')
            and (sub_account is null or kind in ('available', 'pending'))
            and booked_on between date '{day}' and date '{day}' + (kind = 'opening')::integer
    """)
    (laid,) = con.execute(f"""
        insert into part_row by name
        select label, booked_on, delivery_id, b.amount from balance_row b join (
            select sort, moment, sequence, line from balance_row group by sort, moment, sequence, line
            having sum(amount) = {amount}
            order by sort = 'opening', sequence desc, line desc limit 1
        ) o on b.sort = o.sort and b.moment is not distinct from o.moment and b.sequence = o.sequence
            and b.line is not distinct from o.line
    """).fetchall()[0]
    return bool(laid)
