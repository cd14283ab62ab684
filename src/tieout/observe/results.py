"""
What runs left standing, as relations: matches, adjustments, positions, and the exceptions of the last runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.observe.ended import ended_decisions
from tieout.store.corrected import as_corrected
from tieout.store.engine import paths
from tieout.store.past import past_rows
from tieout.store.runs import standing_matches
from tieout.store.tables import table_schema
from tieout.store.views import current_records, measured_sql, sql_types, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake
    from tieout.store.runs import Results

__all__ = [
    "FREED",
    "adjustments_relation",
    "matches_relation",
    "positions_relation",
    "prepare_results",
    "rest_sql",
    "run_exceptions",
    "used_sql",
]

#: Why something is open that no run has looked at since a match gave it back.
FREED = "its match was taken back, or a record of it corrected: `tieout match` looks again"
_OUTDATED = "what a rule proposed for it does not stand, as a record was corrected since: run `tieout match` again"


def prepare_results(
    con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot, tables: Sequence[str], *, past: bool = False
) -> None:
    """
    Give a connection the views that the relations below read: ``result_matches``, ``book_runs``, ...

    :param tables: which result tables are asked for.
    :param past: matches and adjustments that do not stand, too, with what became of them.
    """
    results = as_corrected(con, lake, snapshot.files, snapshot.corrected, snapshot.results)
    runs = [results.runs[run_id] for run_id in sorted(results.runs)]
    con.register(
        "book_runs",
        pa.table(
            {
                "run_id": pa.array([r["run_id"] for r in runs], pa.string()),
                "sequence": pa.array([r["sequence"] for r in runs], pa.int64()),
                "kind": pa.array([r["kind"] for r in runs], pa.string()),
                "actor": pa.array([r["actor"] for r in runs], pa.string()),
                "known_at": pa.array([r["at"] for r in runs], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
                "through": pa.array([r["through_day"] for r in runs], pa.int32()).cast(pa.date32()),
            },
        ),
    )
    con.register("book_decisions", _decisions(snapshot))
    if "exceptions" in tables:
        con.register("book_ended", ended_decisions(con, lake, snapshot))
    for name in tables:
        if name in {"matches", "adjustments"} and past:
            query = f"select * from {past_rows(con, lake, snapshot.past, name)}"
        elif name in {"matches", "adjustments"}:
            query = f"select * from {standing_matches(con, lake, results, table_name=name)}"
        else:
            query = _of_last_runs(con, lake, snapshot, name)
        if name == "positions":
            query += f" union all by name {_freed(con, lake, results)}"
        con.execute(f"create or replace temp view result_{name} as {query}")


def _decisions(snapshot: Snapshot) -> pa.Table:
    """Lay out what was decided last about each exception."""
    rows = [{"exception_id": exception_id, **about} for exception_id, about in sorted(snapshot.decisions.items())]
    texts = ("exception_id", "state", "assignee", "decided_by", "resolution", "said")
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in texts}
    moments = pa.array([row.get("decided_at") for row in rows], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    amounts = pa.array([row.get("amount") for row in rows], pa.string())
    return pa.table({**columns, "decided_at": moments, "amount": amounts})


def _of_last_runs(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot, name: str) -> str:
    """Give the rows of a table that each reconciliation's last run said."""
    files = snapshot.results.of(name)
    if not files:
        columns = [f'null::{kind} as "{column}"' for column, kind in sql_types(table_schema(name)).items()]
        return f"select {', '.join(columns)}, null::varchar as run_id where false"
    listed = [lake.full(f.file.path) for f in files]
    con.register(f"origins_of_{name}", pa.table({"path": listed, "run_id": [f.run_id for f in files]}))
    return (
        f"select m.* exclude (filename), o.run_id from read_parquet({paths(listed)}, filename = true) m"
        f" join origins_of_{name} o on o.path = m.filename"
    )


def _freed(con: duckdb.DuckDBPyConnection, lake: Lake, results: Results) -> str:
    """Give as positions what was taken back since its reconciliation ran last, which has not said yet where it stands."""
    last = [(name, row["sequence"]) for name, row in sorted(results.last.items())]
    con.register("last_runs", pa.table({"name": [n for n, _ in last], "sequence": [s for _, s in last]}))
    return f"""
        select distinct e.reconciliation, e.claim, e.side, e.record_id, e.record_key, e.version, 'open' as state,
            0::bigint as amount, e.currency, e.exponent, '{FREED}' as reason, e.run_id
        from {standing_matches(con, lake, results, ended=True)} e left join last_runs l on l.name = e.reconciliation
        where e.status = 'confirmed' and e.ended_by > coalesce(l.sequence, 0)"""


def matches_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give the records of matches that stand, with what is known of each record and when the run was made.

    The difference of a match has the currency of its adjustments, and ``difference_exponent``: in a match of two currencies
    that of no more than one of its rows.
    """
    written = ", ".join(f"from_nine(nine({name}, counted), exponent) as {name}" for name in ("amount", "allocated"))
    return f"""(
        with apart as (
            select match_id, run_id, any_value(currency) as currency, max(exponent) as exponent
            from result_adjustments group by match_id, run_id
        ), told as materialized (
            select m.* exclude (exponent), m.exponent as counted, coalesce(r.exponent, own_exponent(m.currency)) as own,
                coalesce(a.currency, m.currency) as difference_currency, coalesce(a.exponent, m.exponent) as counted_apart,
                r.source_id, r.entity_id, r.account_id, r.external_id, r.kind, r.booked_on, r.base_amount,
                r.base_currency, r.base_exponent, u.known_at, coalesce(m.decided_by, 'rule') as decider
            from result_matches m join book_runs u on u.run_id = m.run_id
            left join apart a on a.match_id = m.match_id and a.run_id = m.run_id
            left join {_every_version(lake, snapshot)} r
                on r.record_key = m.record_key and r.record_id = m.record_id and r.version = m.version
        ), sized as materialized (
            select *, difference_currency = currency as alike,
                greatest(shortest(amount, counted, own), shortest(allocated, counted, own),
                    case when alike then shortest(difference, counted_apart, own) else 0 end) as exponent,
                case when alike then exponent
                    else shortest(difference, counted_apart, own_exponent(difference_currency)) end as difference_exponent
            from told
        )
        select * exclude (counted, counted_apart, own, alike)
            replace ({written}, from_nine(nine(difference, counted_apart), difference_exponent) as difference) from sized
    )"""


def adjustments_relation(lake: Lake, snapshot: Snapshot) -> str:
    """Give the reasons of every difference in matches that stand."""
    del lake, snapshot
    kept = "greatest(shortest(amount, exponent, own), shortest(tax_amount, exponent, own))"
    written = ", ".join(f"from_nine(nine({name}, exponent), {kept}) as {name}" for name in ("amount", "tax_amount"))
    return f"""(
        select a.* exclude (own) replace ({written}, {kept} as exponent), null::varchar as entity_id, null::varchar as account_id, null::date as booked_on
        from (select *, own_exponent(currency) as own from result_adjustments) a
    )"""


def positions_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give where every part of a claim stands; per claim and record they add up to what the claim measures.

    Matched parts come from matches that stand now; of what they leave the last run of each reconciliation says where it
    stands. In a result file ``deferred`` is open, and for a reconciliation that stands later in tieout.toml to explain.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    return f"""(
        with matched as (
            select reconciliation, claim, record_id, record_key, version, currency, run_id,
                case when provisional then 'provisional' else 'matched' end as state,
                sum(nine(allocated, exponent)) as amount
            from result_matches where status = 'confirmed' group by all
        ), told as (
            -- Where several reconciliations have looked for it, one says where it stands: the last that defers to no other.
            select p.* replace (case state when 'deferred' then 'open' else state end as state) from result_positions p
            join book_runs u on u.run_id = p.run_id qualify row_number() over (
                partition by claim, record_key, record_id
                order by state = 'deferred', amount = 0, u.sequence desc, reconciliation) = 1
        ), used as ({used_sql("told")}), open as (
            select t.* replace (r.version as version, r.currency as currency, {rest_sql("r", "t", "u")} as amount)
            from told t join {records} r on r.record_key = t.record_key and r.record_id = t.record_id
            left join used u on u.claim = t.claim and u.record_key = t.record_key and u.record_id = t.record_id
        ), every as (
            select reconciliation, claim, record_id, record_key, version, state, amount, currency, null as expected_on,
                null as reason, run_id from matched
            union all
            select reconciliation, claim, record_id, record_key, version, state, amount, currency, expected_on,
                reason, run_id from open where amount <> 0
        )
        select e.* replace (from_nine(e.amount, exponent) as amount),
            decimals_for(e.amount, coalesce(r.exponent, own_exponent(e.currency))) as exponent, r.source_id, r.entity_id, r.account_id, r.external_id, r.kind, r.booked_on, r.counterparty,
            r.settlement_id
        from every e left join {_every_version(lake, snapshot)} r
            on r.record_key = e.record_key and r.record_id = e.record_id and r.version = e.version
    )"""


def run_exceptions(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what runs leave to a person and nobody has settled: an exception whose record was matched since is none.

    What a person had decided about it, and a correction ended, is told with it. What a rule had proposed and a correction
    ended is told with what is open of the record now, until the next run judges it.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    return f"""(
        with used as ({used_sql("(select distinct claim, record_key, record_id from result_exceptions)")}), settled as (
            select u.claim, u.record_key, u.record_id
            from used u join {records} r on r.record_key = u.record_key and r.record_id = u.record_id
            where {rest_sql("r", "u", "u")} = 0
        ), outdated as (
            select p.claim, p.record_key, p.record_id, {rest_sql("r", "p", "u")} as rest
            from (select distinct claim, record_key, record_id from result_exceptions where reason = 'proposed') p
            join {records} r on r.record_key = p.record_key and r.record_id = p.record_id
            left join used u on u.claim = p.claim and u.record_key = p.record_key and u.record_id = p.record_id
            where (p.record_key, p.record_id) not in (select (record_key, record_id) from result_matches where status = 'proposed')
        ), left_over as (
            select x.* replace (coalesce(o.rest, amount) as amount, case when o.record_id is null then x.exponent else 9 end as exponent,
                case when o.record_id is null then x.note else '{_OUTDATED}' end as note)
            from result_exceptions x
            left join outdated o on o.claim = x.claim and o.record_key = x.record_key and o.record_id = x.record_id and x.reason = 'proposed'
        )
        select x.* replace (concat_ws('; ', x.note, b.told) as note, from_nine(nine(amount, x.exponent), shortest(amount, x.exponent, own_exponent(currency))) as amount,
            shortest(amount, x.exponent, own_exponent(currency)) as exponent), u.known_at as opened_at from left_over x join book_runs u on u.run_id = x.run_id
        left join (select record_id, claim, max(told) as told from book_ended group by all) b
            on b.record_id = x.record_id and b.claim = x.claim
        left join settled s on s.claim = x.claim and s.record_key = x.record_key and s.record_id = x.record_id
        where s.record_id is null or u.kind <> 'rules'  -- what a draft lacks is no money to be found
    )"""


def used_sql(claimed: str, matches: str = "result_matches") -> str:
    """Write what matches that stand have used up of some claims, at nine decimals: (claim, record_key, record_id, taken)."""
    return f"""select c.claim, c.record_key, c.record_id, sum(nine(m.allocated, m.exponent)) as taken from {claimed} c
        join {matches} m on m.claim = c.claim and m.record_key = c.record_key and m.record_id = c.record_id
        where m.status = 'confirmed' group by all"""


def rest_sql(record: str, claimed: str, used: str) -> str:
    """
    Write what is left of what a claim measures, at nine decimals.

    :param record: the alias of the record as it stands; ``claimed``: of what names the claim; ``used``: of what is taken.
    """
    measured = measured_sql(f"{claimed}.claim", record)
    return (
        f"(nine({measured}, coalesce({record}.exponent, own_exponent({record}.currency))) - coalesce({used}.taken, 0))"
    )


def _every_version(lake: Lake, snapshot: Snapshot) -> str:
    """Give every version of every record: a match names the one that it was made of."""
    return table(lake, "records", snapshot.files["records"])
