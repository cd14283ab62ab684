"""
The engine that runs a compiled mapping: one locked-down DuckDB per file, one cursor per worker thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.errors import Broken, WrongUse
from tieout.formats._number_texts import is_numeric, number_texts
from tieout.formats.tabular import faults
from tieout.formats.tabular.plain_amounts import amounts_of
from tieout.formats.tabular.raw import Unreadable
from tieout.formats.tabular.rows import Assembler
from tieout.formats.tabular.typed import FAST
from tieout.formats.tabular.words import whole, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tieout.formats.tabular.projection import Compiled
    from tieout.formats.tabular.raw import RawBatch
    from tieout.formats.tabular.words import Split, Words
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
    # And lists of currencies are searched as they stand: making joins of them took longer than a piece's rows.
    "set disabled_optimizers = 'common_subexpressions,in_clause'",
    "set lock_configuration = true",
)

#: What the engine says of SQL that it does not take, whatever the rows are.
_NOT_TAKEN = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.InvalidInputException)
#: One suspect row in so many makes a file's other pieces be computed exactly at once.
_MANY = 8
#: For so many sets of columns that hold few words the fast run is parted; a file that has more is computed as one.
_SPLITS_MAX = 8
_SUMS = (
    "select currency, coalesce(exponent, 0) as exponent, count(*) as rows,"
    " coalesce(sum(v) filter (v > 0), 0) as credits, coalesce(-sum(v) filter (v < 0), 0) as debits"
    " from batch group by all"
)
#: The least number of as many digits as a card number has.
_LONG = 10**12


@dataclass(slots=True)
class Done:
    """
    One piece of a file, finished.

    :ivar table: canonical rows, in the file's order.
    :ivar problems: one per quarantined row.
    :ivar skipped: rows that the mapping's filter leaves out, and rows without any value.
    :ivar unseen: the columns that stand in no text of these rows, and what stands in rows that are none of these.
    :ivar sums: per currency and exponent: rows, credits, debits in minor units.
    """

    table: pa.Table
    problems: Sequence[Problem]
    skipped: int
    sums: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)
    unseen: Sequence[tuple[str, pa.Array, pa.Array]] = ()


class _Feed:
    """A table that changes under one name in the engine (Arrow's PyCapsule interface); its columns stay the same."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand out whatever rows are there now."""
        return self.table.__arrow_c_stream__(requested_schema)


class Session:
    """
    Runs one compiled mapping over the pieces of one file; safe to call from several threads.
    """

    def __init__(self, compiled: Compiled) -> None:
        """Open and lock the engine."""
        self._compiled = compiled
        self._assembler = Assembler(compiled)
        self._beside = {f"c{n}" for n in compiled.beside}
        self._connection = duckdb.connect(":memory:")
        self._local = threading.local()
        self._wide = False
        self._splits: dict[frozenset[int], Split] = {}
        for statement in _LOCKED:
            self._connection.execute(statement)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def run(self, piece: Callable[[], RawBatch]) -> Done:
        """Parse one piece of a file and make its canonical rows."""
        raw = piece()
        read = raw.table.select([n for n in raw.table.column_names if n not in self._beside])
        table, bad = self._computed(read)
        left_out = read.num_rows - table.num_rows - bad.num_rows
        if left_out:
            self._check_left_out(read, left_out)
        problems, skipped = list(raw.problems), raw.skipped + left_out
        if bad.num_rows:
            explained = self._query(self._compiled.explain, _rows_at(read, bad["line"]))
            found = faults.explained(self._compiled, bad["fault"].to_pylist(), explained)
            skipped += bad.num_rows - len(found)
            problems = sorted([*problems, *found], key=lambda problem: problem.line or 0)
        table = self._assembler.assemble(table)
        return Done(table, problems, skipped, self._sums(table), self._unseen(raw.table, table))

    def _unseen(self, raw: pa.Table, table: pa.Table) -> list[tuple[str, pa.Array, pa.Array]]:
        """Give what the canonical rows do not show: whole columns, and all of the rows that are not among them."""
        compiled = self._compiled
        found = _texts(raw, compiled.unseen)
        if table.num_rows < raw.num_rows:
            gone = raw.filter(pc.invert(pc.is_in(raw["line"], value_set=whole(table["line"]))))
            found += _texts(gone, compiled.seen)
        return found

    def _computed(self, raw: pa.Table) -> tuple[pa.Table, pa.Table]:
        """
        Compute the good rows, in order, and those at fault.

        Rows that the fast run is not sure of are computed again exactly; a file of which many are is computed exactly
        from there on, which gives the same rows.
        """
        wide = self._wide  # read once: another thread may find that the file needs it
        first = self._query(self._compiled.exact, raw) if wide else self._fast(raw)
        good, suspects = _parted(first)
        if wide or not suspects.num_rows:
            return good, suspects
        if suspects.num_rows * _MANY > first.num_rows:
            self._wide = True
        again, bad = _parted(self._query(self._compiled.exact, _rows_at(raw, suspects["line"])))
        if again.num_rows:
            again = again.select(good.column_names).cast(good.schema)
            good = pa.concat_tables([good, again]).sort_by("line")
        return good, bad

    def _fast(self, raw: pa.Table) -> pa.Table:
        """Compute what must be computed, and take what stands in the file as it stands."""
        dialect, given = self._compiled.mapping.dialect, raw
        for place in sorted(self._compiled.amounts):
            amounts = amounts_of(raw.column(f"c{place}"), dialect.decimal, dialect.thousands, FAST)
            given = given.append_column(f"n{place}", amounts)
        words = words_of(raw, self._compiled.shareable)
        split = self._split(words.places) if words else None
        if words is None or split is None:
            found = self._query(self._compiled.fast, given)
            kept = raw if found.num_rows == raw.num_rows else _rows_at(raw, found["line"])
        else:
            found, kept = self._shared(given, words, split)
        for name, source in self._compiled.direct.items():
            column = kept.column(source.strip("[]").removesuffix(" is null"))
            if source.startswith("["):
                column = _listed(column)
            elif source.endswith("is null"):
                column = column.is_null()
            found = found.append_column(name, column)
        return found

    def _split(self, places: frozenset[int]) -> Split | None:
        """Give the fast run in two, unless too many different ones were made for this file already."""
        if places not in self._splits and len(self._splits) < _SPLITS_MAX:
            self._splits[places] = self._compiled.split(places)
        return self._splits.get(places)

    def _shared(self, given: pa.Table, words: Words, split: Split) -> tuple[pa.Table, pa.Table]:
        """Compute what the words decide once for each combination of them, and the rest for each row."""
        told = self._query(split.words, words.table).combine_chunks()
        places = np.full(words.table.num_rows, -1)
        places[told["word"].to_numpy()] = np.arange(told.num_rows)
        given = given.append_column("word", pa.array(places[words.codes], pa.int32()))
        if told.num_rows < len(places):
            given = given.filter(pc.greater_equal(given["word"], 0))
        at, rows = whole(given["word"]), given
        for name in ("unfit", *split.passed):
            rows = rows.append_column(name, _spread(whole(told[name]), at))
        found = self._query(split.rows, rows.drop_columns(["word"]))
        kept = given if found.num_rows == given.num_rows else _rows_at(given, found["line"])
        for name in split.finals:
            found = found.append_column(name, whole(told[f"f_{name}"]).take(whole(kept["word"])))
        return found, kept

    def _check_left_out(self, raw: pa.Table, left_out: int) -> None:
        """
        Hold the rows that are gone against those that the filter is false for.

        :raises Broken: others are gone too.
        """
        [row] = self._query(self._compiled.skipped, raw).to_pylist()
        if row["n"] != left_out:
            message = f"{raw.num_rows} rows were read, {left_out} are gone, but `where` is false for {row['n']} only"
            raise Broken(message)

    def _query(self, sql: str, batch: pa.Table) -> pa.Table:
        """
        Run a projection (or the sums) over a table; each thread plans it once, which takes far longer than few rows.

        :raises WrongUse: the engine does not take an expression. Unreadable: it stops at a row.
        """
        planned: dict[str, tuple[_Feed, duckdb.DuckDBPyConnection]] | None = getattr(self._local, "planned", None)
        if planned is None:
            planned = self._local.planned = {}
        try:
            if sql not in planned:
                feed, cursor = _Feed(batch), self._connection.cursor()
                cursor.register("batch", feed)
                cursor.execute(f"prepare again as {sql}")
                planned[sql] = feed, cursor
            feed, cursor = planned[sql]
            feed.table = batch
            found: pa.Table = cursor.sql("execute again").to_arrow_table()
        except duckdb.Error as error:
            raise self._stopped(error) from None
        feed.table = batch.slice(0, 0)
        return found

    def _stopped(self, error: duckdb.Error) -> WrongUse | Unreadable:
        """Say whose fault it is that the engine stopped: the mapping's or the rows'."""
        if isinstance(error, _NOT_TAKEN):
            origin = self._compiled.mapping.origin
            return WrongUse(f"{origin}: expected expressions that DuckDB can run, got {_first_line(error)}")
        return Unreadable(f"expected rows that the mapping can be computed for, got {_first_line(error)}")

    def _sums(self, table: pa.Table) -> dict[tuple[str, int], tuple[int, int, int]]:
        """Add up the amounts exactly: sums are wider than 64 bits."""
        amounts = table.select(["currency", "exponent", self._compiled.mapping.totals])
        amounts = amounts.rename_columns(["currency", "exponent", "v"])
        if table.num_rows and all(_one_value(amounts[name]) for name in ("currency", "exponent")):
            key = (amounts["currency"][0].as_py(), amounts["exponent"][0].as_py() or 0)
            return {key: (table.num_rows, *_credits_and_debits(amounts["v"]))}
        rows = self._query(_SUMS, amounts).to_pylist()
        return {
            (row["currency"], row["exponent"]): (row["rows"], int(row["credits"]), int(row["debits"])) for row in rows
        }


def _texts(raw: pa.Table, names: Mapping[int, str]) -> list[tuple[str, pa.Array, pa.Array]]:
    columns = ((name, raw.column(f"c{n}")) for n, name in names.items() if f"c{n}" in raw.column_names)
    texts = [(name, _as_text(whole(column))) for name, column in columns]
    return [(name, whole(raw["line"]), text) for name, text in texts if text.null_count < len(text)]


def _as_text(column: pa.Array) -> pa.Array:
    """Give texts, and numbers as such where one is long enough to be more than a number; nothing of any other column."""
    if pa.types.is_string(column.type):
        return column
    if is_numeric(column.type):
        ends = pc.min_max(column).as_py().values()
        if any(end is not None and abs(end) >= _LONG for end in ends):
            return number_texts(column)
    return pa.nulls(len(column), pa.string())


def _one_value(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.equal(column, column[0]), skip_nulls=False).as_py())


def _credits_and_debits(amounts: pa.ChunkedArray) -> tuple[int, int]:
    """Add up what is above and what is below zero, in halves of 32 bits, whose sums fit 64."""
    values = amounts.fill_null(0).to_numpy()
    halves = [
        (int((part >> 32).sum()) << 32) + int((part & 0xFFFFFFFF).sum())
        for part in (np.maximum(values, 0), np.minimum(values, 0))
    ]
    return halves[0], -halves[1]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _spread(values: pa.Array, at: pa.Array) -> pa.Array:
    """Give each row its combination's value; text is not copied."""
    return pa.DictionaryArray.from_arrays(at, values) if pa.types.is_string(values.type) else values.take(at)


def _listed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Make lists of at most one element: none where there is no value."""
    offsets = [np.concatenate([[0], np.cumsum(chunk.is_valid())]).astype(np.int32) for chunk in column.chunks]
    lists = [pa.ListArray.from_arrays(o, chunk.drop_null()) for o, chunk in zip(offsets, column.chunks, strict=True)]
    return pa.chunked_array(lists, type=pa.list_(pa.string()))


def _parted(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Part rows without fault from those with one."""
    faultless = pc.equal(table["fault"], 0)
    if pc.all(faultless, min_count=0).as_py():
        return table, table.slice(0, 0)
    return table.filter(faultless), table.filter(pc.invert(faultless))


def _rows_at(table: pa.Table, lines: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.is_in(table["line"], value_set=lines.combine_chunks()))
