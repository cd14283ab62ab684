"""
The engine in the process: DuckDB, over the lake's own files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.errors import Rejected
from tieout.store.engine import perform, with_room
from tieout.store.views import rows_among

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa

    from tieout.matching.backends.engine import Combination, Function
    from tieout.matching.planning.building import Query

__all__ = ["DuckDB"]

_BATCH_ROWS = 122_880


class DuckDB:
    """Performs operators, one temporary table each; later ones read what earlier ones left."""

    dialect = "duckdb"
    distributed = False

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        """Use a connection that nobody else uses."""
        self.con = con
        self._views: set[str] = set()
        self._counts: dict[str, int] = {}

    def create(self, name: str, query: Query | str) -> None:
        """
        Perform a query and keep its rows under a name, replacing what had it.

        :raises Rejected: an amount is beyond what can be counted.
        """
        text = query if isinstance(query, str) else query.sql(dialect=self.dialect)
        import duckdb

        if name in self._views:
            self.drop(name)
        try:
            self._counts[name] = perform(self.con, f'create or replace temp table "{name}" as {text}')
        except duckdb.OutOfRangeException as error:
            message = f"expected sums of amounts within 64 bits of minor units, got more: {error}"
            raise Rejected(message) from None

    def number(self, name: str, query: str, first: int = 0) -> int:
        """
        Perform a query and keep its rows under a name with a column ``thing`` that numbers them.

        :return: the number after the last.
        """
        self.create(f"{name}_rows", query)
        self.view(name, f'select rowid + {first}::bigint as thing, * from "{name}_rows"')
        return first + self.count(f"{name}_rows")

    def view(self, name: str, query: Query | str) -> None:
        """Keep a query under a name, to be performed where it is read."""
        text = query if isinstance(query, str) else query.sql(dialect=self.dialect)
        self.drop(name)
        self.con.execute(f'create temp view "{name}" as {text}')
        self._views.add(name)

    def take(self, name: str, table: pa.Table) -> None:
        """Keep columns that were computed outside under a name."""
        self.con.register(f"{name}_given", table)
        self.create(name, f'select * from "{name}_given"')
        self.con.unregister(f"{name}_given")

    def register(self, name: str, table: pa.Table) -> None:
        """Let queries read a table under a name, without keeping it."""
        self.con.register(name, table)

    def unregister(self, name: str) -> None:
        """Let go of it."""
        self.con.unregister(name)

    def derive(
        self,
        name: str,
        parts: Sequence[tuple[str, Function]],
        schema: pa.Schema,
        *,
        once: bool = False,  # noqa: ARG002 - a function that sees all rows sees to it itself
    ) -> None:
        """Keep together what pure functions make of the rows of queries, under a name."""
        import pyarrow as pa

        rows = [(self.arrow(query), function) for query, function in parts]
        found = [function(table.combine_chunks()) for table, function in rows if table.num_rows]
        self.take(name, pa.concat_tables([schema.empty_table(), *found]))

    def combine(
        self,
        name: str,
        queries: tuple[str, str],
        by: str,  # noqa: ARG002 - all rows are together
        function: Combination,
        schema: pa.Schema,  # noqa: ARG002 - as above
    ) -> None:
        """Keep what a pure function makes of two queries' rows, all at once."""
        self.take(name, function(self.arrow(queries[0]), self.arrow(queries[1])))

    def group(self, name: str, query: str, by: str, function: Function, schema: pa.Schema) -> None:
        """Keep what a pure function makes of a query's rows, one value of ``by`` at a time."""
        import numpy as np
        import pyarrow as pa

        rows = self.arrow(f"select * from ({query}) order by {by}").combine_chunks()
        values = rows[by].to_numpy()
        bounds = np.flatnonzero(np.r_[True, values[1:] != values[:-1], True]) if len(values) else np.zeros(1, np.int64)
        parts = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        found = [function(rows.slice(begin, end - begin)).select(schema.names).cast(schema) for begin, end in parts]
        self.take(name, pa.concat_tables([schema.empty_table(), *found]))

    def add(self, name: str, query: str) -> None:
        """Add the rows of a query to a relation."""
        self._counts.pop(name, None)
        perform(self.con, f'insert into "{name}" {query}')

    def leave_out(self, name: str, condition: str) -> None:
        """Leave out the rows of a relation for which a condition holds."""
        self._counts.pop(name, None)
        self.con.execute(f'delete from "{name}" where {condition}')

    def rename(self, old: str, new: str) -> None:
        """Call a kept relation by another name, replacing what had it."""
        self.drop(new)
        self.con.execute(f'alter table "{old}" rename to "{new}"')
        if old in self._counts:
            self._counts[new] = self._counts.pop(old)

    def drop(self, *names: str) -> None:
        """Forget relations."""
        for name in names:
            kind = "view" if name in self._views else "table"
            self.con.execute(f'drop {kind} if exists "{name}"')
            self._views.discard(name)
            self._counts.pop(name, None)

    def count(self, name: str) -> int:
        """Count a relation's rows; what was made by one query is counted by that."""
        if name not in self._counts:
            found = self.con.execute(f'select count(*) from "{name}"').fetchall()
            if name in self._views:
                return int(found[0][0])
            self._counts[name] = int(found[0][0])
        return self._counts[name]

    def arrow(self, query: Query | str) -> pa.Table:
        """Give the rows of a small query."""
        text = query if isinstance(query, str) else query.sql(dialect=self.dialect)
        with with_room(self.con, lambda: self.con.sql(text).to_arrow_table()) as table:
            return table

    def rows_among(self, files: Sequence[str], condition: str) -> str:
        """Give the rows ``r`` of Parquet files for which a condition holds, with ``filename``, as a relation."""
        return rows_among(self.con, files, condition)

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Give the rows of a query a part at a time, in its order."""
        with with_room(self.con, lambda: self._begun(query)) as (reader, first), reader:
            if first is not None:
                yield first
                yield from reader

    def _begun(self, query: str) -> tuple[pa.RecordBatchReader, pa.RecordBatch | None]:
        """Begin a query and give its first rows: what must see all rows first, such as an order, has seen them then."""
        import duckdb

        reader = self.con.sql(query).to_arrow_reader(_BATCH_ROWS)
        try:
            return reader, next(reader, None)
        except OSError as error:  # what the engine says while it is read comes through Arrow
            reader.close()
            if "Out of Memory" not in str(error):
                raise
            raise duckdb.OutOfMemoryException(str(error)) from None
