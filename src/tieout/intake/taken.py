"""
Names of lines that were taken for things, since nothing says otherwise: laws 2 and 5.

A row that only its balance transaction names was taken for a charge that only its own number names (intake.alike). It says
so without its identifier; what it was called stays beside it. So one name is taken for one thing, by whoever tells it, and
two names are never taken for one thing. Who then names both proves it, or proves it wrong: the deliveries that told the
line are read again, and stand where they belong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.intake.joined import Joined
from tieout.intake.resolution import told_sql
from tieout.store.engine import paths
from tieout.store.views import table

if TYPE_CHECKING:
    import duckdb

    from tieout.intake.resolution import Facts
    from tieout.intake.stage import Staged
    from tieout.store.lake import Lake

__all__ = ["joined_taken"]


def joined_taken(
    con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, staged: Staged, delivery_id: str
) -> list[Joined]:
    """
    Find what was taken for another thing, and of which a delivery names line and thing.

    Leaves in ``taken`` all that stands for another thing in the delivery's days, for those who look further.
    """
    _load(con, lake, facts, staged)
    if staged.records is None or not con.execute("select 1 from taken limit 1").fetchall():
        return []
    rows = con.execute(f"""
        with telling as (
            select record_id, external_id, regexp_replace(unnest(aliases), '^[^:]*:', '') as line
            from read_parquet({paths([lake.full(staged.records.path)])}) where identity is not null and len(aliases) > 0
        ), told as (
            select t.*, b.record_id as target, b.external_id from taken t join telling b on b.line = t.name
            union all
            select t.*, b.record_id, b.external_id from taken t join telling b on b.record_id = t.record_id
        )
        select lower(hex(t.record_id)), t.name, lower(hex(any_value(t.target))), any_value(t.external_id),
            list(distinct t.delivery_id order by t.delivery_id)
        from told t
        where t.delivery_id <> '{delivery_id}' group by t.record_id, t.name order by all
    """).fetchall()
    return [
        Joined(record_id=record, external_id=name, target=target, target_id=other, deliveries=tuple(told))
        for record, name, target, other, told in rows
    ]


def _load(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, staged: Staged) -> None:
    """Note what stands for another thing in the days of a draft: ``taken`` (record_id, name, delivery_id)."""
    con.execute("create or replace temp table taken (record_id blob, name varchar, delivery_id varchar)")
    draft = staged.records
    if draft is None or draft.min_day is None or draft.max_day is None:
        return
    near = [
        file
        for file in facts.files["assertions"]
        if file.min_day is not None and file.max_day is not None
        if file.min_day <= draft.max_day and file.max_day >= draft.min_day
    ]
    if not near:
        return
    con.execute(f"""
        create or replace temp table taking as
        select record_id, record_key, external_id as name, content, delivery_id from {table(lake, "assertions", near)}
        where identity is null and not counted and external_id is not null
    """)
    if con.execute("select 1 from taking limit 1").fetchall():
        told = told_sql(*(facts.relation(lake, n) for n in ("records", "assertions", "witnesses")), among="taking")
        con.execute(f"""
            insert into taken select distinct t.record_id, t.name, s.delivery_id from taking t join (
                select record_id, content, delivery_id from taking
                union select record_id, content, delivery_id from {facts.relation(lake, "witnesses")}
            ) s using (record_id, content) semi join {told} w
                on w.record_id = t.record_id and w.delivery_id = s.delivery_id
        """)
    con.execute("drop table taking")
