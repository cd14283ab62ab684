"""
What is decided about the matches of a reconciliation, as relations that rule sets are judged by.

Decided for: confirmed matches that a person made or approved, and those of exact rules, which are final at once.
Decided against: what a person rejected or took back. What a weaker rule matched is not decided: it may change by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.facts.records import read_stale
from tieout.matching.results.rows import CLAIMS
from tieout.store import schema
from tieout.store.engine import paths
from tieout.store.past import apart_since
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    import duckdb

    from tieout.matching.facts.opening import Reading
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.workplace import Store

__all__ = ["make_pairs", "read_decided"]

#: A match of more pairs than this is told by fewer: each record with the first one of the other side.
_PAIRS_MAX = 10_000
_KINDS = ("match", "approve", "reject", "undo")


def read_decided(
    con: duckdb.DuckDBPyConnection, store: Store, reconciliation: str, reading: Reading, rules: RuleSet
) -> None:
    """
    Make the relations that say what is decided; amounts are at nine decimals.

    - ``standing``: rows of its matches that stand (match_id, rule, status, provisional, decided_by, sequence, side, claim,
      record_id, amount, allocated, currency), with ``how``: by rule, by hand, approved; absent where nothing is decided.
    - ``decided``: the pairs that are decided for (see :func:`make_pairs`); a match of which a record was corrected since is
      none: ``outdated`` (match_id).
    - ``refused``: the pairs that are decided against, and not put together again since; ``apart_of`` (match_id, rule):
      the matches that were.
    - ``of_match`` (match_id, rule, decided_by) of ``standing``.
    - ``words`` (match_id, kind, actor, reason): what people said.

    :param rules: that work now: what they read of a record must be as it was.
    """
    _make_words(con, store)
    read_stale(DuckDB(con), store.lake, reading.files, reading.results, reconciliation, set(CLAIMS), rules, None)
    con.execute("create temp table outdated as select match_id from stale")
    standing = standing_matches(con, store.lake, reading.results)
    con.execute(
        f"""create temp table standing as
            select m.match_id, m.rule, m.status, m.provisional, m.decided_by, m.run_sequence as sequence, m.side, m.claim,
                m.record_id, nine(m.amount, m.exponent) as amount, nine(m.allocated, m.exponent) as allocated, m.currency,
                case when m.status <> 'confirmed' then null
                    when m.decided_by is null then case when m.provisional then null else 'by rule' end
                    when m.rule = 'by hand' then 'by hand' else 'approved' end as how
            from {standing} m where m.reconciliation = ?""",
        [reconciliation],
    )
    con.execute(
        """create temp table of_match as select match_id, any_value(rule) as rule, any_value(decided_by) as decided_by
            from standing group by match_id"""
    )
    make_pairs(con, "decided", "select * from standing s anti join outdated o using (match_id) where s.how is not null")
    blocked = list(apart_since(reading.results))
    written = [store.lake.full(file.path) for files in reading.results.written.values() for file in files]
    con.register("blocked", pa.table({"match_id": pa.array(blocked, pa.binary(16))}))
    rows = "select * from standing where false"
    if blocked and written:
        rows = f"""select m.* from read_parquet({paths(written)}) m semi join blocked b using (match_id)
            where m.reconciliation = '{reconciliation.replace("'", "''")}'"""
    con.execute(f"create temp table apart_of as select distinct match_id, rule from ({rows})")
    make_pairs(con, "taken_apart", rows)
    con.execute(
        """create temp table refused as select t.* from taken_apart t
            anti join decided d on d.l = t.l and d.r = t.r"""
    )


def make_pairs(con: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    """
    Make the pairs of matches: (match_id, l, l_claim, r, r_claim), one for each left record with each right one.

    Of a match of one side only, each record with its first. Of a very large one, fewer: each record with the first of the
    other side.

    :param rows: a query for rows of matches.
    """
    con.execute(
        f"""create or replace temp table ends as
            select match_id, min(record_id) filter (side = 'left') as first_left, max(record_id) filter (side = 'left') as last_left,
                min(record_id) filter (side = 'right') as first_right, max(record_id) filter (side = 'right') as last_right,
                min(claim) filter (side = 'left') as left_claim, min(claim) filter (side = 'right') as right_claim
            from ({rows}) group by match_id;
        create or replace temp table several as
            select t.match_id, t.side, t.record_id, min(t.claim) as claim from ({rows}) t
            semi join (select match_id from ends
                where (first_left = last_left and first_right = last_right) is distinct from true) e on e.match_id = t.match_id
            group by all;
        create or replace temp table "{name}" as
        select match_id, first_left as l, left_claim as l_claim, first_right as r, right_claim as r_claim from ends
        where first_left = last_left and first_right = last_right
        union all
        select a.match_id, a.record_id as l, a.claim, b.record_id, b.claim
        from several a join several b on b.match_id = a.match_id and b.side = 'right'
        join ends e on e.match_id = a.match_id
        join (select match_id, count(*) filter (side = 'left') * count(*) filter (side = 'right') as pairs
            from several group by match_id) n on n.match_id = a.match_id
        where a.side = 'left' and (n.pairs <= {_PAIRS_MAX} or a.record_id = e.first_left or b.record_id = e.first_right)
        union all
        select a.match_id, a.record_id, a.claim, b.record_id, b.claim
        from ends e join several a on a.match_id = e.match_id and a.record_id = coalesce(e.first_left, e.first_right)
        join several b on b.match_id = e.match_id and b.record_id <> a.record_id
        where e.first_left is null or e.first_right is null"""
    )


def _make_words(con: duckdb.DuckDBPyConnection, store: Store) -> None:
    table = schema.decision
    with store.book.reading() as connection:
        rows = connection.execute(sa.select(table).where(table.c.kind.in_(_KINDS)).order_by(table.c.sequence)).all()
    told: dict[tuple[str, str], tuple[str, str, str, str | None]] = {}
    for row in rows:
        for match_id in json.loads(row.body)["matches"] if row.kind == "undo" else [row.subject]:
            against = "against" if row.kind in {"reject", "undo"} else "for"
            told[against, match_id] = (match_id, row.kind, row.actor, row.reason)
    columns = list(zip(*told.values(), strict=True)) if told else [(), (), (), ()]
    ids = pa.array([bytes.fromhex(match_id) for match_id in columns[0]], pa.binary(16))
    said = {
        name: pa.array(column, pa.string())
        for name, column in zip(("kind", "actor", "reason"), columns[1:], strict=True)
    }
    con.register("words_given", pa.table({"match_id": ids, **said}))
    con.execute("create temp table words as select * from words_given")
    con.unregister("words_given")
