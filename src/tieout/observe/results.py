"""
What runs left standing, as relations: matches, adjustments, positions, and the exceptions of the last runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.observe.ended import ended_decisions
from tieout.store.engine import paths
from tieout.store.past import past_rows
from tieout.store.runs import standing_matches
from tieout.store.tables import table_schema
from tieout.store.views import sql_types, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["adjustments_relation", "matches_relation", "positions_relation", "prepare_results", "run_exceptions"]


def prepare_results(
    con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot, tables: Sequence[str], *, past: bool = False
) -> None:
    """
    Give a connection the views that the relations below read: ``result_matches``, ``book_runs``, ...

    :param tables: which result tables are asked for.
    :param past: matches and adjustments that do not stand, too, with what became of them.
    """
    results = snapshot.results
    runs = [results.runs[run_id] for run_id in sorted(results.runs)]
    con.register(
        "book_runs",
        pa.table(
            {
                "run_id": pa.array([r["run_id"] for r in runs], pa.string()),
                "sequence": pa.array([r["sequence"] for r in runs], pa.int64()),
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


def matches_relation(lake: Lake, snapshot: Snapshot) -> str:
    """Give the records of matches that stand, with what is known of each record and when the run was made."""
    amounts = ("amount", "allocated", "difference")
    needed = ", ".join(f"shortest({name}, counted, own)" for name in amounts)
    written = ", ".join(f"from_nine(nine({name}, counted), exponent) as {name}" for name in amounts)
    return f"""(
        with told as materialized (
            select m.* exclude (exponent), m.exponent as counted, coalesce(r.exponent, own_exponent(m.currency)) as own,
                r.source_id, r.entity_id, r.account_id, r.external_id, r.kind, r.booked_on, r.base_amount,
                r.base_currency, r.base_exponent, u.known_at, coalesce(m.decided_by, 'rule') as decider
            from result_matches m join book_runs u on u.run_id = m.run_id
            left join {_every_version(lake, snapshot)} r
                on r.record_key = m.record_key and r.record_id = m.record_id and r.version = m.version
        ), sized as materialized (select *, greatest({needed}) as exponent from told)
        select * exclude (counted, own) replace ({written}) from sized
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

    Matched parts come from matches, the others from the last run of each reconciliation; what a person, or a later run
    of another reconciliation, has matched since is taken off what was open. In a result file ``deferred`` is open, and for
    a reconciliation that stands later in tieout.toml to explain.
    """
    return f"""(
        with matched as (
            select reconciliation, claim, record_id, record_key, version, currency, run_id,
                case when provisional then 'provisional' else 'matched' end as state,
                sum(nine(allocated, exponent)) as amount
            from result_matches where status = 'confirmed' group by all
        ), since as (
            select p.run_id, p.claim, p.record_id, p.record_key, sum(nine(m.allocated, m.exponent)) as taken
            from result_positions p join result_matches m on m.claim = p.claim and m.record_key = p.record_key
                and m.record_id = p.record_id
            join book_runs a on a.run_id = p.run_id join book_runs b on b.run_id = m.run_id
            where m.status = 'confirmed' and b.sequence > a.sequence group by all
        ), told as (
            select p.* replace (nine(p.amount, p.exponent) - coalesce(s.taken, 0) as amount), u.sequence from result_positions p
            join book_runs u on u.run_id = p.run_id
            left join since s on s.run_id = p.run_id and s.claim = p.claim and s.record_id = p.record_id and s.record_key = p.record_key
        ), ranked as (
            -- Where several reconciliations have looked for it, one says where it stands: the last that defers to no other.
            -- How much there is the last one knows.
            select t.*, row_number() over (partition by claim, record_key, record_id
                    order by state = 'deferred', sequence desc) as place,
                first_value(amount) over (partition by claim, record_key, record_id order by sequence desc) as latest
            from told t
        ), open as (
            select * exclude (place, latest, sequence)
                replace (case state when 'deferred' then 'open' else state end as state, latest as amount)
            from ranked where place = 1
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

    What a person had decided about it, and a correction ended, is told with it.
    """
    del lake, snapshot
    return """(
        with since as (
            select x.exception_id, x.run_id, sum(nine(m.allocated, m.exponent)) as taken
            from result_exceptions x join result_matches m on m.claim = x.claim and m.record_key = x.record_key
                and m.record_id = x.record_id
            join book_runs a on a.run_id = x.run_id join book_runs b on b.run_id = m.run_id
            where m.status = 'confirmed' and b.sequence > a.sequence group by all
        )
        select x.* replace (concat_ws('; ', x.note, b.told) as note, from_nine(nine(amount, x.exponent), shortest(amount, x.exponent, own_exponent(currency))) as amount,
            shortest(amount, x.exponent, own_exponent(currency)) as exponent), u.known_at as opened_at from result_exceptions x join book_runs u on u.run_id = x.run_id
        left join since s on s.exception_id = x.exception_id and s.run_id = x.run_id
        left join (select record_id, claim, max(told) as told from book_ended group by all) b
            on b.record_id = x.record_id and b.claim = x.claim
        where nine(x.amount, x.exponent) is distinct from coalesce(s.taken, 0)
    )"""


def _every_version(lake: Lake, snapshot: Snapshot) -> str:
    """Give every version of every record: a match names the one that it was made of."""
    return table(lake, "records", snapshot.files["records"])
