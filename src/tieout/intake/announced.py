"""
Entries that a bank announced before it booked them: superseded when a statement of booked entries covers their day.

A statement covers the days from the first that it holds whole up to that of its closing balance; an entry that was booked
under the reference of an announced one stands for it too, one for one. What a statement of booked entries itself calls
not booked yet is still announced when it closes: any later statement settles it. The transactions of an announced entry
go its way (intake.announced_details). All of it is a function of what there is, so neither the order of arrival nor the
packing into deliveries decides: what proves not to be settled after all stands again, as a further version.
"""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.intake import announced_details
from tieout.intake.announced_details import BOOKED_DETAIL
from tieout.intake.resolution import told_sql
from tieout.model.records import record_schema
from tieout.store.tables import table_schema
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from tieout.intake.resolution import Facts
    from tieout.store.lake import Lake, LakeFile

__all__ = ["Settled", "settle_announced"]

_COVER = {
    "cover": pa.int64(),
    "account_id": pa.string(),
    "from_day": pa.int32(),
    "covered_from": pa.int32(),
    "to_day": pa.int32(),
}
_PLACE = {
    "cover": pa.int64(),
    "delivery_id": pa.string(),
    "member": pa.string(),
    "place": pa.int64(),
    "last_day": pa.int32(),
}
_COLUMNS = (
    "record_id, record_key, version, kind, account_id, external_id, external_key, parent_external_id, parent_key,"
    " amount, exponent, currency, booked_on, value_on, coalesce(booked_on, value_on) - date '1970-01-01' as day"
)
# What stands beside what, of one reference: announced and covered, announced, booked.
_COVERED, _STANDS, _BOOKED = 0, 1, 2
_LATE_DAYS = 31

Settled = dict[str, pa.Table]


def settle_announced(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    facts: Facts,
    brought: Sequence[LakeFile],
    statements: Sequence[Mapping[str, Any]],
    names: Mapping[str, Iterable[str]],
    delivery_id: str,
    *,
    anew: bool,
) -> Settled:
    """
    Find which announced entries are settled now, and which are not any more.

    :param brought: files of records, assertions, witnesses and superseded that the delivery brings.
    :param statements: rows of the table ``statement``: all of the accounts in question, the delivery's among them.
    :param names: of each of these accounts, what its records may call it.
    :param anew: whether the delivery was read before, so that statements of before may be gone.
    :return: rows for the lake, by table: ``superseded``, and ``records`` that stand again.
    """
    files = {
        name: [*facts.files[name], *(f for f in brought if f.table_name == name)]
        for name in ("records", "assertions", "witnesses", "superseded")
    }
    _load_statements(con, statements, names)
    accounts = {name for known in names.values() for name in known}
    _load_announced(con, lake, facts, files, brought, accounts, anew=anew)
    now = current_records(lake, files["records"], files["superseded"])
    try:
        if not (anew or con.execute("select 1 from announced limit 1").fetchall()):
            return {}
        announced_details.load_booked(con, now, accounts, anew=anew)
        settled = _covered(con, lake, files)
        partners = _booked_later(con, now, settled)
        settled |= partners.keys()
        settled |= announced_details.follow(con, now, settled, partners)
        found = con.execute("select record_id, record_key, version, stands from announced").fetchall()
        gone = [row for row in found if row[3] and row[0] in settled]
        back = [row for row in found if not row[3] and row[0] not in settled]
        records = table(lake, "records", files["records"])
        details, replaced = announced_details.changes(con, records, settled)
        told = [(*row[:3], "booked") for row in gone] + replaced
        return {
            "superseded": _superseded(told, delivery_id),
            "records": pa.concat_tables([_again(con, records, back), details]),
        }
    finally:
        for name in ("announced", "cover", "place", "telling", *announced_details.TABLES):
            con.execute(f"drop table if exists {name}")


def _load_statements(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Mapping[str, Any]], names: Mapping[str, Iterable[str]]
) -> None:
    """Note which days each statement of booked entries covers, and where it stands in its delivery."""
    final = [s for s in statements if s["final"] and s["to_day"] is not None]
    covers = [
        {"cover": n, **{key: s[key] for key in ("from_day", "covered_from", "to_day")}, "account_id": name}
        for n, s in enumerate(final)
        for name in sorted(names[s["account_id"]])
    ]
    places = [
        {"cover": n, "delivery_id": s["delivery_id"], "member": s["member"] or "", "place": p, "last_day": s["to_day"]}
        for n, s in enumerate(final)
        for p in sorted({s["place"], *(page[0] for page in json.loads(s["pages"]))})
    ]
    for name, rows, kinds in (("cover", covers, _COVER), ("place", places, _PLACE)):
        con.register("rows", pa.Table.from_pylist(rows, schema=pa.schema(kinds)))
        con.execute(f"create or replace temp table {name} as select * from rows")
        con.unregister("rows")


def _load_announced(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    facts: Facts,
    files: dict[str, list[LakeFile]],
    brought: Sequence[LakeFile],
    accounts: set[str],
    *,
    anew: bool,
) -> None:
    """
    Note the announced entries that stand, and of those that are settled such as the delivery may bring back.

    Few are announced and not booked yet; of all that ever was, only what has one of their references is looked at, or a
    reference that the delivery speaks of, or the day and amount of an entry of it.
    """
    unbooked = "status <> 'booked' and system = 'bank'"
    standing = current_records(lake, files["records"], files["superseded"])
    con.execute(
        f"create or replace temp table announced as select {_COLUMNS}, true as stands from {standing} where {unbooked}"
    )
    fresh, gone = ([f for f in brought if f.table_name == name] for name in ("records", "superseded"))
    records = table(lake, "records", files["records"])
    con.execute(f"""
        create or replace temp table touched as
        with spoken_of as (
            select {_COLUMNS} from {table(lake, "records", fresh)}
            union all select {_COLUMNS} from {facts.relation(lake, "records")} r
                semi join {table(lake, "superseded", gone)} s on s.record_key = r.record_key and s.record_id = r.record_id
        )
        select distinct * from (select unnest([external_key, parent_key]) as key, null::varchar as sum from announced
            union all select unnest([external_key, parent_key]), null from spoken_of
            union all select null, {announced_details.SUM} from spoken_of where kind = 'bank_entry')
    """)
    con.register("account", pa.table({"name": pa.array(sorted(accounts), pa.string())}))
    con.execute(f"""
        create or replace temp table settled_before as
        select {_COLUMNS} from (
            select r.* from {records} r
            semi join (select * from {facts.relation(lake, "superseded")} where reason = 'booked') s
                on s.record_key = r.record_key and s.record_id = r.record_id and s.version = r.version
            where {unbooked} and account_id in (select name from account)
        ) r anti join announced a on a.record_id = r.record_id
        qualify version = max(version) over (partition by record_id)
    """)
    con.unregister("account")
    is_touched = f"""external_key in (select key from touched) or parent_key in (select key from touched)
        or kind = 'bank_entry' and {announced_details.SUM} in (select sum from touched)"""
    con.execute(f"insert into announced select *, false from settled_before where {anew} or {is_touched}")
    con.execute(f"""
        insert into announced select *, false from settled_before
        where record_id in (select record_id from {announced_details.parts_sql("d.record_id", "settled_before", "announced")})
            and record_id not in (select record_id from announced)
    """)
    con.execute("drop table touched; drop table settled_before")


def _covered(con: duckdb.DuckDBPyConnection, lake: Lake, files: dict[str, list[LakeFile]]) -> set[bytes]:
    """Find the announced entries that a statement of booked entries settles, though it does not tell of them itself."""
    records, assertions, witnesses = (table(lake, name, files[name]) for name in ("records", "assertions", "witnesses"))
    con.execute(f"""
        create or replace temp table telling as
        select t.record_id, p.cover, p.last_day from {told_sql(records, assertions, witnesses, among="announced")} t
        left join place p on p.delivery_id = t.delivery_id and p.member = t.member and p.place = t.statement_place
    """)
    # What nobody tells of any more is not brought back.
    con.execute("delete from announced where not stands and record_id not in (select record_id from telling)")
    rows = con.execute("""
        select distinct a.record_id
        from announced a join telling t using (record_id) join cover c using (account_id)
        where case when t.last_day is null or a.day > t.last_day
            then a.day between coalesce(c.covered_from, least(c.from_day + 1, c.to_day), c.to_day) and c.to_day
            else c.to_day > t.last_day end
        and not exists (select 1 from telling o where o.record_id = a.record_id and o.cover = c.cover)
    """).fetchall()
    return {record_id for (record_id,) in rows}


def _booked_later(con: duckdb.DuckDBPyConnection, standing: str, covered: set[bytes]) -> dict[bytes, bytes]:
    """
    Find announced entries that were booked within a month under the same reference and amount: each with its booked one.

    A payment announced on one day is often booked on the next, which no statement of its day covers. One booked entry
    stands for one announced one: those that are covered have theirs already.
    """
    con.register("covered", pa.table({"record_id": pa.array(sorted(covered), pa.binary())}))
    found = con.execute(f"""
        with sides as (
            select *, case when record_id in (select record_id from covered) then {_COVERED} else {_STANDS} end as side
            from announced where external_id is not null
            union all by name
            select {_COLUMNS}, {_BOOKED} as side from {standing}
            where status = 'booked' and system = 'bank' and external_id is not null and not {BOOKED_DETAIL}
                and external_key in (select external_key from announced)
        )
        select dense_rank() over (order by account_id, external_id, amount, exponent, currency) as named, side, day,
            record_id
        from sides order by named, side, day nulls last, record_id
    """).fetchall()
    con.unregister("covered")
    return dict(pair for _, sides in groupby(found, key=itemgetter(0)) for pair in _pairs(list(sides)))


def _pairs(entries: list[tuple[Any, ...]]) -> Iterator[tuple[bytes, bytes]]:
    """Give each announced entry of one reference and amount its booked one, the earliest first; yield those that got one."""
    free = [(day, record_id) for _, side, day, record_id in entries if side == _BOOKED]
    for _, side, day, record_id in entries:
        fits = (b for b in free if day is None or (b[0] is not None and day <= b[0] <= day + _LATE_DAYS))
        taken = next(fits, None) if side != _BOOKED and free else None
        if taken is not None:
            free.remove(taken)
            yield record_id, taken[1]


def _superseded(rows: list[tuple[Any, ...]], delivery_id: str) -> pa.Table:
    """Write that entries are settled, or why a version of a booked detail stands no more."""
    names = ("record_id", "record_key", "version", "reason")
    told = [dict(zip(names, row, strict=True)) | {"delivery_id": delivery_id} for row in rows]
    return pa.Table.from_pylist(sorted(told, key=itemgetter("record_id", "version")), schema=table_schema("superseded"))


def _again(con: duckdb.DuckDBPyConnection, records: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Write further versions of entries that are not settled after all: what they say is what they said."""
    if not rows:
        return record_schema().empty_table()
    ids, keys, versions, _ = zip(*rows, strict=True)
    con.register("back", pa.table([ids, keys, versions], names=["record_id", "record_key", "version"]))
    found = con.sql(f"""
        with known as (
            select r.*, max(r.version) over (partition by r.record_id) + 1 as next from {records} r
            semi join back b on b.record_key = r.record_key and b.record_id = r.record_id
        )
        select r.* replace (next as version) from known r
        semi join back b on b.record_id = r.record_id and b.version = r.version order by r.record_id
    """).to_arrow_table()
    con.unregister("back")
    return found.select(record_schema().names).cast(record_schema())
