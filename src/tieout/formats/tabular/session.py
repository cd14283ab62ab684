"""
The engine that runs a compiled mapping: one locked-down DuckDB per file, one cursor per worker thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tieout.errors import WrongUse
from tieout.formats.tabular import faults
from tieout.formats.tabular.raw import Unreadable
from tieout.formats.tabular.rows import Assembler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.formats.tabular.projection import Compiled
    from tieout.formats.tabular.raw import RawBatch
    from tieout.model.problems import Problem

__all__ = ["MEMORY_LIMIT", "Done", "Session"]

#: The most memory that the engine may take for one file.
MEMORY_LIMIT = "400MB"
_LOCKED = (
    f"set memory_limit = '{MEMORY_LIMIT}'",
    "set threads = 1",  # per cursor: the batches themselves run side by side, and each keeps its order
    "set TimeZone = 'UTC'",
    "set temp_directory = ''",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set enable_external_access = false",
    "set python_enable_replacements = false",
    # Common parts of two expressions must stay within their own try(): lifted out, a bad value would stop the batch.
    "set disabled_optimizers = 'common_subexpressions'",
    "set lock_configuration = true",
)

#: What the engine says of SQL that it does not take, whatever the rows are.
_NOT_TAKEN = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.InvalidInputException)
_SUMS = (
    "select currency, coalesce(exponent, 0) as exponent, count(*) as rows,"
    " coalesce(sum(v) filter (v > 0), 0) as credits, coalesce(-sum(v) filter (v < 0), 0) as debits"
    " from batch group by all"
)


@dataclass(slots=True)
class Done:
    """
    One piece of a file, finished.

    :ivar table: canonical rows, in the file's order.
    :ivar problems: one per quarantined row.
    :ivar skipped: rows that the mapping's filter leaves out, and rows without any value.
    :ivar sums: per currency and exponent: rows, credits, debits in minor units.
    """

    table: pa.Table
    problems: Sequence[Problem]
    skipped: int
    sums: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)


class Session:
    """
    Runs one compiled mapping over the pieces of one file; safe to call from several threads.
    """

    def __init__(self, compiled: Compiled) -> None:
        """Open and lock the engine."""
        self._compiled = compiled
        self._assembler = Assembler(compiled)
        self._connection = duckdb.connect(":memory:")
        self._local = threading.local()
        for statement in _LOCKED:
            self._connection.execute(statement)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def run(self, piece: Callable[[], RawBatch]) -> Done:
        """Parse one piece of a file and make its canonical rows."""
        raw = piece()
        fast = self._query(self._compiled.fast, raw.table)
        problems, skipped = list(raw.problems), raw.skipped + raw.table.num_rows - fast.num_rows
        suspects = fast.filter(pc.not_equal(fast["fault"], 0))["line"]
        if len(suspects):
            fast, found, blank = self._closer(raw.table, fast, suspects)
            problems = sorted([*problems, *found], key=lambda problem: problem.line or 0)
            skipped += blank
        table = self._assembler.assemble(fast)
        return Done(table, problems, skipped, self._sums(table))

    def _closer(self, raw: pa.Table, fast: pa.Table, suspects: pa.ChunkedArray) -> tuple[pa.Table, list[Problem], int]:
        """Compute suspect rows again exactly; what is still at fault becomes problems (or is blank)."""
        exact = self._query(self._compiled.exact, _rows_at(raw, suspects))
        good = exact.filter(pc.equal(exact["fault"], 0))
        bad = exact.filter(pc.not_equal(exact["fault"], 0))
        table = fast.filter(pc.equal(fast["fault"], 0))
        if good.num_rows:
            table = pa.concat_tables([table, good.cast(table.schema)]).sort_by("line")
        if not bad.num_rows:
            return table, [], 0
        explained = self._query(self._compiled.explain, _rows_at(raw, bad["line"]))
        problems = faults.explained(self._compiled, bad["fault"].to_pylist(), explained)
        return table, problems, bad.num_rows - len(problems)

    def _query(self, sql: str, batch: pa.Table) -> pa.Table:
        """
        Run one of the three projections (or the sums) over a table.

        :raises WrongUse: the engine does not take an expression. Unreadable: it stops at a row.
        """
        cursor = self._cursor()
        cursor.register("batch", batch)
        try:
            return cursor.sql(sql).to_arrow_table()
        except _NOT_TAKEN as error:
            origin = self._compiled.mapping.origin
            message = f"{origin}: expected expressions that DuckDB can run, got {_first_line(error)}"
            raise WrongUse(message) from None
        except duckdb.Error as error:
            message = f"expected rows that the mapping can be computed for, got {_first_line(error)}"
            raise Unreadable(message) from None
        finally:
            cursor.unregister("batch")

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor

    def _sums(self, table: pa.Table) -> dict[tuple[str, int], tuple[int, int, int]]:
        """Add up the amounts exactly: sums are wider than 64 bits."""
        amounts = table.select(["currency", "exponent", self._compiled.mapping.totals])
        rows = self._query(_SUMS, amounts.rename_columns(["currency", "exponent", "v"])).to_pylist()
        return {
            (row["currency"], row["exponent"]): (row["rows"], int(row["credits"]), int(row["debits"])) for row in rows
        }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _rows_at(table: pa.Table, lines: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.is_in(table["line"], value_set=lines.combine_chunks()))
