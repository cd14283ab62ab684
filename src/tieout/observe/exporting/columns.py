"""
What an exported table is: columns over a relation in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import duckdb

    from tieout.config import Workspace
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake
    from tieout.store.workplace import Store

__all__ = ["Column", "ExportedTable", "Kind", "Opened", "amounts_of", "same"]

#: How a column's values are written. word: our own vocabulary and ids; text: what somebody outside wrote, guarded
#: against formulas; amount: minor units with an exponent; decimal: an amount that is decimal text already; rate: decimal
#: text with up to twelve decimals.
Kind = Literal["word", "text", "amount", "decimal", "rate", "integer", "flag", "day", "moment", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of an exported table.

    :ivar sql: the value, over the relation's alias ``t``.
    :ivar exponent: for an amount: its exponent, as SQL.
    """

    name: str
    kind: Kind
    sql: str
    exponent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    What a table is made from: one state of facts and results, in an engine.

    :ivar as_of: nothing booked later counts.
    :ivar open_end: nobody asked for that day: it is the last one of lines and statements, and balances may be told later.
    """

    con: duckdb.DuckDBPyConnection
    store: Store
    workspace: Workspace
    snapshot: Snapshot
    as_of: dt.date
    known_at: dt.datetime | None = None
    open_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTable:
    """
    One table that can be exported.

    :ivar relation: gives the rows as SQL: those that stand, or for a snapshot with history whatever was ever true.
    :ivar needs: which rows of the book the relation reads.
    :ivar order: of the rows, total; only integers, days and bytes of our own decide.
    :ivar entity, account, day, run: what the filters compare; empty: the filter has no meaning here.
    :ivar history: columns that a history shows beside the others.
    :ivar past: what a run said is shown for good, with what became of it.
    :ivar ready: makes what the relation reads beside the lake and the book; called before it.
    """

    name: str
    columns: tuple[Column, ...]
    relation: Callable[[Lake, Snapshot], str]
    order: str
    entity: str = "t.entity_id"
    account: str = "t.account_id"
    day: str = "t.booked_on"
    needs: tuple[str, ...] = ()
    run: str = ""
    history: tuple[Column, ...] = field(default=())
    past: bool = False
    ready: Callable[[Opened], None] | None = None


def same(kind: Kind, *names: str) -> list[Column]:
    """Give columns whose values stand in the relation under their own names."""
    return [Column(name, kind, f't."{name}"') for name in names]


def amounts_of(exponent: str, *names: str) -> list[Column]:
    """Give columns of amounts with one exponent."""
    return [Column(name, "amount", f't."{name}"', exponent) for name in names]
