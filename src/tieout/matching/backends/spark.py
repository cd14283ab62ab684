"""
The engine on a cluster: Spark, over the lake's own files.

Rows stay where the workers are. What comes to the process that asks is counted or small: days, currencies, accounts.
What queries cannot say is done by pure functions on the workers (``mapInArrow``, ``applyInArrow``), and results are
written by the workers as Parquet, in order, before one writer makes the lake's file of them.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout.errors import Broken, Rejected, Transient
from tieout.matching.backends._translating import translated
from tieout.store.engine import paths
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from tieout.matching.backends.engine import Combination, Function
    from tieout.matching.planning.building import Query
    from tieout.store.workplace import Store

__all__ = ["SMALL_MAX", "Spark", "spark_place"]

#: No more rows than this are handed to the process that asks; more would mean that records are meant.
SMALL_MAX = 200_000
_BATCH_ROWS = 122_880


class Spark:
    """Performs operators, one materialised relation each; later ones read what earlier ones left."""

    dialect = "duckdb"  # what queries are handed over in
    distributed = True

    def __init__(
        self, session: SparkSession, place: Path, told: Callable[[str, DataFrame], None] | None = None
    ) -> None:
        """
        Use a session that nobody else uses.

        :param place: a folder that this process and all workers see, for rows on their way; it is ours to delete.
        :param told: hears of every query before it is performed: what for (``kept``, ``numbered``, ``written``,
            ``counted``, ``small``), and the query.
        """
        self.session, self.place = session, place
        self._told = told or (lambda _what, _query: None)
        self._known: dict[str, DataFrame] = {}
        self._counts: dict[str, int] = {}
        self._files: dict[tuple[str, ...], str] = {}
        self._written = 0

    def create(self, name: str, query: Query | str) -> None:
        """
        Perform a query and keep its rows under a name, replacing what had it.

        :raises Rejected: an amount is beyond what can be counted.
        """
        self._keep(name, self._query(query))

    def number(self, name: str, query: str, first: int = 0) -> int:
        """Keep the rows of a query with a column ``thing`` that numbers them; gives a number after all."""
        from pyspark.sql import functions as f

        numbered = self._query(query).select((f.monotonically_increasing_id() + f.lit(first)).alias("thing"), "*")
        # Written, because rows are this wide nowhere else: who reads them takes the columns that it needs.
        path = self._write(numbered, "numbered")
        rows = self.session.read.schema(numbered.schema).parquet(path)
        self._name(name, rows)
        with _acting():
            last = rows.agg(f.max("thing")).collect()[0][0]
        return first if last is None else int(last) + 1

    def view(self, name: str, query: Query | str) -> None:
        """Keep a query under a name, to be performed where it is read."""
        self._name(name, self._query(query))

    def take(self, name: str, table: pa.Table) -> None:
        """Keep a small table under a name."""
        if table.num_rows > SMALL_MAX * 25:
            message = f"expected a small table {name!r} to hand to the workers, got {table.num_rows} rows"
            raise Broken(message)
        self._name(name, self._frame(table))
        self._counts[name] = table.num_rows

    def register(self, name: str, table: pa.Table) -> None:
        """Let queries read a small table under a name."""
        self.take(name, table)

    def unregister(self, name: str) -> None:
        """Let go of it."""
        self.drop(name)

    def derive(
        self, name: str, parts: Sequence[tuple[str, Function]], schema: pa.Schema, *, once: bool = False
    ) -> None:
        """Keep together what pure functions make of the rows of queries, a part of the rows at a time, on the workers."""
        kind, found = _spark_schema(schema), None
        for query, function in parts:
            rows = self._query(query).mapInArrow(_by_parts(function, schema), kind)
            rows = rows.distinct() if once else rows
            found = rows if found is None else found.unionAll(rows)
        self._keep(name, self._frame(schema.empty_table()) if found is None else found)

    def combine(self, name: str, queries: tuple[str, str], by: str, function: Combination, schema: pa.Schema) -> None:
        """Keep what a pure function makes of two queries' rows, one value of ``by`` at a time, on the workers."""
        one, other = (self._query(query).groupBy(by) for query in queries)

        def combined(left: pa.Table, right: pa.Table) -> pa.Table:
            return function(left, right).select(schema.names).cast(schema)

        self._keep(name, one.cogroup(other).applyInArrow(combined, _spark_schema(schema)))

    def group(self, name: str, query: str, by: str, function: Function, schema: pa.Schema) -> None:
        """Keep what a pure function makes of a query's rows, one value of ``by`` at a time, on the workers."""

        def applied(rows: pa.Table) -> pa.Table:
            return function(rows).select(schema.names).cast(schema)

        self._keep(name, self._query(query).groupBy(by).applyInArrow(applied, _spark_schema(schema)))

    def add(self, name: str, query: str) -> None:
        """Add the rows of a query to a relation."""
        self._keep(name, self._known[name].unionAll(self._query(query)))

    def leave_out(self, name: str, condition: str) -> None:
        """Leave out the rows of a relation for which a condition holds."""
        self.create(name, f'select * from "{name}" where not ({condition})')

    def rename(self, old: str, new: str) -> None:
        """Call a kept relation by another name, replacing what had it."""
        count = self._counts.get(old)
        self._name(new, self._known[old])
        if count is not None:
            self._counts[new] = count
        self.drop(old)

    def drop(self, *names: str) -> None:
        """Forget relations."""
        for name in names:
            self._counts.pop(name, None)
            if self._known.pop(name, None) is not None:
                self.session.catalog.dropTempView(f"`{name}`")

    def count(self, name: str) -> int:
        """Count a relation's rows."""
        if name not in self._counts:
            self._told("counted", self._known[name])
            with _acting():
                self._counts[name] = self._known[name].count()
        return self._counts[name]

    def arrow(self, query: Query | str) -> pa.Table:
        """
        Give the rows of a small query.

        :raises Broken: it is not small.
        """
        frame = self._query(query)
        self._told("small", frame)
        with _acting():
            table = frame.limit(SMALL_MAX + 1).toArrow()
        if table.num_rows > SMALL_MAX:
            message = f"expected at most {SMALL_MAX} rows of days, currencies or accounts, got more, of: {query}"
            raise Broken(message)
        return table

    def rows_among(self, files: Sequence[str], condition: str) -> str:
        """Give the rows ``r`` of Parquet files for which a condition holds, with ``filename``, as a relation."""
        return f"(select r.* from read_parquet({paths(list(files))}, filename = true) r where {condition})"

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Give the rows of a query a part at a time, in its order: the workers write them, and they are read from there."""
        import pyarrow.parquet as pq

        path = self._write(self._query(query), "written")
        for part in sorted(Path(path).glob("part-*.parquet")):
            with pq.ParquetFile(part) as file:
                yield from file.iter_batches(_BATCH_ROWS)
        shutil.rmtree(path)

    # -- how

    def _query(self, query: Query | str) -> DataFrame:
        text = query if isinstance(query, str) else query.sql(dialect=self.dialect)
        with _acting(text):
            return self.session.sql(translated(text, self._read_files, self._columns))

    def _columns(self, text: str) -> list[str]:
        return list(self.session.sql(text).columns)

    def _keep(self, name: str, frame: DataFrame) -> None:
        """Perform a query now, once: what reads it later neither repeats it nor looks through it."""
        self._told("kept", frame)
        with _acting():
            self._name(name, frame.localCheckpoint(eager=True))

    def _name(self, name: str, frame: DataFrame) -> None:
        self._counts.pop(name, None)
        self._known[name] = frame
        frame.createOrReplaceTempView(f"`{name}`")

    def _frame(self, table: pa.Table) -> DataFrame:
        import pyarrow as pa

        fields = [f.with_type(pa.binary()) if pa.types.is_fixed_size_binary(f.type) else f for f in table.schema]
        return self.session.createDataFrame(table.cast(pa.schema(fields)))

    def _write(self, frame: DataFrame, what: str) -> str:
        self._told(what, frame)
        self._written += 1
        path = self.place / f"{what}-{self._written}"
        with _acting():
            frame.write.parquet(path.resolve().as_uri())
        return str(path.resolve())

    def _read_files(self, files: list[str], places: frozenset[str]) -> str:
        """Make a view of files of the lake, each in the folder of its table; ``places``: ``filename``, ``file_row_number``."""
        from pyspark.sql import functions as f

        key = (*files, *sorted(places))
        name = self._files.get(key)
        if name is None:
            name = self._files[key] = f"files_{len(self._files)}"
            (folder,) = {Path(file).parent.name for file in files}
            kind = _spark_schema(table_schema(folder))
            rows = self.session.read.schema(kind).parquet(*(Path(file).resolve().as_uri() for file in files))
            if "filename" in places:
                pairs = [f.lit(word) for file in files for word in (Path(file).name, file)]
                rows = rows.withColumn("filename", f.create_map(*pairs)[f.col("_metadata.file_name")])
            if "file_row_number" in places:
                rows = rows.withColumn("file_row_number", f.col("_metadata.row_index"))
            rows.createOrReplaceTempView(name)
        return name


@contextmanager
def spark_place(store: Store, token: str) -> Iterator[Path]:
    """Give a folder in the lake, which this process and all workers see, for rows on their way; and remove it."""
    place = store.lake.root / "on-the-way" / f"{token}-{store.lake.mark}-rows"
    place.mkdir(parents=True, exist_ok=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _by_parts(function: Function, schema: pa.Schema) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def parts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            if batch.num_rows:
                yield from function(pa.Table.from_batches([batch])).select(schema.names).cast(schema).to_batches()

    return parts


def _spark_schema(schema: pa.Schema) -> Any:
    """Give Spark's types of columns; ids are bytes of any length to it."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(pa.schema([pa.field(f.name, _plain(f.type)) for f in schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    return pa.list_(_plain(kind.value_type)) if pa.types.is_list(kind) else kind


@contextmanager
def _acting(text: str | None = None) -> Iterator[None]:
    """Say what Spark's errors mean."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, ArithmeticException, ParseException, PySparkException

    try:
        yield
    except ArithmeticException as error:
        message = f"expected sums of amounts within 64 bits of minor units, got more: {_first_line(error)}"
        raise Rejected(message) from None
    except (AnalysisException, ParseException) as error:
        message = f"expected a query that Spark understands, got: {_first_line(error)}; in: {text}"
        raise Broken(message) from None
    except (PySparkException, Py4JError) as error:
        if "ARITHMETIC_OVERFLOW" in str(error) or "CAST_OVERFLOW" in str(error):
            message = f"expected sums of amounts within 64 bits of minor units, got more: {_first_line(error)}"
            raise Rejected(message) from None
        message = f"Spark did not finish, and nothing was written: {_first_line(error)}; see the logs of its workers"
        raise Transient(message) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:500]
