"""
Entries that a bank announced before it booked them: superseded when a statement of booked entries covers their day.

A statement covers the days from the first that it holds whole up to that of its closing balance; an entry that was booked
under the reference of an announced one stands for it too, one for one. Which came first does not matter.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from tieout.intake.resolution import Facts
    from tieout.store.lake import Lake

__all__ = ["Cover", "booked_later", "overtaken", "overtaken_before"]

_SCHEMA = {
    "account_id": pa.string(),
    "from_day": pa.int32(),
    "covered_from": pa.int32(),
    "to_day": pa.int32(),
    "delivery_id": pa.string(),
    "created_at": pa.int64(),
}

Cover = dict[str, object]

# What stands beside what, of one reference: announced and overtaken already, announced, booked.
_STANDS, _BOOKED = 1, 2
_LATE_DAYS = 31


def overtaken(
    con: duckdb.DuckDBPyConnection, records: Sequence[str], covers: list[Cover], delivery_id: str
) -> pa.Table:
    """
    Find announced records that a booked statement covers: rows for the table ``superseded``.

    :param records: relations to look in.
    :param covers: final statements: account_id, from_day, covered_from, to_day (days since 1970), delivery_id, created_at.
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
        and r.day - date '1970-01-01' between coalesce(c.covered_from, least(c.from_day + 1, c.to_day), c.to_day) and c.to_day
        order by r.record_id
    """).to_arrow_table()
    con.unregister("cover")
    return found.cast(schema)


def overtaken_before(lake: Lake, facts: Facts) -> str:
    """Give the announced records that booked ones have overtaken already, as a relation."""
    return (
        f"(select r.* from {facts.relation(lake, 'records')} r semi join"
        f" (select * from {facts.relation(lake, 'superseded')} where reason = 'booked') s"
        " on s.record_key = r.record_key and s.record_id = r.record_id and s.version = r.version)"
    )


def booked_later(
    con: duckdb.DuckDBPyConnection, records: Sequence[str], booked: str, gone: pa.Table, delivery_id: str
) -> pa.Table:
    """
    Find announced entries that were booked within a month under the same reference and amount: rows for ``superseded``.

    A payment announced on one day is often booked on the next, which no statement of its day covers. One booked entry
    stands for one announced one: those that were overtaken before, or are now, have theirs already.

    :param booked: the announced records that were overtaken before, as a relation.
    :param gone: rows for ``superseded``: those that are overtaken now.
    """
    schema = table_schema("superseded")
    columns = (
        "record_id, record_key, version, status, account_id, external_id, external_key, amount, exponent, currency,"
        " coalesce(booked_on, value_on) as day"
    )

    def entries(relations: Sequence[str], condition: str) -> str:
        named = f"system = 'bank' and external_id is not null and {condition}"
        return " union all by name ".join(f"select {columns} from {r} where {named}" for r in relations)

    # Few are announced and not booked yet; all that was ever booked is looked through by their keys alone.
    keyed = "external_key in (select external_key from announced)"
    unbooked = entries(records, "status <> 'booked'")
    before = entries([booked], f"status <> 'booked' and {keyed}")
    now = entries(records, f"status = 'booked' and {keyed}")
    con.register("gone_now", gone)
    con.execute(f"create or replace temp table announced as {unbooked}")
    found = con.sql(f"""
        with sides as (
            select *, case when record_id in (select record_id from gone_now) then 0 else 1 end as side from announced
            union all by name select *, 0 as side from ({before})
            union all by name select *, 2 as side from ({now})
        )
        select dense_rank() over (order by account_id, external_id, amount, exponent, currency) as named, side,
            day - date '1970-01-01' as day, record_id, record_key, version
        from sides order by named, side, day nulls last, record_id
    """).fetchall()
    con.unregister("gone_now")
    con.execute("drop table announced")
    rows = [
        {
            "record_id": record_id,
            "record_key": record_key,
            "version": version,
            "reason": "booked",
            "delivery_id": delivery_id,
        }
        for _, sides in groupby(found, key=itemgetter(0))
        for record_id, record_key, version in _pairs(list(sides))
    ]
    return pa.Table.from_pylist(sorted(rows, key=itemgetter("record_id")), schema=schema)


def _pairs(entries: list[tuple[Any, ...]]) -> Iterator[tuple[bytes, int, int]]:
    """Give each announced entry of one reference and amount its booked one, the earliest first; yield who got one."""
    free = [day for _, side, day, *_ in entries if side == _BOOKED]
    for _, side, day, *record in entries:
        fits = (other for other in free if day is None or (other is not None and day <= other <= day + _LATE_DAYS))
        taken = next(fits, None) if side != _BOOKED and free else None
        if taken is None:
            continue
        free.remove(taken)
        if side == _STANDS:
            yield record[0], record[1], record[2]
