"""
What runs left over, and is left now: a later reconciliation, or a person, may have used up what an earlier one says is open.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tieout.observe.results import rest_sql, used_sql
from tieout.store.engine import connect, paths
from tieout.store.runs import results_at, standing_matches
from tieout.store.views import current_records, rows_among
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from tieout.store.workplace import Store

__all__ = ["left_now"]

#: The states of positions that runs are told by.
_STATES = ("in_transit", "open", "excluded")


def left_now(store: Store, runs: Collection[str]) -> dict[str, dict[str, int]]:
    """
    Count what is left now of what runs left over.

    :param runs: the last ones of their reconciliations, by id.
    :return: {run: {exceptions, in_transit, open, excluded}}, of all runs that wrote result files.
    """
    with store.book.reading() as connection:
        results = results_at(connection)
        files = files_at(connection, ("records", "superseded"))
    told = [(f, name) for name in ("positions", "exceptions") for f in results.of(name) if f.run_id in runs]
    found = {file.run_id: dict.fromkeys(("exceptions", *_STATES), 0) for file, _ in told}
    parts = []
    for file, name in told:
        state = "state" if name == "positions" else "'exceptions' as state"
        listed = paths([store.lake.full(file.file.path)])
        parts.append(
            f"select '{file.run_id}' as run_id, claim, record_key, record_id, {state} from read_parquet({listed})"
        )
    if not parts:
        return found
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        kept = ", ".join(f"'{state}'" for state in ("exceptions", *_STATES))
        con.execute(
            f"create temp table left_over as select * from ({' union all '.join(parts)}) where state in ({kept})"
        )
        named = "r.record_key in (select record_key from left_over)"
        standing = standing_matches(
            con, store.lake, results, among=lambda of: rows_among(con, of, named), origins=False
        )
        con.execute(
            f"create temp table used as {used_sql('(select distinct claim, record_key, record_id from left_over)', standing)}"
        )
        records = current_records(store.lake, files["records"], files["superseded"])
        rows = con.execute(f"""
            with settled as (
                select u.claim, u.record_key, u.record_id
                from used u join {records} r on r.record_key = u.record_key and r.record_id = u.record_id
                where {rest_sql("r", "u", "u")} = 0
            )
            select run_id, state, count(*) from left_over o
            anti join settled s on s.claim = o.claim and s.record_key = o.record_key and s.record_id = o.record_id
            group by all
        """).fetchall()
    for run_id, state, count in rows:
        found[run_id][state] = count
    return found
