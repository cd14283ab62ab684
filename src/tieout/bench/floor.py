"""
The least that any engine must do: read the columns that the rules read, and join the two sides once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.grammar.reading import rule_set
from tieout.matching.performing.perform import columns_wanted
from tieout.store.engine import connect, paths
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.store.workplace import Store

__all__ = ["floor_queries", "open_floor"]

#: What every side is asked for, whatever the rules are.
_COLUMNS = (
    "record_id", "record_key", "version", "kind", "status", "currency", "exponent", "amount", "booked_on", "value_on",
)  # fmt: skip
#: More than the product allows itself: nothing of the floor has to leave the memory.
_MEMORY = "8GB"


def open_floor(spill: Path) -> duckdb.DuckDBPyConnection:
    """Open the product's engine, with as many threads and without its limit of memory."""
    con = connect(spill)
    con.execute(f"set memory_limit = '{_MEMORY}'")
    return con


def floor_queries(store: Store, workspace: Workspace) -> dict[str, str]:
    """Write the floor of each reconciliation: one query over the lake's own files."""
    with store.book.reading() as connection:
        files = files_at(connection, ("records",))["records"]
    source = f"read_parquet({paths([store.lake.full(file.path) for file in files])}, union_by_name = true)"
    return {own.id: _query(workspace, own, source) for own in workspace.reconciliations}


def _query(workspace: Workspace, own: Reconciliation, source: str) -> str:
    """
    Write a full join of both sides on the key of a reference, with every column that the rules read.

    A full join, because an inner one would let the engine skip the columns of what does not join.
    """
    rules = rule_set(workspace, own)
    sides, counted = [], []
    for name, side in (("left", own.left), ("right", own.right)):
        grouped = rules.group[0 if name == "left" else 1] == "settlement_id"
        columns = dict.fromkeys((*_COLUMNS, *columns_wanted(rules, name), *(("net",) if grouped else ())))
        key = "settlement_key" if grouped else "coalesce(reference_keys[1], external_key)"
        listed = ", ".join(f'"{column}"' for column in columns)
        kinds = f" and kind in ({', '.join(map(repr, side.kinds))})" if side.kinds else ""
        sources = ", ".join(map(repr, side.sources))
        sides.append(f"(select {key} as key, {listed} from {source} where source_id in ({sources}){kinds}) {name[0]}")
        counted += [f'count({name[0]}."{column}")' for column in columns]
    return f"select {', '.join(counted)} from {sides[0]} full join {sides[1]} on l.key = r.key"
