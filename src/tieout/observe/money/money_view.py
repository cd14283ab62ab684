"""
The records of one currency, company and period, beside what matches use up of them and where the rest stands.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.results import positions_relation, prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect
from tieout.store.views import current_records

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import duckdb

    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["PAGE_ROWS", "MoneyView", "money_view"]

#: So many lines are on a page.
PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class MoneyView:
    """The records of a scope, loaded."""

    con: duckdb.DuckDBPyConnection
    scope: Scope
    exponent: int
    runs: int
    latest: dt.date | None


@contextmanager
def money_view(store: Store, scope: Scope) -> Iterator[MoneyView]:
    """Make the tables ``line`` (records of the scope), ``matched`` (what matches use up) and ``position``."""
    snapshot = take_snapshot(store, known_at=scope.known_at)
    lake, files = store.lake, snapshot.files
    records = current_records(lake, files["records"], files["superseded"])
    conditions = [f"currency = {literal(scope.currency)}", "status = 'booked'", "amount is not null"]
    conditions += [f"entity_id = {literal(scope.entity)}"] if scope.entity else []
    conditions += [f"booked_on <= date {literal(scope.as_of.isoformat())}"] if scope.as_of else []
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare_results(con, lake, snapshot, ("matches", "adjustments", "positions"))
        con.execute(f"""
            create temp table line as select record_id, record_key, kind, account_id, settlement_id, booked_on, amount,
                external_id, counterparty, coalesce(fee, 0) + coalesce(fee_tax, 0) as cost,
                coalesce(exponent, own_exponent(currency)) as exponent, {_within(scope)} as within
            from {records} where {" and ".join(conditions)}
        """)
        own = "semi join line l on l.record_key = x.record_key and l.record_id = x.record_id"
        con.execute(f"""
            create temp table matched as select x.match_id, x.record_id, x.claim, x.allocated,
                coalesce(x.exponent, own_exponent(x.currency)) as exponent
            from result_matches x {own} where x.status = 'confirmed'
        """)
        con.execute(f"""
            create temp table position as select x.record_id, x.reconciliation, x.claim, x.state, x.amount,
                coalesce(x.exponent, own_exponent(x.currency)) as exponent
            from {positions_relation(lake, snapshot)} x {own}
        """)
        digits = "select coalesce(max(exponent), own_exponent(?)) from (from line select exponent union all from position select exponent union all from matched select exponent)"
        exponent = int(con.execute(digits, [scope.currency]).fetchall()[0][0])
        yield MoneyView(con, scope, exponent, len(snapshot.results.runs), snapshot.latest)


def _within(scope: Scope) -> str:
    """Write whether a line is of the period."""
    first = f"booked_on >= date {literal(scope.first.isoformat())}" if scope.first else "true"
    last = f"booked_on <= date {literal(scope.last.isoformat())}" if scope.last else "true"
    return f"({first} and {last})"
