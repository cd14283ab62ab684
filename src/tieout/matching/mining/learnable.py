"""
What people decided, as mining reads it: records that they put together, and names that their parties bear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.matching.comparing.columns import NAME_BLOCK, name_forms
from tieout.matching.facts.records import records_of
from tieout.matching.grammar.rules import FIELDS
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    import duckdb

    from tieout.matching.facts.opening import Reading
    from tieout.store.workplace import Store

__all__ = ["Example", "alike", "examples_of", "form_of", "names_decided"]

#: So many pairs are looked at.
_EXAMPLES_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Example:
    """
    A match that a person made or approved.

    :ivar pairs: (left record, right record), each with its fields and ``day``; of several records each left with each right.
    :ivar left, right: what it uses up of each side, at nine decimals.
    :ivar shape: ``1:1``, ``n:1``, ``1:n`` or ``n:m``.
    :ivar part: something of one of its records stays open.
    :ivar reason: what its difference is; None: nothing is said, or it is several things.
    """

    match_id: bytes
    shape: str
    left: int
    right: int
    part: bool
    reason: str | None
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)


def examples_of(con: duckdb.DuckDBPyConnection, store: Store, reading: Reading) -> list[Example]:
    """Read the matches that people made or approved, in order; reads what ``read_decided`` made."""
    columns = ", ".join(f'"{name}"' for name in FIELDS)
    con.execute(
        f"""create temp table exemplary as select d.* from decided d join of_match m using (match_id)
            where m.decided_by is not null and d.l is not null order by d.match_id, d.l, d.r limit {_EXAMPLES_MAX};
        create temp table fields as select r.record_id, r.source_id, r.booked_on as day, {columns}
            from {records_of(store.lake, reading.files)} r
            semi join (select l as record_id from exemplary union select r from exemplary) e using (record_id)"""
    )
    adjusted = standing_matches(con, store.lake, reading.results, table_name="adjustments")
    sums = con.execute(
        f"""select s.match_id, count(distinct record_id) filter (side = 'left'), count(distinct record_id) filter (side = 'right'),
            coalesce(sum(allocated) filter (side = 'left'), 0)::varchar, coalesce(sum(allocated) filter (side = 'right'), 0)::varchar,
            bool_or(abs(allocated) < abs(amount)), any_value(a.reason)
        from standing s left join (select match_id, case when count(*) = 1 then min(reason) end as reason from {adjusted} group by match_id) a using (match_id)
        where s.match_id in (select match_id from exemplary) group by s.match_id
            having count(distinct s.currency) <= 1  -- amounts of two say nothing of a tolerance
        order by s.match_id"""
    ).fetchall()
    found = {
        bytes(row[0]): Example(
            bytes(row[0]), _shape(row[1], row[2]), abs(int(row[3])), abs(int(row[4])), bool(row[5]), row[6]
        )
        for row in sums
        if row[1] and row[2]
    }
    records = {row["record_id"]: row for row in con.sql("select * from fields").to_arrow_table().to_pylist()}
    pairs = con.sql("select match_id, l, r from exemplary order by match_id, l, r").to_arrow_table().to_pylist()
    for row in pairs:
        if row["match_id"] in found and row["l"] in records and row["r"] in records:
            found[row["match_id"]].pairs.append((records[row["l"]], records[row["r"]]))
    return [example for example in found.values() if example.pairs]


def _shape(lefts: int, rights: int) -> str:
    return f"{'1' if lefts == 1 else 'n'}:{'1' if rights == 1 else 'm' if lefts > 1 else 'n'}"


def names_decided(
    con: duckdb.DuckDBPyConnection, store: Store, reading: Reading, pairs: str
) -> list[tuple[str, str, int]]:
    """
    Count which names of both sides stand together in pairs: (left, right, pairs), in order.

    :param pairs: a relation with l and r.
    """
    rows = con.execute(
        f"""with named as (
                select r.record_id, r.counterparty from {records_of(store.lake, reading.files)} r
                semi join (select l as record_id from {pairs} union select r from {pairs}) p using (record_id)
                where r.counterparty is not null)
            select a.counterparty, b.counterparty, count(*) from (select distinct l, r from {pairs}) p
            join named a on a.record_id = p.l join named b on b.record_id = p.r group by 1, 2 order by 1, 2"""
    ).fetchall()
    return [(str(left), str(right), int(count)) for left, right, count in rows]


def form_of(names: list[str]) -> list[str]:
    """Write names so that spellings of one party are the same."""
    return [form or "" for form in name_forms(pa.array(names, pa.string()))["form"].to_pylist()]


def alike(one: str, other: str) -> bool:
    """Say whether two forms are of one name, as a rule's key finds it: the same, or one cut off."""
    if one[:NAME_BLOCK] != other[:NAME_BLOCK]:
        return False
    return bool(one and other) and (one.startswith(other) or other.startswith(one))
