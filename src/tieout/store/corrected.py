"""
Matches that rest on a record which was corrected since: the next run reopens them, and until then nothing follows from them.

What runs have left standing says nothing of facts that came later. A view, or a draft, of both together would book or show
amounts that no record has any more: to it such a match is taken back, and its money waits as if nothing had matched it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.store.runs import standing_matches
from tieout.store.views import rows_among, table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import sqlalchemy as sa

    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import Results

__all__ = ["MATERIAL", "MOVED", "as_corrected", "corrected_since"]

#: What a match rests on: a record that is superseded in one of these is matched anew.
MATERIAL = (
    *("amount", "net", "currency", "exponent", "kind", "status", "external_key", "payment_key", "settlement_key"),
    *("parent_key", "reference_keys"),
)
#: Whether who brought a record (version o) took it back, and another source tells of it still (version n, ``reason`` for o).
MOVED = "(reason = 'withdrawn' and n.source_id is distinct from o.source_id)"


def corrected_since(connection: sa.Connection, results: Results, version: int | None = None) -> list[LakeFile]:
    """
    List the files that say what was superseded since some reconciliation ran last: earlier ones it has seen to.

    :param version: of the facts; None: of today.
    """
    matched = {f.reconciliation for f in results.of("matches")}
    if not matched:
        return []
    seen = min(int(results.last[name]["facts_version"]) if name in results.last else 0 for name in matched)
    before = {file.path for file in files_at(connection, ("superseded",), seen)["superseded"]}
    return [f for f in files_at(connection, ("superseded",), version)["superseded"] if f.path not in before]


def as_corrected(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: Mapping[str, Sequence[LakeFile]],
    corrected: Sequence[LakeFile],
    results: Results,
) -> Results:
    """
    Take back of results the matches that rest on a record which was superseded in amount, currency or keys, or withdrawn.

    So it is where the source that brought it took it back, and another one tells of it still.

    :param files: of ``records`` and ``superseded``.
    :param corrected: as ``corrected_since`` lists them.
    """
    if not corrected:
        return results
    gone = table(lake, "superseded", corrected)
    named = f"r.record_key in (select record_key from {gone})"
    standing = standing_matches(con, lake, results, among=lambda listed: rows_among(con, listed, named))
    con.execute(f"""
        create or replace temp table resting as select m.match_id, m.record_key, m.record_id, m.version, s.reason
        from {standing} m join {gone} s on s.record_key = m.record_key and s.record_id = m.record_id and s.version = m.version
    """)
    if con.execute("select 1 from resting limit 1").fetchone() is None:
        return results
    paths = [lake.full(file.path) for file in files["records"]]
    versions = rows_among(con, paths, "r.record_key in (select record_key from resting)")
    told = " or ".join([MOVED, *(f"n.{column} is distinct from o.{column}" for column in MATERIAL)])
    found = con.execute(f"""
        with versions as materialized (select * from {versions}), newest as (
            select v.* from versions v anti join {table(lake, "superseded", files["superseded"])} s
                on s.record_key = v.record_key and s.record_id = v.record_id and s.version = v.version
        )
        select distinct m.match_id from resting m join versions o using (record_key, record_id, version)
        left join newest n on n.record_key = m.record_key and n.record_id = m.record_id
        where n.record_id is null or {told} order by 1
    """).fetchall()
    ends = tuple((bytes(match_id), results.sequence + 1, False) for (match_id,) in found)
    return replace(results, voids=(*results.voids, *ends))
