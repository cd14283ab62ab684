"""
What an engine must be able to do: keep relations under names, and say what is in the small ones.

Queries are handed over in one language (``dialect``), as text or as :class:`~tieout.matching.planning.building.Query`; an engine
whose own language is another translates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tieout.matching.planning.building import Query

__all__ = ["Combination", "Engine", "Function"]

#: A pure function of rows. On a cluster it is called with a part of the rows at a time, on whichever machine has them.
Function: TypeAlias = "Callable[[pa.Table], pa.Table]"

#: The same of two sets of rows.
Combination: TypeAlias = "Callable[[pa.Table, pa.Table], pa.Table]"


class Engine(Protocol):
    """
    Performs operators; later ones read what earlier ones left.

    :ivar dialect: the language of queries.
    :ivar distributed: whether rows may lie on other machines: then only what is bounded by days, currencies, accounts or
        settings may be asked for with ``arrow``, and never what grows with the records.
    """

    dialect: str
    distributed: bool

    def create(self, name: str, query: Query | str) -> None:
        """Perform a query and keep its rows under a name, replacing what had it."""

    def number(self, name: str, query: str, first: int = 0) -> int:
        """Keep the rows of a query with a column ``thing`` that numbers them, each differently; gives a number after all."""

    def view(self, name: str, query: Query | str) -> None:
        """Keep a query under a name, to be performed where it is read."""

    def take(self, name: str, table: pa.Table) -> None:
        """Keep columns that were computed outside under a name."""

    def register(self, name: str, table: pa.Table) -> None:
        """Let queries read a table under a name, without keeping it."""

    def unregister(self, name: str) -> None:
        """Let go of it."""

    def derive(
        self, name: str, parts: Sequence[tuple[str, Function]], schema: pa.Schema, *, once: bool = False
    ) -> None:
        """
        Keep together what pure functions make of the rows of queries, under a name.

        :param once: each row of a part is wanted once, and the function says none twice of what it is given.
        """

    def combine(self, name: str, queries: tuple[str, str], by: str, function: Combination, schema: pa.Schema) -> None:
        """Keep what a pure function makes of two queries' rows; only rows with the same value of ``by`` need be together."""

    def group(self, name: str, query: str, by: str, function: Function, schema: pa.Schema) -> None:
        """Keep what a pure function makes of a query's rows, one value of ``by`` at a time."""

    def add(self, name: str, query: str) -> None:
        """Add the rows of a query to a relation."""

    def leave_out(self, name: str, condition: str) -> None:
        """Leave out the rows of a relation for which a condition holds."""

    def rename(self, old: str, new: str) -> None:
        """Call a kept relation by another name, replacing what had it."""

    def drop(self, *names: str) -> None:
        """Forget relations."""

    def count(self, name: str) -> int:
        """Count a relation's rows."""

    def arrow(self, query: Query | str) -> pa.Table:
        """Give the rows of a small query."""

    def rows_among(self, files: Sequence[str], condition: str) -> str:
        """Give the rows ``r`` of Parquet files for which a condition holds, with ``filename``, as a relation."""

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Give the rows of a query a part at a time, in its order."""
