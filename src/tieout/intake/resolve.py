"""
Which rows of a delivery are new, which are known, which say something else: laws 2 and 5.

Only rows whose identity is already known, or occurs twice in the delivery, come through here; for all others the draft
stands as it was written. Everything is set-based, in four steps:

1. ``incoming``: those rows; ``standing``: what is known under their identities (and aliases).
2. Each incoming row gets its ``target``, the record that it speaks of. Rows without an identifier are counted
   (intake.occurrences).
3. What a row says is a *content*. A content that is already known makes its delivery a witness; another one is a new
   assertion.
4. The assertions of one record are folded into its next version (intake.fold).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tieout.intake import fold, occurrences, reissued
from tieout.intake.alike import aim_alike, joined_alike, load_alike
from tieout.intake.alike_doubts import alike_doubts, settled_alike
from tieout.intake.announced_details import BOOKED_DETAIL
from tieout.intake.changes import changes
from tieout.intake.derive import alias_keys, record_keys
from tieout.intake.joined import Joined
from tieout.intake.resolution import Facts, Resolution, Said, told_sql
from tieout.intake.taken import joined_taken
from tieout.model.records import record_schema
from tieout.store.engine import paths
from tieout.store.views import sql_types, table

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from tieout.intake.alike import Likeness
    from tieout.intake.contents import Contents
    from tieout.intake.doubts import Doubt
    from tieout.intake.reissued import Covered
    from tieout.intake.stage import Staged
    from tieout.store.lake import Lake, LakeFile

__all__ = ["known_keys", "resolve"]


def known_keys(con: duckdb.DuckDBPyConnection, lake: Lake, identities: list[LakeFile], keys: pa.Array) -> pa.Table:
    """
    Find which identities are known: the repeat check.

    :param keys: first 64 bits of identities (int64).
    :return: path (of the records file) and row for every hit, with its key.
    """
    if not identities or not len(keys):
        return pa.table({"key": pa.array([], pa.int64()), "path": pa.array([], pa.string()), "row": keys.slice(0, 0)})
    places = [{"filename": lake.full(file.path), "path": lake.full(file.sibling or "")} for file in identities]
    con.register("probe", pa.table({"key": keys}))
    con.register("siblings", pa.Table.from_pylist(places))
    found = con.sql(
        "select i.key, s.path, i.row::bigint as row"
        f" from {table(lake, 'identities', identities, places=True)} i join siblings s using (filename)"
        " where i.key in (select key from probe)"
    ).to_arrow_table()
    con.unregister("probe")
    con.unregister("siblings")
    return found


def resolve(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    facts: Facts,
    staged: Staged,
    said: Said,
    history: list[Said],
    covered: Covered,
    contents: Contents,
    before: list[LakeFile] | None = None,
) -> Resolution:
    """
    Decide what each row of a draft is.

    :param history: every other delivery so far, for the order in which contents were said.
    :param covered: which statements there are, and ``contents`` which files are copies, for rows that only counting can
        tell apart.
    :param before: for a delivery that is read again: the files that it brought when it was read before. What it said
        then and does not say now is withdrawn.
    """
    repeated_keys = _repeated(staged.keys)
    alias_keys_found = (
        record_keys(pa.array(staged.alias_ids, pa.binary(16))) if staged.alias_ids else pa.array([], "i8")
    )
    probe = pa.concat_arrays([pa.array(staged.keys), alias_keys_found]) if staged.alias_ids else pa.array(staged.keys)
    hits = known_keys(con, lake, facts.files["identities"], probe)
    alias_hits, named = np.zeros(0, np.bool_), np.zeros(0, np.int64)
    if staged.alias_ids:
        alias_hits = np.isin(alias_keys_found.to_numpy(), np.concatenate([hits["key"].to_numpy(), staged.keys]))
        named = alias_keys_found.to_numpy()[alias_hits]
    reissued.load_places(con, covered)
    _load_whole(con, facts)
    spoken_of = [_withdrawable(con, lake, before or []), reissued.load_held(con, lake, covered)]
    proven = joined_taken(con, lake, facts, staged, said.delivery_id)
    alike = load_alike(con, lake, facts, staged, said.delivery_id, before or ())
    spoken_of.append(alike.keys)
    nothing_known = not len(repeated_keys) and not hits.num_rows and not alias_hits.any()
    if nothing_known and not any(map(len, [*spoken_of, alike.rows])) and not covered.weighed:
        _drop(con)
        return Resolution(joined=proven)
    for keys in spoken_of:
        if len(keys):
            hits = pa.concat_tables([hits, known_keys(con, lake, facts.files["identities"], keys)])
    hits = hits.group_by(["key", "path", "row"], use_threads=False).aggregate([])
    involved = np.unique(np.concatenate([repeated_keys, hits["key"].to_numpy(), named]))
    rows = np.flatnonzero(np.isin(staged.keys, involved))
    rows = np.union1d(rows, np.concatenate([np.array(staged.alias_rows, np.int64)[alias_hits], alike.rows]))
    if covered.takes_all_rows:
        rows = np.arange(staged.row_count)
    _load_incoming(con, lake, staged, rows)
    _load_standing(con, lake, facts, hits)
    _load_history(con, [*history, said])
    joined, doubts, settled = _aim(con, lake, facts, staged, said.delivery_id, alike, covered, contents)
    reissued.note_incoming(con)
    reissued.load_void(con)
    fold.load_said(con, lake, facts)
    withdrawn = None
    if before is None:
        con.execute("create or replace temp table unchanged (row bigint)")
    else:
        withdrawn = fold.take_back(con, said.delivery_id)
    resolution = fold.decide(con, staged.row_count, withdrawn)
    resolution.doubts, resolution.joined, resolution.own = doubts, proven + joined, _own(con, said.delivery_id)
    resolution.settled = settled
    left_out, stood = reissued.leave_out(con, said.delivery_id)
    fold.take_rows(resolution, "superseded", left_out, resolution.tables.get("superseded"))
    resolution.withdrawn += stood
    resolution.changes, resolution.settlements = changes(con, covered), _settlements(con)
    _drop(con)
    return resolution


def _aim(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    facts: Facts,
    staged: Staged,
    delivery_id: str,
    alike: Likeness,
    covered: Covered,
    contents: Contents,
) -> tuple[list[Joined], list[Doubt], set[tuple[str, str]]]:
    """Give each incoming row its target; says what proves to be one, of what nothing proves it, and what it settles."""
    _aim_identified(con, staged)
    joined = _joined(con, lake, facts, delivery_id)
    aim_alike(con, alike)
    doubts = occurrences.aim_counted(con, covered, contents, facts.relation(lake, "witnesses"))
    known = {doubt.delivery_id for doubt in doubts}
    doubts += [one for one in alike_doubts(con, lake, facts, delivery_id) if one.delivery_id not in known]
    return joined + joined_alike(con, alike, delivery_id), doubts, settled_alike(con, delivery_id)


def _withdrawable(con: duckdb.DuckDBPyConnection, lake: Lake, before: list[LakeFile]) -> pa.Array:
    """Note the records that a delivery spoke of when it was read before; gives the first 64 bits of each identity."""
    con.execute("create or replace temp table withdrawable (record_id blob, record_key bigint)")
    for name in ("records", "assertions", "witnesses"):
        files = [file for file in before if file.table_name == name]
        if files:
            con.execute(
                f"insert into withdrawable select distinct record_id, record_key from {table(lake, name, files)}"
            )
    found = con.sql("select distinct record_key from withdrawable").to_arrow_table()["record_key"]
    return pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], pa.int64())


def _own(con: duckdb.DuckDBPyConnection, delivery_id: str) -> int:
    """Count the records that a delivery brought when it was read before, and speaks of again; at first there are none."""
    [(count,)] = con.execute(
        "select count(distinct s.record_id) from standing s semi join incoming i on i.target = s.record_id"
        " where s.version = 1 and s.delivery_id = $delivery",
        {"delivery": delivery_id},
    ).fetchall()
    return int(count)


def _repeated(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the keys that occur more than once."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.unique(twice) if len(twice) else twice


def _load_incoming(con: duckdb.DuckDBPyConnection, lake: Lake, staged: Staged, rows: npt.NDArray[np.int64]) -> None:
    """Read the rows in question back from the draft; ``row`` is their place in it."""
    if staged.records is None:
        empty = ", ".join(f'null::{kind} as "{name}"' for name, kind in sql_types(record_schema()).items())
        con.execute(
            f"create or replace temp table incoming as select {empty}, 0::bigint as row, null::blob as target,"
            " 0::bigint as content where false"
        )
        return
    draft = paths([lake.full(staged.records.path)])
    con.register("wanted", pa.table({"row": pa.array(rows, pa.int64())}))
    con.execute(
        "create or replace temp table incoming as"
        " select d.* exclude (file_row_number), d.file_row_number as row, null::blob as target,"
        f" {fold.content_sql('d')} as content"
        f" from read_parquet({draft}, file_row_number = true) d"
        " semi join wanted w on d.file_row_number = w.row"
    )
    con.unregister("wanted")


def _load_standing(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, hits: pa.Table) -> None:
    """Read every version of the records that the hits name; ``standing`` says which of them is current."""
    _fetch(con, hits, "standing_hit")
    # A hit by alias or by the first of equal rows names a record whose other versions have other keys.
    more = con.sql("select distinct record_key as key from standing_hit").to_arrow_table()["key"]
    if len(more):
        whole = pa.concat_arrays(more.chunks)
        further = known_keys(con, lake, facts.files["identities"], whole)
        hits = pa.concat_tables([hits, further.select(hits.column_names)]).group_by(["path", "row"]).aggregate([])
        _fetch(con, hits, "standing_hit")
    # An announced detail that stands for a booked entry was booked: only intake.announced changes that version.
    reason = f"case when {BOOKED_DETAIL} then 'booked' else s.reason end"
    con.execute(
        "create or replace temp table standing as"
        f" select h.*, {fold.content_sql('h')} as content, {reason} as gone,"
        f" {reason} is null and h.version = max(h.version) over (partition by h.record_id) as current"
        f" from standing_hit h left join {facts.relation(lake, 'superseded')} s"
        " on s.record_key = h.record_key and s.record_id = h.record_id and s.version = h.version"
    )
    con.execute("drop table standing_hit")


def _fetch(con: duckdb.DuckDBPyConnection, hits: pa.Table, name: str) -> None:
    """Read rows of records files by file and row number."""
    con.register("places", hits)
    files = con.execute("select distinct path from places order by path").fetchall()
    source = paths([path for (path,) in files]) if files else None
    if source is None:
        con.execute(
            f"create or replace temp table {name} as select * exclude (row, target, content) from incoming limit 0"
        )
    else:
        con.execute(
            f"create or replace temp table {name} as select r.* exclude (filename, file_row_number)"
            f" from read_parquet({source}, filename = true, file_row_number = true) r"
            " semi join places p on p.path = r.filename and p.row = r.file_row_number"
        )
    con.unregister("places")


def _load_whole(con: duckdb.DuckDBPyConnection, facts: Facts) -> None:
    """Note the deliveries that tell whole batches."""
    con.register("whole", pa.table({"delivery_id": pa.array(sorted(facts.whole), pa.string())}))
    con.execute("create or replace temp table whole_delivery as select * from whole")
    con.unregister("whole")


def _load_history(con: duckdb.DuckDBPyConnection, history: list[Said]) -> None:
    rows = [{"delivery_id": s.delivery_id, "sequence": s.sequence, "created_at": s.created_at} for s in history]
    kinds = pa.schema({"delivery_id": pa.string(), "sequence": pa.int64(), "created_at": pa.int64()})
    con.register("history_rows", pa.Table.from_pylist(rows, schema=kinds))
    con.execute("create or replace temp table history as select * from history_rows")
    con.unregister("history_rows")


def _aim_identified(con: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Find the record of each row that has an identifier: its own, or the one that an alias names."""
    kinds = pa.schema({"row": pa.int64(), "alias": pa.binary(16)})
    con.register("incoming_alias", pa.table([staged.alias_rows, staged.alias_ids], schema=kinds))
    standing = con.sql(
        "select record_id, system, account_number, namespace, aliases from standing where len(aliases) > 0"
    ).to_arrow_table()
    owners, aliases = [], []
    for system in set(standing["system"].to_pylist()):
        part = standing.filter(pa.compute.equal(standing["system"], system))
        at, ids = alias_keys(part, system)
        owners += part["record_id"].take(pa.array(at, pa.int64())).to_pylist()
        aliases += ids
    known = pa.schema({"record_id": pa.binary(16), "alias": pa.binary(16)})
    con.register("standing_alias", pa.table([owners, aliases], schema=known))
    # Joined by one name at a time: a choice of two in a join is a loop over all pairs.
    con.execute("""
        create or replace temp table told_names as
        select row, record_id as name, true as own from incoming where not counted
        union all select a.row, a.alias, false from incoming_alias a semi join incoming i on i.row = a.row and not i.counted
    """)
    # Whose other name it is comes before what has that name by itself: two that were told apart are one since.
    con.execute("""
        update incoming set target = found.target from (
            select i.row, coalesce(
                min(named.other), min(own.record_id), min(by_alias.record_id), min(named.record_id),
                least(i.record_id, min(peer.record_id))) as target
            from incoming i
            left join standing own on own.record_id = i.record_id
            left join incoming_alias a on a.row = i.row
            left join standing by_alias on by_alias.record_id = a.alias
            left join (
                select c.row, min(n.record_id) as record_id, min(n.record_id) filter (c.own and n.record_id <> c.name) as other
                from told_names c join standing_alias n on n.alias = c.name group by c.row
            ) named on named.row = i.row
            left join incoming peer on peer.record_id = a.alias
            where not i.counted
            group by i.row, i.record_id
        ) found where incoming.row = found.row
    """)
    # Rows of one delivery that call a thing the same speak of the same, and so does what another one calls so.
    con.execute("""
        update incoming set target = found.target from (
            select record_id, min(target) as target from incoming
            where not counted and target <> record_id group by record_id
        ) found where incoming.record_id = found.record_id and not incoming.counted
    """)
    con.execute("""
        update incoming set target = found.target from (
            select a.alias, min(b.target) as target
            from incoming_alias a join incoming b on b.row = a.row where b.target <> a.alias group by a.alias
        ) found where incoming.record_id = found.alias and not incoming.counted
    """)
    con.unregister("standing_alias")


def _joined(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, delivery_id: str) -> list[Joined]:
    """Find records that stand, and that the delivery says are others, with the deliveries that told of them."""
    con.execute("""
        create or replace temp table joined as
        with meant as materialized (select c.name, i.target from told_names c join incoming i using (row))
        select distinct s.record_id, s.record_key, s.external_id, m.target
        from meant m join standing s on s.record_id = m.name and s.current and s.record_id <> m.target
    """)
    con.execute("drop table told_names")
    con.unregister("incoming_alias")
    if not con.execute("select 1 from joined limit 1").fetchall():
        return []
    told = told_sql(*(facts.relation(lake, name) for name in ("records", "assertions", "witnesses")), among="joined")
    rows = con.execute(f"""
        select lower(hex(j.record_id)), any_value(j.external_id), any_value(lower(hex(j.target))),
            any_value(coalesce(i.external_id, s.external_id)),
            list(distinct {{'sequence': h.sequence, 'delivery': t.delivery_id}}) filter (t.delivery_id <> '{delivery_id}')
        from joined j left join {told} t on t.record_id = j.record_id left join history h on h.delivery_id = t.delivery_id
        left join (select record_id, external_id from standing where current) s on s.record_id = j.target
        left join (select record_id, any_value(external_id) as external_id from incoming group by record_id) i
            on i.record_id = j.target
        group by j.record_id order by 1
    """).fetchall()
    return [
        Joined(record_id=record, external_id=own, target=target, target_id=other, deliveries=_in_turn(told))
        for record, own, target, other, told in rows
        if told
    ]


def _in_turn(told: list[dict[str, Any]]) -> tuple[str, ...]:
    """Name deliveries in the order of landing."""
    return tuple(one["delivery"] for one in sorted(told, key=lambda one: (one["sequence"], one["delivery"])))


def _settlements(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Name the settlements that the rows in question, and every version of what they speak of, stand in."""
    found = con.execute(
        "select settlement_id from incoming union select settlement_id from standing order by all"
    ).fetchall()
    return {name for (name,) in found if name is not None}


def _drop(con: duckdb.DuckDBPyConnection) -> None:
    ours = ("incoming", "standing", "joined", "history", "said", "withdrawable", "unchanged", "mine", "completed")
    of_alike = (
        "alike",
        "likeness",
        "poor",
        "rich",
        "pairs",
        "better",
        "told_by",
        "teller",
        "speaker",
        "spoken",
        "content",
        "own",
        "reporting",
        "mixed",
        "sought",
        "likely",
        "naming",
        "unaimed",
        "taken",
    )
    for name in (*ours, *of_alike, "whole_delivery", "covered", "weighed", "called", "held", "void", "stirred", "kept"):
        con.execute(f"drop table if exists {name}")
