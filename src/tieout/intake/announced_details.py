"""
The transactions of an entry that a bank announced, once the entry is booked.

A statement often books a batch as one sum, whose transactions only an advice told. They go the way of their entry: where
the statement tells transactions of its own, those stand and the announced ones are settled; where it tells none, the
announced ones stand as the booked entry's, in a further version. A function of what there is, like all of
intake.announced, which has the tables that this works on.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.intake.derive import rekey
from tieout.intake.fold import content_sql
from tieout.model.records import record_schema
from tieout.store.views import unnamed_entry_sql, whole_entry_sql

if TYPE_CHECKING:
    import duckdb

__all__ = ["BOOKED_DETAIL", "SUM", "TABLES", "changes", "follow", "load_booked", "parts_sql"]

#: A version of an announced transaction that stands for its booked entry: its identity is still the announced one's.
BOOKED_DETAIL = "(status = 'booked' and namespace = 'detail/announced')"
#: What tells entries without a reference apart.
SUM = "concat_ws('|', account_id, booked_on, amount, exponent, currency)"
TABLES = ("booked_detail", "detail_of", "carried")

_LATE_DAYS = 31


def parts_sql(columns: str, details: str, entries: str) -> str:
    """Write the query for the transactions ``d`` of entries ``e``, both relations of records."""
    both = f"""select {columns} from {details} d join {entries} e on d.kind = 'bank_detail' and e.kind = 'bank_entry'
        and d.account_id = e.account_id and d.booked_on is not distinct from e.booked_on"""
    return f"""({both} and d.parent_external_id = e.external_id
        union all {both} and {whole_entry_sql("d")} = {unnamed_entry_sql("e")})"""


def load_booked(con: duckdb.DuckDBPyConnection, standing: str, accounts: set[str], *, anew: bool) -> None:
    """
    Note the announced transactions that stand for a booked entry now: ``booked_detail``.

    :param anew: all those of the accounts, as one may not be told of any more; else those of ``announced``.
    """
    con.register("account", pa.table({"name": pa.array(sorted(accounts), pa.string())}))
    con.execute(f"""
        create or replace temp table booked_detail as
        select record_id, record_key, version, {content_sql("r")} as content from {standing} r
        where {BOOKED_DETAIL} and system = 'bank' and account_id in (select name from account)
            and ({anew} or record_id in (select record_id from announced))
    """)
    con.unregister("account")


def follow(
    con: duckdb.DuckDBPyConnection, standing: str, settled: set[bytes], partners: dict[bytes, bytes]
) -> set[bytes]:
    """
    Find the transactions whose entries are settled, and which of them stand for what was booked: ``carried``.

    :param standing: the records that stand, as a relation.
    :param settled: announced entries that are settled; ``partners``: the booked ones of those that have one by name.
    """
    con.register("settled", pa.table({"record_id": pa.array(sorted(settled), pa.binary())}))
    con.execute(f"""
        create or replace temp table detail_of as
        select detail, entry, entry in (select record_id from settled) as is_settled
        from {parts_sql("d.record_id as detail, e.record_id as entry", "announced", "announced")}
    """)
    con.unregister("settled")
    con.execute("create or replace temp table carried as select *, null::varchar as parent from announced limit 0")
    if not con.execute("select 1 from detail_of where is_settled limit 1").fetchall():
        return set()
    con.execute(f"""
        create or replace temp table booked_entry as
        with whole as (select * from announced where record_id in (select entry from detail_of))
        select record_id, account_id, external_id, amount, exponent, currency, kind, booked_on, value_on,
            coalesce(booked_on, value_on) - date '1970-01-01' as day
        from {standing} where kind = 'bank_entry' and status = 'booked' and system = 'bank' and (
            external_key in (select external_key from whole) or external_id is null and {SUM} in (select {SUM} from whole)
        )
    """)
    partners = {entry: booked for entry, booked in partners.items() if entry in settled}
    partners |= _by_name(con, partners)
    partners |= _by_sum(con, settled)
    kinds = pa.schema({"entry": pa.binary(), "booked": pa.binary()})
    told = f"(select * from {standing} where status = 'booked' and system = 'bank' and not {BOOKED_DETAIL})"
    con.register("partner", pa.table([list(partners), list(partners.values())], schema=kinds))
    con.execute(f"""
        create or replace temp table carried as
        with whole as (
            select d.detail, min(b.external_id) as parent, min(b.booked_on) as booked_on, min(b.value_on) as value_on
            from detail_of d left join partner p on p.entry = d.entry left join booked_entry b on b.record_id = p.booked
            group by d.detail having bool_and(d.is_settled) and bool_and(b.record_id is not null)
                and count(distinct coalesce(b.external_id, '')) = 1 and count(distinct coalesce(b.booked_on, '1970-01-01')) = 1
        ), own as (
            select distinct p.entry from {parts_sql("e.record_id", told, "booked_entry")} t
            join partner p on p.booked = t.record_id
        )
        select a.record_id, a.record_key, a.version, w.* exclude (detail) from whole w join announced a on a.record_id = w.detail
        where not exists (select 1 from detail_of d where d.detail = w.detail and d.entry in (select entry from own))
    """)
    con.unregister("partner")
    con.execute("drop table booked_entry")
    rows = con.execute("select detail from detail_of group by detail having bool_and(is_settled)").fetchall()
    return {detail for (detail,) in rows}


def _by_name(con: duckdb.DuckDBPyConnection, partners: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """
    Give entries with transactions, of one reference and amount, what was booked for another report without them.

    Two reports of one entry may state two days: each is announced, and one of them is what was booked.
    """
    found = con.execute(f"""
        select a.record_id, b.record_id from announced a join booked_entry b
            using (account_id, external_id, amount, exponent, currency)
        where a.record_id in (select entry from detail_of where is_settled) and abs(a.day - b.day) <= {_LATE_DAYS}
        order by abs(a.day - b.day), a.day, a.record_id, b.record_id
    """).fetchall()
    detailed = {entry for (entry,) in con.execute("select distinct entry from detail_of").fetchall()}
    taken = {booked for entry, booked in partners.items() if entry in detailed}
    given: dict[bytes, bytes] = {}
    for entry, booked in found:
        if entry not in partners and entry not in given and booked not in taken:
            given[entry] = booked
            taken.add(booked)
    return given


def _by_sum(con: duckdb.DuckDBPyConnection, settled: set[bytes]) -> dict[bytes, bytes]:
    """
    Give settled entries without a reference what was booked without one on their day, with their amount.

    Only where that leaves no choice: there is something booked for each of them, of one value date.
    """
    found = con.execute(f"""
        with sides as (
            select {SUM} as sum, true as is_announced, record_id, value_on from announced
            where kind = 'bank_entry' and external_id is null
            union all
            select {SUM}, false, record_id, value_on from booked_entry where external_id is null
        )
        select * from sides
        where sum in (select {SUM} from announced where record_id in (select entry from detail_of)) order by all
    """).fetchall()
    given: dict[bytes, bytes] = {}
    for _, rows in groupby(found, key=itemgetter(0)):
        sides = list(rows)
        announced = [record_id for _, is_announced, record_id, _ in sides if is_announced and record_id in settled]
        booked = [(record_id, value_on) for _, is_announced, record_id, value_on in sides if not is_announced]
        if len(booked) >= len(announced) and len({value_on for _, value_on in booked}) == 1:
            given |= {entry: one[0] for entry, one in zip(announced, booked, strict=False)}
    return given


def changes(
    con: duckdb.DuckDBPyConnection, records: str, settled: set[bytes]
) -> tuple[pa.Table, list[tuple[bytes, int, int, str]]]:
    """
    Write the transactions that stand for a booked entry from now on.

    :param records: every version of every record, as a relation.
    :return: rows for ``records``, and what stands no more: (record_id, record_key, version, reason).
    """
    if not con.execute(
        "select record_id from carried union all select record_id from booked_detail limit 1"
    ).fetchall():
        return record_schema().empty_table(), []
    con.execute(f"""
        create or replace temp table wanted as
        with known as (
            select r.*, max(r.version) over (partition by r.record_id) + 1 as next from {records} r
            semi join carried c on c.record_key = r.record_key and c.record_id = r.record_id
        )
        select r.* exclude (next) replace (
            r.next as version, 'booked' as status, 'detail/announced' as namespace,
            coalesce(c.booked_on, r.booked_on) as booked_on, coalesce(c.value_on, r.value_on) as value_on,
            coalesce(c.parent, r.parent_external_id) as parent_external_id
        ), c.version as said_in
        from known r join carried c on c.record_id = r.record_id and c.version = r.version
    """)
    con.execute(f"""
        create or replace temp table kept as
        select b.record_id from booked_detail b join wanted w using (record_id)
        where b.version > w.said_in and b.content = {content_sql("w")}
    """)
    old = con.execute("""
        select record_id, record_key, version, record_id in (select record_id from wanted) from booked_detail
        where record_id not in (select record_id from kept) order by record_id
    """).fetchall()
    names = ", ".join(f'"{name}"' for name in record_schema().names)
    fresh = con.sql(
        f"select {names} from wanted where record_id not in (select record_id from kept) order by record_id"
    ).to_arrow_table()
    con.execute("drop table wanted; drop table kept")
    replaced = [
        (record_id, key, version, "corrected" if again else "booked" if record_id in settled else "withdrawn")
        for record_id, key, version, again in old
    ]
    fresh = fresh.cast(record_schema())
    return (rekey(fresh) if fresh.num_rows else fresh).cast(record_schema()), replaced
