"""
The books as drafted: journals that stand, and the trial balance that they make.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from tieout.accounting.hledger import write_hledger
from tieout.accounting.proving import trial_balance
from tieout.model.money import format_minor
from tieout.observe.results import prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect
from tieout.store.files import durable_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["balances_of_trial", "write_hledger_file"]


@contextmanager
def _journals(store: Store, workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    snapshot = take_snapshot(store, workspace)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare_results(con, store.lake, snapshot, ("journals",))
        yield con


def balances_of_trial(store: Store, workspace: Workspace) -> list[dict[str, Any]]:
    """
    Give the trial balance of the drafts: debits equal credits, per entity and currency.

    :return: rows with entity, account, currency; debit, credit and balance as decimal text.
    """
    with _journals(store, workspace) as con:
        rows = trial_balance(con, "result_journals").to_pylist()
    amounts = ("debit", "credit", "balance")
    return [
        {
            "entity": row["entity_id"],
            "ledger": row["ledger"],
            "account": row["account"],
            "currency": row["currency"],
            **{name: format_minor(row[name], row["exponent"]) for name in amounts},
            "base_currency": row["base_currency"],
            **{f"base_{name}": format_minor(row[f"base_{name}"], row["base_exponent"]) for name in amounts},
        }
        for row in rows
    ]


def write_hledger_file(store: Store, workspace: Workspace, path: Path) -> None:
    """Write the drafts as a journal for hledger."""
    with _journals(store, workspace) as con:
        query = "select * exclude (run_id) from result_journals order by entity_id, posting_date, journal_id, line_no"
        table = con.sql(query).to_arrow_table()
    with durable_file(path.resolve()) as file:
        for text in write_hledger(table):
            file.write(text.encode())
