"""
Entries that a bank announced before it booked them: superseded when a statement of booked entries covers their day.

A statement covers the days after its opening balance up to its closing one. Which came first does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

__all__ = ["Cover", "booked_later", "overtaken"]

_SCHEMA = {
    "account_id": pa.string(),
    "from_day": pa.int32(),
    "to_day": pa.int32(),
    "delivery_id": pa.string(),
    "created_at": pa.int64(),
}

Cover = dict[str, object]


def overtaken(
    con: duckdb.DuckDBPyConnection, records: Sequence[str], covers: list[Cover], delivery_id: str
) -> pa.Table:
    """
    Find announced records that a booked statement covers: rows for the table ``superseded``.

    :param records: relations to look in.
    :param covers: final statements: account_id, from_day, to_day (days since 1970), delivery_id, created_at.
    :param delivery_id: the delivery that brings them together.
    """
    schema = table_schema("superseded")
    usable = [cover for cover in covers if cover["to_day"] is not None]
    if not usable or not records:
        return schema.empty_table()
    con.register("cover", pa.Table.from_pylist(usable, schema=pa.schema(_SCHEMA)))
    everything = " union all by name ".join(
        f"select record_id, record_key, version, account_id, delivery_id, coalesce(booked_on, value_on) as day from {r}"
        " where status <> 'booked' and system = 'bank'"
        for r in records
    )
    found = con.sql(f"""
        select distinct r.record_id, r.record_key, r.version, 'booked' as reason, '{delivery_id}' as delivery_id
        from ({everything}) r join cover c
        on c.account_id = r.account_id and c.delivery_id <> r.delivery_id
        and r.day - date '1970-01-01' <= c.to_day
        and (r.day - date '1970-01-01' > c.from_day or c.from_day is null or c.from_day = c.to_day)
        order by r.record_id
    """).to_arrow_table()
    con.unregister("cover")
    return found.cast(schema)


def booked_later(con: duckdb.DuckDBPyConnection, records: Sequence[str], delivery_id: str) -> pa.Table:
    """
    Find announced entries that were booked within a month under the same reference and amount: rows for ``superseded``.

    A payment announced on one day is often booked on the next, which no statement of its day covers.
    """
    schema = table_schema("superseded")
    columns = (
        "record_id, record_key, version, status, account_id, external_id, external_key, amount, exponent, currency,"
        " coalesce(booked_on, value_on) as day"
    )

    def entries(condition: str) -> str:
        named = f"system = 'bank' and external_id is not null and {condition}"
        return " union all by name ".join(f"select {columns} from {r} where {named}" for r in records)

    # Few are announced and not booked yet; all that was ever booked is looked through by their keys alone.
    unbooked = entries("status <> 'booked'")
    con.execute(f"create or replace temp table announced as {unbooked}")
    keyed = "status = 'booked' and external_key in (select external_key from announced)"
    found = con.sql(f"""
        select distinct p.record_id, p.record_key, p.version, 'booked' as reason, '{delivery_id}' as delivery_id
        from announced p join ({entries(keyed)}) b on b.external_key = p.external_key and b.external_id = p.external_id
        and b.account_id = p.account_id and b.amount = p.amount and b.exponent = p.exponent and b.currency = p.currency
        where p.day is null or b.day between p.day and p.day + 31 order by p.record_id
    """).to_arrow_table()
    con.execute("drop table announced")
    return found.cast(schema)
