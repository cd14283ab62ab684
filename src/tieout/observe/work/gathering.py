"""
Gathering the work list: what intake found, what runs left over, and what was decided about either.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.config.rates import read_rates
from tieout.intake.findings import open_findings
from tieout.model.money import format_minor
from tieout.observe.results import prepare_results, run_exceptions
from tieout.observe.snapshot import take_snapshot
from tieout.observe.work.worklist import version
from tieout.observe.worth import Worth
from tieout.store import schema
from tieout.store.decisions import latest_decisions
from tieout.store.engine import connect
from tieout.store.worklist import WANTED, refresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config import Workspace
    from tieout.store.book import Book
    from tieout.store.workplace import Store

__all__ = ["gather_worklist", "is_settled"]

#: So often others may commit while the list is gathered; whoever commits last gathers it, too.
_TRIES = 5


def gather_worklist(store: Store, workspace: Workspace) -> int:
    """
    Bring the work list up to date with facts, results and decisions.

    :return: how many rows changed.
    """
    changed = 0
    for _ in range(_TRIES):
        known = _known(store.book)
        with store.book.reading() as connection:
            found = open_findings(connection)
            decided = latest_decisions(connection)
        weigh = Worth(read_rates(workspace.folder), workspace.base_currency)
        batches = _gathered(store, workspace, pa.Table.from_pylist(found, _FOUND))
        changed += refresh(store.book, (_decided(batch, decided, weigh) for batch in batches))
        # What another process committed meanwhile may have been on the list already, and is not any more.
        if _known(store.book) == known:
            break
    return changed


def _known(book: Book) -> tuple[int, int, int]:
    """Tell states of what the list says apart."""
    facts, runs, _ = version(book)
    with book.reading() as connection:
        return facts, runs, connection.scalar(sa.select(sa.func.max(schema.decision.c.sequence))) or 0


_ADDED = ("state", "assignee", "weight")
_FOUND = pa.schema([field for field in WANTED if field.name not in _ADDED])


def _gathered(store: Store, workspace: Workspace, found: pa.Table) -> Iterator[pa.RecordBatch]:
    """Give what intake found and what runs left over, ordered by id; a run knows better what both name."""
    snapshot = take_snapshot(store, workspace)
    if not snapshot.results.of("exceptions"):
        yield from found.sort_by("exception_id").to_batches(_AT_ONCE)
        return
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        con.register("found", found)
        prepare_results(con, store.lake, snapshot, ("matches", "exceptions"))
        every = (
            f"select {', '.join(_FOUND.names)}, 1 as place from found"
            f" union all select {_LEFT_OVER}, 0 as place from {run_exceptions(store.lake, snapshot)}"
        )
        query = f"select * exclude (place) from ({every}) order by exception_id, place"
        for batch in con.sql(query).to_arrow_reader(_AT_ONCE):
            yield batch.cast(_FOUND)


_AT_ONCE = 10_000
_SAID_SO = {
    "record_id": "lower(hex(record_id))",
    "booked_day": "booked_on - date '1970-01-01'",
    "due_day": "due_on - date '1970-01-01'",
    "opened_at": "epoch_us(opened_at)",
}
_LEFT_OVER = ", ".join(f"{_SAID_SO.get(name, name)} as {name}" for name in _FOUND.names)


def _decided(batch: pa.RecordBatch, decided: dict[str, dict[str, Any]], weigh: Worth) -> pa.RecordBatch:
    """Add what was decided, and the weight: its amount in the workspace's currency, without its sign."""
    told = {
        name: batch.column(name).to_pylist()
        for name in ("exception_id", "amount", "exponent", "currency", "booked_day")
    }
    states, assignees = ["open"] * len(batch), [None] * len(batch)
    for place, exception_id in enumerate(told["exception_id"]):
        about = decided.get(exception_id)
        if about is None:
            continue
        assignees[place] = about["assignee"]
        resolved = is_settled(about, told["amount"][place], told["exponent"][place])
        states[place] = "resolved" if resolved else "assigned" if about["assignee"] else "open"
    weights = map(weigh, told["amount"], told["exponent"], told["currency"], told["booked_day"])
    added = {
        "state": pa.array(states, pa.string()),
        "assignee": pa.array(assignees, pa.string()),
        "weight": pa.array(weights, pa.int64()),
    }
    return pa.RecordBatch.from_arrays(
        [added[name] if name in added else batch.column(name) for name in WANTED.names], schema=WANTED
    )


def is_settled(about: dict[str, Any], amount: int | None, exponent: int | None) -> bool:
    """Whether what was decided last about an exception settles it; what was settled at another amount is not settled."""
    said = None if amount is None else format_minor(amount, exponent or 0)
    return about["state"] == "resolved" and about["amount"] in (None, said)
