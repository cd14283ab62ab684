"""
Where records stand that a row of a draft may be alike to (intake.alike), found before any is read whole: law 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["KEYLESS", "KIND", "PLAIN", "load_likely", "near_sql"]

#: Who calls a line an adjustment may not know what it is.
KIND = "case when kind in ('dispute', 'dispute_reversal', 'refund_reversal') then 'adjustment' else kind end"

#: By what a record is found before it is read whole: by numbers and a few words, which are quickly read. Who is not alike in
#: these is not alike in the texts.
PLAIN = f"""
    file_row_number as row, settlement_key as settlement_id, payment_key as payment_id, occurred_at,
    hash({KIND}, status, currency, booked_on, coalesce(net, amount)::hugeint * (10::hugeint ** (9 - exponent))::hugeint) as class
"""
#: A name whose normal form is empty has no key: what bears one is looked at whatever its time.
KEYLESS = "(settlement_id is not null and settlement_key is null) or (payment_id is not null and payment_key is null)"


def load_likely(con: duckdb.DuckDBPyConnection, system: str, standing: str, named: str) -> None:
    """
    Note where records stand that a row of ``sought`` may be: ``likely`` (filename, row, and what they were found by).

    :param standing: the records of the days as a relation with a condition; ``named``: which of those that have an identifier.
    """
    [(timed, settled, paid)] = con.execute("""
        select bool_and(occurred_at is not null), count(settlement_id) > 0, count(payment_id) > 0 from sought
    """).fetchall()
    # Left out before anything is computed: records that share neither time, settlement nor payment with any row.
    near = ["counted", "occurred_at is null or occurred_at in (select occurred_at from sought)" if timed else "true"]
    near += ["settlement_key in (select settlement_id from sought)"] if settled else []
    near += ["payment_key in (select payment_id from sought)"] if paid else []
    con.execute(f"""
        create or replace temp table likely as
        select * from (
            select filename, counted, system, {PLAIN} from {standing} and (counted or {named}) and ({" or ".join(near)})
        ) where system = '{system}' and class in (select class from sought)
    """)
    con.execute(f"delete from likely where not counted and rowid not in ({near_sql('likely', 'sought', 'rowid')})")


def near_sql(one: str, other: str, name: str, more: str = "") -> str:
    """Name those of one side that may be one with any of the other, as SQL: two times make two unless more is the same."""
    both = f'from {one} o semi join {other} t on t."class" = o."class"{more}'
    same = [f'select o.{name} {both} and t."{n}" = o."{n}"' for n in ("settlement_id", "payment_id", "occurred_at")]
    untimed = [f"select o.{name} {both} and {side}.occurred_at is null" for side in ("o", "t")]
    return " union all ".join([*same, *untimed])
