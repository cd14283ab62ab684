"""
Counting rows that no identifier tells apart: two identical coffees are two records, one coffee reported twice is one.

Equal rows count within what one delivery covers. Across deliveries they add where the deliveries are proven disjoint
(numbered statements whose balances chain, or whose days do not touch), and are the same where both are the same
statement, or the same batch of a report that tells whole batches. Rows of two settlements are two. Where nothing is
provable, the larger count of one delivery stands and a conflict says so (laws.md 2): that compares what two deliveries say
of equal rows, and not which of them came first (intake.doubts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.intake.derive import common_ids, record_ids
from tieout.intake.doubts import Doubt
from tieout.model.records import record_schema

if TYPE_CHECKING:
    import duckdb

    from tieout.intake.contents import Contents
    from tieout.intake.reissued import Covered

__all__ = ["aim_counted"]

#: Where a report stands.
_PLACE = ("delivery_id", "member", "line", "statement_place")


def aim_counted(con: duckdb.DuckDBPyConnection, covered: Covered, contents: Contents, witnesses: str) -> list[Doubt]:
    """
    Give each incoming row without an identifier, and without a target, its target: an equal record, or a further one.

    The statements of a delivery, and the files in a container, count one after the other, as if each had come by itself:
    in the first turn the first of each group of equal rows, then the second, which knows what the first one told.

    :param contents: which files hold the same bytes.
    :param witnesses: the lake's witnesses, as a relation: a record is where each of them saw it.
    :return: what it says of equal rows that others say too, and nothing proves whether they are the same.
    """
    if not con.execute("select 1 from incoming where counted and target is null limit 1").fetchall():
        return []
    _load_equals(con, witnesses)
    turns = _load_turns(con)
    for turn in range(1, turns + 1):
        _load_relations(con, covered, contents, turn)
        _choose(con)
        con.execute(_AIM)
        if turn < turns:
            con.execute(_TOLD.format(turn=turn))
            con.execute(_SEEN)
    doubts = _doubts(con, covered, contents)
    for name in ("equal_standing", "seen", "counting", "due", "pair", "plain", "choice", "aimed"):
        con.execute(f"drop table if exists {name}")
    return doubts


def _load_equals(con: duckdb.DuckDBPyConnection, witnesses: str) -> None:
    """
    Find for each standing counted record what it has in common with its equals, and where it was seen.

    ``base`` is the identity of all equal rows; among them, rows of one ``settlement`` are numbered behind one ``own``.
    """
    standing = con.sql(f"""
        select s.*, t.settlement from standing s
        join (select record_id, max(settlement_id) as settlement from standing group by record_id) t using (record_id)
        where counted and version = 1 order by {", ".join(_PLACE)}, record_id
    """).to_arrow_table()
    parts = []
    names = ("record_id", "source_id", "kind", *_PLACE)
    for system in sorted(set(standing["system"].to_pylist())):
        part = standing.filter(pa.compute.equal(standing["system"], system))
        told = part.select([*names, "settlement", "content"])
        told = told.append_column("base", record_ids(con, part, system, common=True))
        parts.append(told.append_column("own", record_ids(con, part, system)))
    fields = [*(record_schema().field(name) for name in names), ("settlement", pa.string()), ("content", pa.int64())]
    empty = pa.schema([*fields, ("base", pa.binary(16)), ("own", pa.binary(16))]).empty_table()
    con.register("equal_rows", pa.concat_tables(parts) if parts else empty)
    # Equals are taken in the order of their numbers, which no order of arrival changes.
    con.execute("""
        create or replace temp table equal_standing as
        with several as (
            select own, unnest(range(2, count(distinct record_id) + 1)) as nth from equal_rows group by own
        ), numbered as (
            select own, unhex(left(sha256(own || ('occurrence' || nth::bigint)::blob), 32)) as record_id, nth from several
        )
        select e.*, coalesce(n.nth, 1)::bigint as nth from equal_rows e left join numbered n using (own, record_id)
    """)
    con.unregister("equal_rows")
    # What was withdrawn is not seen; a record that nobody speaks of any more is still where it was.
    con.execute(f"""
        create or replace temp table seen as
        with told as (
            select base, record_id, source_id, delivery_id, member, line, statement_place, true as first, 1 as times
            from equal_standing
            union all
            select e.base, w.record_id, w.source_id, w.delivery_id, w.member, w.line, w.statement_place, false,
                case when w.withdrawn then -1 else 1 end
            from {witnesses} w join equal_standing e on e.record_id = w.record_id
        )
        select base, record_id, source_id, delivery_id, member, line, statement_place, bool_or(first) as first,
            sum(times) as times
        from told group by base, record_id, source_id, delivery_id, member, line, statement_place
        qualify sum(times) > 0 or max(sum(times)) over (partition by record_id) <= 0
    """)


def _load_turns(con: duckdb.DuckDBPyConnection) -> int:
    """Say of each row in which turn it counts: among its equals, the rows of one statement or file come together."""
    settled = con.sql(
        "select * from incoming where counted and target is null and settlement_id is not null"
    ).to_arrow_table()
    at, ids = common_ids(con, settled, settled["system"][0].as_py()) if settled.num_rows else ([], [])
    kinds = pa.schema({"row": pa.int64(), "base": pa.binary(16)})
    con.register("common", pa.table([settled["row"].take(pa.array(at, pa.int64())), ids], schema=kinds))
    con.execute("""
        create or replace temp table counting as
        with placed as (
            select i.row, coalesce(c.base, i.record_id) as base, i.record_id as own, i.settlement_id as settlement,
                coalesce(i.member, '') as member, s.position
            from incoming i left join common c using (row) left join covered s
            on s.delivery_id = i.delivery_id and s.member = coalesce(i.member, '') and s.place = i.statement_place
            where i.counted and i.target is null
        ), begun as (
            select *, min(row) over (partition by base, member, position) as first from placed
        )
        select row, base, own, settlement, member, position, dense_rank() over (partition by base order by first) as turn
        from begun
    """)
    con.unregister("common")
    [(turns,)] = con.execute("select max(turn) from counting").fetchall()
    return int(turns)


_PAIRS = """
    create or replace temp table pair as
    with theirs as (
        select e.base, e.record_id, q.settlement, e.delivery_id, coalesce(e.member, '') as member, e.statement_place,
            e.first, s.position, s.rank
        from seen e join equal_standing q using (base, record_id) left join covered s
        on s.delivery_id = e.delivery_id and s.member = coalesce(e.member, '') and s.place = e.statement_place
    )
    select m.row, m.base, m.member, m.position as mine, t.record_id, t.first, t.rank, t.delivery_id as of_delivery,
        t.member as of_member, t.position as theirs, i.statement_place is not distinct from t.statement_place as alike,
        i.delivery_id, m.settlement = t.settlement as one_batch,
        case when i.delivery_id = t.delivery_id and m.member = t.member and m.position is not distinct from t.position
            then case when t.first then 'same' else 'own' end end as relation
    from counting m join incoming i using (row) join theirs t using (base)
    where m.turn = {turn} and not coalesce(m.settlement <> t.settlement, false)
"""


def _load_relations(con: duckdb.DuckDBPyConnection, covered: Covered, contents: Contents, turn: int) -> None:
    """Judge every pair of (incoming row, equal record) of a turn by the files and statements that they stand in."""
    con.execute(_PAIRS.format(turn=turn))
    _judge(con, covered, contents, "pair")
    con.execute(f"create or replace temp table due as select row, base, own from counting where turn = {turn}")
    # A record is seen in several places: being apart from where it was first decides, since then a further report was taken
    # for it before that could be known; where that was no statement, from the first of all statements that tell of it. Then
    # being the same as one of them, then being apart from one of them. That this delivery itself was taken for a further
    # report of it, when it was read before, proves nothing.
    con.execute("""
        create or replace temp table pair as
        select row, base, record_id, bool_or(relation = 'own') as own,
            case when bool_or(first and relation = 'disjoint') then 'disjoint'
            when not bool_or(first and theirs is not null) and arg_min(relation, rank) = 'disjoint' then 'disjoint'
            when bool_or(relation = 'same') then 'same' when bool_or(relation = 'issue') then 'issue'
            when bool_or(relation = 'disjoint') then 'disjoint' when bool_or(relation = 'within') then 'within'
            when bool_or(relation = 'around') then 'around' when bool_and(coalesce(relation = 'own', false)) then 'same'
            else 'unknown' end as relation
        from pair group by row, base, record_id
    """)


def _judge(con: duckdb.DuckDBPyConnection, covered: Covered, contents: Contents, pairs: str) -> None:
    """
    Write into the column ``relation`` of a table of pairs how what they stand in relates: the same bytes are the same.

    So is one batch of two reports that tell whole batches. Else their statements, ``mine`` and ``theirs``, say it; where
    there are none, nothing does.
    """
    con.execute(
        f"update {pairs} set relation = 'same' where relation is null and one_batch"
        " and delivery_id in (select delivery_id from whole_delivery) and of_delivery in (select delivery_id from whole_delivery)"
    )
    files = con.execute(
        f"select distinct member, of_delivery, of_member from {pairs} where relation is null and alike"
    ).fetchall()
    same = [dict(zip(("member", "of_delivery", "of_member"), f, strict=True)) for f in files if contents.same(*f)]
    if same:
        kinds = pa.schema(dict.fromkeys(("member", "of_delivery", "of_member"), pa.string()))
        con.register("copy", pa.Table.from_pylist(same, schema=kinds))
        con.execute(
            f"update {pairs} set relation = 'same' from copy c where {pairs}.relation is null and {pairs}.alike"
            f" and {pairs}.member = c.member and {pairs}.of_delivery = c.of_delivery"
            f" and {pairs}.of_member = c.of_member"
        )
        con.unregister("copy")
    distinct = con.execute(
        f"select distinct mine, theirs from {pairs} where relation is null and mine is not null and theirs is not null"
    ).fetchall()
    judged = [{"mine": m, "theirs": t, "judged": covered.relation(m, t)} for m, t in distinct]
    kinds = pa.schema({"mine": pa.int64(), "theirs": pa.int64(), "judged": pa.string()})
    con.register("judgement", pa.Table.from_pylist(judged, schema=kinds))
    con.execute(
        f"update {pairs} set relation = j.judged from judgement j"
        f" where {pairs}.relation is null and {pairs}.mine = j.mine and {pairs}.theirs = j.theirs"
    )
    con.unregister("judgement")


def _choose(con: duckdb.DuckDBPyConnection) -> None:
    """
    Choose for each row the equal record that it speaks of: one of the same statement first, never a disjoint one.

    Then one of its settlement, of which the same was said, then one of its kind: a fee and a reserve of one amount are equal
    by what tells rows apart, and neither becomes the other. Where no pair of a group is disjoint, all or none are of the
    same statement, and none of another settlement, the engine pairs them; else the few rows are walked.
    """
    con.execute("""
        create or replace temp table plain as
        select base from pair group by base
        having not bool_or(relation = 'disjoint') and bool_and(relation = 'same') = bool_or(relation = 'same')
            and base not in (
                select base from (select base, settlement from counting union select base, settlement from equal_standing)
                group by base having count(*) > 1
            )
    """)
    con.execute("create or replace temp table choice as select row, record_id from pair limit 0")
    for alike in ("base, content", "base, kind", "base"):
        con.execute(f"""
            insert into choice
            with mine as (
                select row, {alike}, row_number() over (partition by {alike} order by row) as k
                from (select distinct row, base from pair anti join choice using (row)) semi join plain using (base)
                join (select row, kind, content from incoming) using (row)
            ), theirs as (
                select record_id, {alike}, row_number() over (partition by {alike} order by nth, record_id) as k
                from (select distinct base, record_id from pair anti join choice using (record_id))
                semi join plain using (base)
                join (select record_id, kind, content, nth from equal_standing) using (record_id)
            )
            select m.row, t.record_id from mine m join theirs t using ({alike}, k)
        """)
    mixed = con.execute("""
        select p.row, p.record_id, p.base from pair p anti join plain using (base)
        join incoming i on i.row = p.row join equal_standing e on e.record_id = p.record_id
        where p.relation <> 'disjoint'
        order by p.base, p.relation = 'unknown' and not p.own, p.relation in ('within', 'around') and not p.own,
            e.settlement is distinct from i.settlement_id, e.content is distinct from i.content, e.kind <> i.kind, p.row,
            e.nth, p.record_id
    """).fetchall()
    rows, records, chosen = set[int](), set[tuple[bytes, bytes]](), []
    for row, record_id, base in mixed:
        if row not in rows and (base, record_id) not in records:
            rows.add(row)
            records.add((base, record_id))
            chosen.append({"row": row, "record_id": record_id})
    kinds = pa.schema({"row": pa.int64(), "record_id": pa.binary()})
    con.register("walked", pa.Table.from_pylist(chosen, schema=kinds))
    con.execute("insert into choice select row, record_id from walked")
    con.unregister("walked")


_AIM = """
    create or replace temp table aimed as
    with total as (
        select own, count(distinct record_id) as standing from equal_standing group by own
    ), fresh as (
        select l.row, l.own, row_number() over (partition by l.own order by l.row) as k
        from due l anti join choice c using (row)
    )
    select row, record_id as target, null::bigint as nth from choice
    union all
    select row, case nth when 1 then own else unhex(left(sha256(own || ('occurrence' || nth)::blob), 32)) end, nth
    from (select f.row, f.own, (coalesce(t.standing, 0) + f.k)::bigint as nth from fresh f left join total t using (own));
    update incoming set target = aimed.target from aimed where incoming.row = aimed.row
"""
# What a turn told, for the equal rows that count in later ones.
_TOLD = """
    create or replace temp table told as
    select a.target as record_id, i.source_id, i.kind, i.content, i.delivery_id, i.member, i.line, i.statement_place, c.base,
        c.own, c.settlement, a.nth
    from aimed a join incoming i using (row) join counting c using (row)
    where c.base in (select base from counting where turn > {turn})
"""
_SEEN = """
    insert into equal_standing by name select * from told where nth is not null;
    insert into seen by name
    select * exclude (nth, kind, content, own, settlement), nth is not null as first, 1 as times from told;
    drop table told
"""

# Where each delivery says equal rows, and how often; of the incoming one, which counts in turns, each place of its own. What
# was announced and is booked meanwhile is in doubt no more; rows that somebody numbers are told apart by that.
_SAYING = """
    create or replace temp table saying as
    with settled as (
        select e.base from equal_standing e join standing s on s.record_id = e.record_id
        group by e.base having bool_and(e.record_id in (
            select record_id from standing group by record_id having bool_or(gone = 'booked') and not bool_or(current)
        ))
    ), mine as (
        select m.base, m.settlement, i.delivery_id, i.source_id, m.member, i.statement_place as place, m.position, m.turn,
            min(i.line) as line, count(*) as rows, bool_or(i.status <> 'booked') as announced
        from counting m join incoming i using (row)
        where i.identity is null and m.base not in (select base from settled) group by all
    )
    select * from mine
    union all by name
    select e.base, q.settlement, e.delivery_id, e.source_id, coalesce(e.member, '') as member,
        e.statement_place as place, s.position, 0 as turn, min(e.line) as line, count(distinct e.record_id) as rows,
        false as announced
    from seen e join equal_standing q using (base, record_id) left join covered s
    on s.delivery_id = e.delivery_id and s.member = coalesce(e.member, '') and s.place = e.statement_place
    where e.times > 0 and e.base in (select base from mine) and e.delivery_id not in (select delivery_id from mine)
    group by all
"""
# A file that came before says nothing anew: of equal bytes the first ones count.
_SAID_BEFORE = """
    delete from saying using (
        select base, delivery_id, member from saying join fingerprints using (delivery_id, member)
        qualify dense_rank() over (partition by base, fingerprint order by sequence, member) > 1
    ) copy
    where saying.base = copy.base and saying.delivery_id = copy.delivery_id and saying.member = copy.member
"""
# Of equal rows: what the incoming delivery and others say, or what stands at two places of it.
_TOLD_TWICE = """
    create or replace temp table told_twice as
    select m.delivery_id, t.delivery_id as of_delivery, t.source_id, m.settlement = t.settlement as one_batch, m.line, m.rows,
        t.line as their_line, t.rows as their_rows, m.position as mine, t.position as theirs,
        {'member': m.member, 'place': m.place, 'of_member': t.member, 'of_place': t.place} as places,
        m.announced, m.member, t.member as of_member, m.place is not distinct from t.place as alike, m.rowid as here, t.rowid as there,
        null::varchar as relation
    from saying m join saying t on t.base = m.base and t.turn < m.turn and not coalesce(m.settlement <> t.settlement, false)
"""

# Rows that say "same" must be as many on both sides, those within a longer statement as many at most; rows of which
# nothing is provable are always in doubt. Rows of one place that are in doubt with those of two places of a file are
# counted once.
_IN_DOUBT = """
    select of_delivery, any_value(source_id), min(line), sum(rows) filter (where nth_here = 1), min(their_line),
        sum(their_rows) filter (where nth_there = 1), bool_or(announced),
        list(distinct struct_pack(places := places, relation := relation))
    from (
        select *, row_number() over (partition by of_delivery, of_member, here) as nth_here,
            row_number() over (partition by of_delivery, member, there) as nth_there
        from (select * replace (coalesce(relation, 'unknown') as relation) from told_twice)
        where relation = 'unknown' or (relation = 'same' and rows <> their_rows)
            or (relation = 'within' and rows > their_rows) or (relation = 'around' and rows < their_rows)
    )
    group by of_delivery order by of_delivery
"""


def _doubts(con: duckdb.DuckDBPyConnection, covered: Covered, contents: Contents) -> list[Doubt]:
    con.execute(_SAYING)
    files = con.execute("select distinct delivery_id, member from saying").fetchall()
    kinds = {"delivery_id": pa.string(), "member": pa.string(), "sequence": pa.int64(), "fingerprint": pa.string()}
    known = [dict(zip(kinds, one, strict=True)) for one in contents.fingerprints(files)]
    con.register("fingerprints", pa.Table.from_pylist(known, schema=pa.schema(kinds)))
    con.execute(_SAID_BEFORE)
    con.unregister("fingerprints")
    con.execute(_TOLD_TWICE)
    _judge(con, covered, contents, "told_twice")
    found = con.execute(_IN_DOUBT).fetchall()
    con.execute("drop table told_twice; drop table saying")
    return [
        Doubt(
            delivery_id=other,
            source_id=source,
            line=line,
            rows=int(rows),
            their_line=their_line,
            their_rows=int(their_rows),
            announced=announced,
            places=tuple(
                ((p["member"], p["place"]), (p["of_member"], p["of_place"]), said["relation"])
                for said in places
                for p in [said["places"]]
            ),
        )
        for other, source, line, rows, their_line, their_rows, announced, places in found
    ]
