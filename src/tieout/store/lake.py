"""
The lake: immutable Parquet files. Which of them exist, the book says.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.errors import Broken
from tieout.model.records import SCHEMA_VERSION
from tieout.store.digest import RowDigest
from tieout.store.files import durable_file
from tieout.store.tables import ALWAYS, RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Lake", "LakeFile", "LakeWriter"]

# Columns of random bytes, or of random tokens: compressing or dictionary-encoding them costs time and saves little.
_RANDOM = {"record_id", "record_key", "external_key", "payment_key", "payment_id", "reference_keys", "key", "content"}
# Whole numbers that are seldom the same and often near each other: their differences, bit by bit, are quicker to write
# than a compressed page, and smaller.
_NEAR = {
    "line",
    "statement_place",
    "amount",
    "fee",
    "fee_tax",
    "tax",
    "net",
    "original_amount",
    "base_amount",
    "revision",
}
# Columns with few values: worth a dictionary.
_FEW = {
    "system", "source_id", "entity_id", "account_id", "delivery_id", "account_number", "sub_account", "namespace",
    "kind", "status", "bank_code", "currency", "original_currency", "base_currency", "settlement_id", "rate", "version",
    "normaliser", "exponent", "original_exponent", "base_exponent", "seen_at", "booked_on", "value_on", "due_on",
    "settlement_key", "counted", "reason", "role", "member",
}  # fmt: skip


#: Columns that are not compressed: ``row`` is in the order of random keys.
_PLAIN = _RANDOM | _NEAR | {"row"}
# Rows that the writer takes at once: many, since each of the sixty columns pays for every step.
_BATCH_ROWS = 65_536

# Columns that are the same for most rows of a delivery, or of a run.
_CONSTANT = {
    "system", "source_id", "entity_id", "account_id", "delivery_id", "member", "reconciliation", "rule", "side", "claim",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeFile:
    """
    One file of the lake, as its row in the book describes it.

    :ivar path: relative to the lake.
    :ivar digest: of the rows (store.digest); ``sha256`` is of the file's bytes.
    :ivar min_day, max_day: of ``booked_on``, as days since 1970; None where no row has one.
    :ivar sibling: the records file whose rows this index file points into.
    """

    table_name: str
    path: str
    sha256: str
    bytes: int
    rows: int
    digest: str
    min_day: int | None
    max_day: int | None
    schema_version: int
    delivery_id: str
    sibling: str | None = None


class _Hashing:
    """A file that digests what is written through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.count = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.count += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.count

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class LakeWriter:
    """
    Writes one file of the lake; it is durable when the ``with`` block ends, and known when its row is committed.

    >>> with lake.writer("balances", schema, delivery_id) as writer:
    ...     writer.write(table)
    >>> writer.file
    """

    def __init__(
        self, root: Path, path: str, table_name: str, table_schema: pa.Schema, delivery_id: str, group_rows: int
    ) -> None:
        """Use :meth:`Lake.writer`."""
        self._root, self._path, self._table_name = root, path, table_name
        self._schema, self._delivery_id, self._group_rows = table_schema, delivery_id, group_rows
        self._stack = ExitStack()
        self._digest = RowDigest(table_schema)
        self._days: list[int] = []
        self.rows = 0

    def __enter__(self) -> Self:
        """Open the file under a temporary name."""
        self._out = _Hashing(self._stack.enter_context(durable_file(self._root / self._path)))
        names = self._schema.names
        always = ALWAYS if self._table_name == "records" else frozenset()
        self._written = pa.schema([_as_written(field, given=field.name in always) for field in self._schema])
        self._parquet = pq.ParquetWriter(
            pa.PythonFile(self._out, mode="w"),
            self._written,
            use_dictionary=[name for name in names if name in _FEW],
            column_encoding={field.name: "DELTA_BINARY_PACKED" for field in self._schema if _is_near(field)},
            compression={
                name: "none" if name.partition(".")[0] in _PLAIN else "snappy" for name in _leaves(self._schema)
            },
            write_statistics=[
                field.name for field in self._schema if _worth_statistics(field) or self._is_sorted_by(field)
            ],
            write_batch_size=_BATCH_ROWS,
            store_schema=False,
        )
        return self

    def _is_sorted_by(self, field: pa.Field) -> bool:
        """Results are in the order of their records: statistics lead a look-up to few rows."""
        return field.name == "record_key" and self._table_name in RESULTS

    def write(self, table: pa.Table) -> None:
        """Append rows; columns are brought to the schema's order and must have its types (dictionaries may stand)."""
        table = table.select(self._schema.names)
        self._digest.update(table)
        columns = [_coded(table[field.name], field.type) for field in self._written]
        self._parquet.write_table(pa.table(columns, schema=self._written), row_group_size=self._group_rows)
        self.rows += table.num_rows
        if "booked_on" in table.column_names:
            span = pc.min_max(table.column("booked_on").cast(pa.date32()))
            self._days += [day.cast(pa.int32()).as_py() for day in span.values() if day.is_valid]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Finish the file: footer, fsync, rename; or leave nothing."""
        # Also where the draft is dropped: an open writer holds memory, and complains when it is collected.
        with suppress(OSError) if kind is not None else nullcontext():
            self._parquet.close()
        return self._stack.__exit__(kind, error, trace)

    @property
    def file(self) -> LakeFile:
        """Describe the finished file."""
        return LakeFile(
            table_name=self._table_name,
            path=self._path,
            sha256=self._out.sha256.hexdigest(),
            bytes=self._out.count,
            rows=self.rows,
            digest=self._digest.hexdigest(),
            min_day=min(self._days, default=None),
            max_day=max(self._days, default=None),
            schema_version=SCHEMA_VERSION,
            delivery_id=self._delivery_id,
        )


class Lake:
    """The folder of lake files; what belongs to it is asked of the book."""

    def __init__(self, root: Path, entropy: Callable[[int], bytes], mark: str = "") -> None:
        """Use a folder, which need not exist yet; ``mark`` is the book's, and stands in the names of new files."""
        self.root = root
        self.mark = mark
        self._entropy = entropy

    def writer(
        self, table_name: str, table_schema: pa.Schema, delivery_id: str, *, group_rows: int = 122_880
    ) -> LakeWriter:
        """Begin a new file of a table."""
        mark = f"{self.mark}-" if self.mark else ""
        path = f"{table_name}/{delivery_id[:12]}-{mark}{self._entropy(8).hex()}.parquet"
        return LakeWriter(self.root, path, table_name, table_schema, delivery_id, group_rows)

    @property
    def open_view(self) -> Path:
        """Give the folder, beside the lake, of what only the open view needs: its metadata, and copies of rows."""
        return self.root.with_name(f"{self.root.name}.iceberg")

    def remove(self, path: str) -> None:
        """Delete a file that no row of the book names, with the copies of its rows that the open view has."""
        (self.root / path).unlink(missing_ok=True)
        for copy in self.open_view.glob(f"*/data/{Path(path).stem}.*"):
            copy.unlink(missing_ok=True)

    def remove_drafts(self, owner: str) -> None:
        """Delete what a process that was killed had begun to write of a delivery; whoever writes it now begins again."""
        for draft in self.root.glob(f"*/{owner[:12]}-*.partial"):
            draft.unlink(missing_ok=True)

    def full(self, path: str) -> str:
        """
        Give the path to open a file by.

        :raises Broken: the book names it and it is not there.
        """
        target = self.root / path
        if not target.exists():
            message = f"the lake file {target} is missing: restore it, or write it again from landing: `tieout verify --rebuild`"
            raise Broken(message)
        return str(target)

    def check(self, path: str, sha256: str) -> None:
        """
        Hold a file's bytes against the book.

        :raises Broken: it is missing or differs.
        """
        with Path(self.full(path)).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            message = f"the lake file {self.root / path} was changed: expected sha256 {sha256}, got {found}"
            raise Broken(message)


def _worth_statistics(field: pa.Field) -> bool:
    """
    Say which columns get a smallest and a largest value per row group.

    Never text: where all values of a row group are equal and some are absent, DuckDB 2.0 takes every row of a column
    outside a dictionary as absent under a filter on absence (a test shows it); and comparing text takes a sixth of the
    time of writing a file, for row groups that nearly always hold the same words.
    """
    return not pa.types.is_string(field.type) and (field.name == "key" or field.name not in _RANDOM)


def _is_near(field: pa.Field) -> bool:
    return field.name in _NEAR and pa.types.is_int64(field.type)


def _as_written(field: pa.Field, *, given: bool) -> pa.Field:
    """Hand a column that repeats one value to the writer as it comes: coded; the file says text all the same."""
    field = field.with_nullable(not given)
    return field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _CONSTANT else field


def _coded(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(kind)


def _leaves(table_schema: pa.Schema) -> list[str]:
    """Name the Parquet columns of a schema: a list is one column below its name."""
    return [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in table_schema]
