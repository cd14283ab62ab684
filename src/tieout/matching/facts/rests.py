"""
What others left of something that a run left: less may be just what fits.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tieout.store.engine import connect, paths
from tieout.store.runs import results_at

if TYPE_CHECKING:
    from tieout.store.runs import ResultFile, Results
    from tieout.store.workplace import Store

__all__ = ["hears_of_rests"]


def hears_of_rests(store: Store, own: str) -> bool:
    """
    Say whether others use more or less, since a reconciliation ran last, of something that it left, and not all of it.

    Or all of something of which it said that it is ambiguous: what else it could have been may be so no longer.
    """
    with store.book.reading() as connection:
        now = results_at(connection)
        last = now.last.get(own)
        if last is None or now.sequence == last["sequence"]:
            return False
        then = results_at(connection, last["sequence"])
    left = _listed(store, now.of("positions", own))
    was, has = (_of_others(results, own) for results in (then, now))
    changed = [(_listed(store, was - has), "-"), (_listed(store, has - was), "")]
    if not left or not any(files for files, _ in changed):
        return False
    uses = " union all ".join(
        f"""select claim, record_key, record_id, {sign}nine(allocated, exponent) as taken
            from read_parquet({paths(files)}) where status = 'confirmed'"""
        for files, sign in changed
        if files
    )
    unsure = _listed(store, now.of("exceptions", own))
    ambiguous = "select null as claim, null::bigint as record_key, null::blob as record_id where false"
    if unsure:
        ambiguous = f"select claim, record_key, record_id from read_parquet({paths(unsure)}) where reason = 'ambiguous'"
    query = f"""
        with open_then as (
            select claim, record_key, record_id, nine(amount, exponent) as amount from read_parquet({paths(left)})
            where state <> 'excluded'
        ), since as (
            select u.claim, u.record_key, u.record_id, sum(u.taken) as taken from ({uses}) u
            semi join open_then o on o.claim = u.claim and o.record_key = u.record_key and o.record_id = u.record_id
            group by all having sum(u.taken) <> 0
        )
        select 1 from since s join open_then o using (claim, record_key, record_id)
        left join ({ambiguous}) a using (claim, record_key, record_id)
        where abs(s.taken) <> abs(o.amount) or a.record_key is not null limit 1"""
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        return bool(con.execute(query).fetchall())


def _of_others(results: Results, own: str) -> set[ResultFile]:
    return {file for file in results.of("matches") if file.reconciliation != own}


def _listed(store: Store, files: set[ResultFile] | list[ResultFile]) -> list[str]:
    return sorted(store.lake.full(file.file.path) for file in files)
