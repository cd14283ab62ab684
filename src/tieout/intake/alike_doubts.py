"""
Which rows were taken for those of other reports that tell of a record by other means (intake.alike), and are in doubt: law 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.intake.alike import load_tellers, shape
from tieout.intake.doubts import Doubt

if TYPE_CHECKING:
    import duckdb

    from tieout.intake.resolution import Facts
    from tieout.store.lake import Lake

__all__ = ["alike_doubts", "settled_alike"]


def alike_doubts(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, delivery_id: str) -> list[Doubt]:
    """
    Say which rows are taken for those of other deliveries, or of another file of theirs, that tell of a record by other means.

    Two reports that tell as many of one settlement, and whole batches, are in no doubt; nor are those that a third one makes
    so with both.
    """
    [(system,)] = con.execute("select any_value(system) from incoming").fetchall()
    con.execute("""
        create or replace temp table spoken as
        select distinct record_id, record_key from standing where record_id in (select target from incoming)
    """)
    if system in {None, "bank"}:
        return []
    said_of = f"record_id, record_key, delivery_id, source_id, {shape(system)}"
    said = "semi join spoken k on k.record_key = s.record_key and k.record_id = s.record_id"
    con.execute(f"""
        create or replace temp table content as
        select {said_of}, content from standing s {said} where version = 1
        union all select {said_of}, content from {facts.relation(lake, "assertions")} s {said}
    """)
    con.execute(f"create or replace temp table own as select row, target, source_id, {shape(system)} from incoming")
    mixed = "select record_id from (select record_id, named, tie from content union select target, named, tie from own)"
    if not con.execute(f"{mixed} group by record_id having count(*) > 1 and not bool_and(named) limit 1").fetchall():
        return []
    load_tellers(con, lake, facts, "spoken", "speaker")
    witnesses = f"(select * from {facts.relation(lake, 'witnesses')} s {said})"
    _load_reporting(con, delivery_id, witnesses)
    rows = con.execute(_doubted(delivery_id)).fetchall()
    return [
        Doubt(
            delivery_id=other,
            source_id=source,
            line=line,
            rows=count,
            their_line=their_line,
            their_rows=their_count,
            announced=False,
            places=tuple(((p["here"], None), (p["there"], None), "unknown") for p in places),
        )
        for other, source, line, count, their_line, their_count, places in rows
    ]


def _load_reporting(con: duckdb.DuckDBPyConnection, delivery_id: str, witnesses: str) -> None:
    """
    Make ``reporting``: every row of any delivery that tells of what the rows of ``own`` tell of, and whether it is ``sure``.

    ``rows`` and ``here`` count the lines of one kind that a whole batch tells, ``here`` those of a file in its container. Sure is
    who names the record, and who tells a whole batch of as many lines as a whole batch of somebody who does.

    :param witnesses: those of the records, as a relation.
    """
    con.execute(f"""
        create or replace temp table reporting as
        with reports as (
            select record_id, delivery_id, source_id, settlement_id, named, tie, member, line from content
            union all
            select w.record_id, w.delivery_id, w.source_id, c.settlement_id, c.named, c.tie, coalesce(w.member, ''), w.line
            from {witnesses} w
            join (select distinct record_id, content, settlement_id, named, tie from content) c using (record_id, content)
        ), told as (
            select r.* from reports r semi join speaker t using (record_id, delivery_id) where delivery_id <> '{delivery_id}'
            union all
            select target, '{delivery_id}', source_id, settlement_id, named, tie, member, line from own
        ), classed as (
            select t.*, o.class from told t join (select distinct target, class from own) o on o.target = t.record_id
        ), known as (
            select record_id, class, settlement_id from content union select record_id, class, settlement_id from alike
        ), counted as (
            select class, settlement_id, delivery_id, count(distinct record_id) as rows
            from known join (from speaker union from teller) using (record_id) where delivery_id <> '{delivery_id}' group by all
            union all
            select class, settlement_id, '{delivery_id}', count(distinct target) from own group by all
        ), of_file as (
            select class, settlement_id, member, count(*) as rows from own group by all
        ), whole as (
            select c.*, n.rows, f.rows as here from classed c
            join whole_delivery using (delivery_id)
            join counted n using (class, settlement_id, delivery_id)
            left join of_file f on f.class = c.class and f.settlement_id = c.settlement_id and f.member = c.member
                and c.delivery_id = '{delivery_id}'
        ), proven as (
            select distinct w.record_id, w.delivery_id, w.member from whole w
            join whole n on n.record_id = w.record_id and n.settlement_id = w.settlement_id and n.class = w.class
            where not w.named and n.named and case when n.delivery_id <> w.delivery_id then n.rows = w.rows
                else n.member <> w.member and n.here = w.here end
        )
        select distinct c.*, w.rows, w.here, c.named or p.record_id is not null as sure from classed c
        left join proven p using (record_id, delivery_id, member)
        left join whole w using (record_id, delivery_id, member, line, settlement_id, named, tie)
    """)


def _doubted(delivery_id: str) -> str:
    """Write which rows of ``own`` are in doubt, by delivery, as SQL."""
    return f"""
        with alike as (
            select m.row, m.line, m.member, t.delivery_id, t.source_id, t.record_id, t.line as their_line,
                t.member as their_member, (s.sure and t.sure) or coalesce(s.settlement_id = t.settlement_id
                    and case when t.delivery_id <> s.delivery_id then s.rows = t.rows else s.here = t.here end, false) as proven
            from own m join reporting t on t.record_id = m.target
            join reporting s on s.delivery_id = '{delivery_id}' and s.record_id = m.target and s.member = m.member
                and s.line = m.line and s.named = m.named and s.tie = m.tie
            where not (m.named and t.named) and (m.named or t.named or m.tie <> t.tie)
                and (t.delivery_id <> '{delivery_id}' or (t.named and m.member <> t.member))
        )
        select delivery_id, any_value(source_id), min(line), count(distinct row), min(their_line), count(distinct record_id),
            list(distinct {{'here': member, 'there': their_member}})
        from alike where not proven group by delivery_id order by delivery_id
    """


def settled_alike(con: duckdb.DuckDBPyConnection, delivery_id: str) -> set[tuple[str, str]]:
    """Name the pairs of other deliveries of which this one's rows prove that they tell of the same, both ways round."""
    known = con.execute("select 1 from duckdb_tables() where table_name = 'reporting'").fetchall()
    if not known:
        return set()
    return set(
        con.execute(f"""
            select distinct a.delivery_id, b.delivery_id from reporting a join reporting b using (record_id)
            where a.delivery_id <> b.delivery_id and '{delivery_id}' not in (a.delivery_id, b.delivery_id)
                and a.sure and b.sure and not (a.named and b.named)
        """).fetchall()
    )
