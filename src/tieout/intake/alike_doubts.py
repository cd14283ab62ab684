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

__all__ = ["alike_doubts"]


def alike_doubts(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, delivery_id: str) -> list[Doubt]:
    """
    Say which rows are taken for those of other deliveries, or of another file of theirs, that tell of a record by other means.

    Two reports that tell as many of one settlement, and whole batches, are in no doubt.
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
    rows = con.execute(_doubted(delivery_id, witnesses)).fetchall()
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


def _doubted(delivery_id: str, witnesses: str) -> str:
    """Write which rows of ``own`` are in doubt, by delivery, as SQL; ``witnesses``: those of what they are taken for."""
    return f"""with reports as (
            select record_id, delivery_id, source_id, settlement_id, named, tie, member, line from content
            union all
            select w.record_id, w.delivery_id, w.source_id, c.settlement_id, c.named, c.tie, coalesce(w.member, ''), w.line
            from {witnesses} w
            join (select distinct record_id, content, settlement_id, named, tie from content) c using (record_id, content)
        ), theirs as (
            select r.* from reports r semi join speaker t using (record_id, delivery_id) where delivery_id <> '{delivery_id}'
            union all
            select target, '{delivery_id}', source_id, settlement_id, named, tie, member, line from own
        ), known as (
            select record_id, class, settlement_id from content union select record_id, class, settlement_id from alike
        ), counted as (
            select class, settlement_id, delivery_id, count(distinct record_id) as rows
            from known join (from speaker union from teller) using (record_id) where delivery_id <> '{delivery_id}' group by all
        ), of_file as (
            select class, settlement_id, member, count(*) as rows from own group by all
        ), mine as (
            select o.*, f.rows as here, count(distinct target) over (partition by o.class, o.settlement_id) as rows
            from own o join of_file f on f.class = o.class and f.member = o.member
                and f.settlement_id is not distinct from o.settlement_id
        ), alike as (
            select m.*, t.delivery_id, t.source_id, t.record_id, t.line as their_line, t.member as their_member,
                m.settlement_id = t.settlement_id and '{delivery_id}' in (select delivery_id from whole_delivery)
                and t.delivery_id in (select delivery_id from whole_delivery)
                and coalesce(m.rows = c.rows, m.here = f.rows) as proven
            from mine m join theirs t on t.record_id = m.target
            left join counted c on c.class = m.class and c.settlement_id = m.settlement_id
                and c.delivery_id = t.delivery_id
            left join of_file f on f.class = m.class and f.settlement_id = m.settlement_id and f.member = t.member
                and t.delivery_id = '{delivery_id}'
            where not (m.named and t.named) and (m.named or t.named or m.tie <> t.tie)
                and (t.delivery_id <> '{delivery_id}' or (t.named and m.member <> t.member))
        )
        select delivery_id, any_value(source_id), min(line), count(distinct row), min(their_line), count(distinct record_id),
            list(distinct {{'here': member, 'there': their_member}})
        from alike where not coalesce(proven, false) group by delivery_id order by delivery_id
    """
