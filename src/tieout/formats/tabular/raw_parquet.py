"""
Parquet: typed columns, read in batches; what is not a plain type becomes its text.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.formats.tabular.names import clean_name
from tieout.formats.tabular.raw import COLUMNS_MAX, RawBatch, RawTable, Unreadable, batch_of
from tieout.formats.tabular.typed import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["open_parquet"]

_ROWS_AT_ONCE = 64_000
_KINDS: tuple[tuple[Callable[[Any], bool], Kind, Callable[[Any], pa.DataType]], ...] = (
    (lambda t: pa.types.is_integer(t) and t != pa.uint64(), Kind.INTEGER, lambda _: pa.int64()),
    (lambda t: t == pa.uint64(), Kind.NUMBER, lambda _: pa.decimal128(20, 0)),
    (pa.types.is_decimal, Kind.NUMBER, lambda t: pa.decimal128(min(t.precision, 38), t.scale)),
    (pa.types.is_floating, Kind.FLOAT, lambda _: pa.float64()),
    (pa.types.is_boolean, Kind.BOOLEAN, lambda _: pa.bool_()),
    (pa.types.is_date, Kind.DATE, lambda _: pa.date32()),
    (lambda t: pa.types.is_timestamp(t) and t.tz is None, Kind.TIMESTAMP, lambda _: pa.timestamp("us")),
    (pa.types.is_timestamp, Kind.MOMENT, lambda _: pa.timestamp("us", tz="UTC")),
)
# Types of columns in which a card number may stand.
_HOLDS_CARDS = frozenset({Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.FLOAT})


def open_parquet(stream: BinaryIO, shape: Mapping) -> RawTable:
    """
    Open a Parquet file; the stream must be seekable.

    :raises Unreadable: it is none.
    """
    del shape
    try:
        file = pq.ParquetFile(pa.PythonFile(stream, mode="r"), memory_map=False)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        message = f"expected a Parquet file, got one that cannot be opened ({type(error).__name__})"
        raise Unreadable(message) from None
    if not 0 < len(schema.names) <= COLUMNS_MAX:
        message = f"expected 1 to {COLUMNS_MAX} columns, got {len(schema.names)}"
        raise Unreadable(message)
    types = [_plain(field.type) for field in schema]
    header = tuple(clean_name(name) for name in schema.names)
    return RawTable(header, partial(_pieces, file, header, types), tuple(kind for kind, _ in types))


def _plain(found: pa.DataType) -> tuple[Kind, pa.DataType]:
    """The type that a column has for expressions, and the Arrow type that it is cast to."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    for test, kind, target in _KINDS:
        if test(found):
            return kind, target(found)
    return Kind.TEXT, pa.string()


def _pieces(
    file: pq.ParquetFile,
    header: tuple[str, ...],
    types: list[tuple[Kind, pa.DataType]],
    used: frozenset[int],
    beside: frozenset[int],
) -> Iterator[Callable[[], RawBatch]]:
    # Columns are picked by position: two may have one name.
    beside = frozenset(n for n in beside if types[n][0] in _HOLDS_CARDS)
    places = tuple(sorted(used | beside))
    names = [file.schema_arrow.names[n] for n in places]
    batches = file.iter_batches(_ROWS_AT_ONCE, columns=names, use_threads=False)
    row = 1
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            message = f"line {row}: expected rows of a Parquet file, got what cannot be read ({type(error).__name__})"
            raise Unreadable(message, row) from None
        if batch is None:
            return
        yield partial(_parsed, batch, row, header, types, places, beside)
        row += batch.num_rows


def _parsed(
    batch: pa.RecordBatch,
    row: int,
    header: tuple[str, ...],
    types: list[tuple[Kind, pa.DataType]],
    places: tuple[int, ...],
    beside: frozenset[int],
) -> RawBatch:
    columns: dict[int, pa.Array] = {}
    for place, n in enumerate(places):
        kind, target = types[n]
        column = batch.column(place)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        try:
            columns[n] = _text(column) if kind is Kind.TEXT else pc.cast(column, target, safe=False)
        except (pa.ArrowException, UnicodeError, ValueError) as error:
            if n in beside:
                continue
            message = f"line {row}: expected {target} in column {n + 1}, got what is none ({type(error).__name__})"
            raise Unreadable(message, row) from None
    return batch_of(header, range(row, row + batch.num_rows), columns, beside=beside)


def _text(column: pa.Array) -> pa.Array:
    """Write a column of any type as text, nested values as JSON; bytes stay as they are, to be looked at one by one."""
    if pa.types.is_nested(column.type):
        import json

        values = [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in column.to_pylist()]
        return pa.array(values, pa.string())
    if _is_bytes(column.type):
        return pc.cast(column, pa.binary())
    return pc.cast(column, pa.string())


def _is_bytes(found: pa.DataType) -> bool:
    """Whether values are bytes, which a writer may also have called a text without looking."""
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(kind(found) for kind in kinds)
