"""
Gathering the work list: what intake found, what runs left over, and what was decided about either.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tieout.config.rates import read_rates
from tieout.intake.findings import open_findings
from tieout.model.money import exponent_of, format_minor
from tieout.observe.results import prepare_results, run_exceptions
from tieout.observe.snapshot import EPOCH, take_snapshot
from tieout.store.decisions import latest_decisions
from tieout.store.engine import connect
from tieout.store.worklist import refresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config import Workspace
    from tieout.config.rates import Rates
    from tieout.store.workplace import Store

__all__ = ["gather_worklist"]


def gather_worklist(store: Store, workspace: Workspace) -> int:
    """
    Bring the work list up to date with facts, results and decisions.

    :return: how many rows changed.
    """
    with store.book.reading() as connection:
        found = open_findings(connection)
        decided = latest_decisions(connection)
    rates = read_rates(workspace.folder)
    rows = [*(_of_intake(row) for row in found), *_of_runs(store, workspace)]
    return refresh(store.book, (_decided(row, decided, rates, workspace.base_currency) for row in rows))


def _of_intake(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "reconciliation": None, "run_id": None, "due_day": None}


def _of_runs(store: Store, workspace: Workspace) -> Iterator[dict[str, Any]]:
    snapshot = take_snapshot(store, workspace)
    if not snapshot.results.of("exceptions"):
        return
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare_results(con, store.lake, snapshot, ("matches", "exceptions"))
        query = f"""
            select exception_id, reason, reconciliation, run_id, source_id, entity_id, account_id, lower(hex(record_id)) as record_id,
                external_id, kind, amount, currency, exponent, booked_on - date '1970-01-01' as booked_day,
                due_on - date '1970-01-01' as due_day, counterparty, settlement_id, epoch_us(opened_at) as opened_at, note,
                candidates
            from {run_exceptions(store.lake, snapshot)}
        """
        for batch in con.sql(query).to_arrow_reader(10_000):
            yield from batch.to_pylist()


def _decided(row: dict[str, Any], decided: dict[str, dict[str, Any]], rates: Rates, base: str) -> dict[str, Any]:
    """Add what was decided, and the weight: its amount in the workspace's currency, without its sign."""
    about = decided.get(row["exception_id"], {})
    # What was settled at another amount is not settled.
    resolved = about.get("state") == "resolved" and about.get("amount") in (None, _amount_text(row))
    assignee = about.get("assignee")
    state = "resolved" if resolved else "assigned" if assignee else "open"
    return {**row, "state": state, "assignee": assignee, "weight": _weight(row, rates, base)}


def _amount_text(row: dict[str, Any]) -> str | None:
    return None if row["amount"] is None else format_minor(row["amount"], row["exponent"] or 0)


def _weight(row: dict[str, Any], rates: Rates, base: str) -> int | None:
    if row["amount"] is None or row["currency"] is None:
        return None
    day = EPOCH if row["booked_day"] is None else EPOCH + dt.timedelta(days=row["booked_day"])
    rate = rates.at(row["currency"], base, day)
    if rate is None:
        return None
    exponent = row["exponent"] if row["exponent"] is not None else exponent_of(row["currency"])
    up, down = 10 ** exponent_of(base) * rate[0], 10**exponent * rate[1]
    return int((abs(row["amount"]) * up * 2 + down) // (2 * down))
