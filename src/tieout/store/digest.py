"""
The digest of rows: what "the same result" means.

It covers the values in row order with fixed column types, never the bytes of a Parquet file, so that another
writer, compression or machine gives the same digest. Rows are taken in groups of 65,536; of each column of a group
the digest sees its name, which rows have a value, and the values.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["GROUP_ROWS", "RowDigest"]

GROUP_ROWS = 65_536


class RowDigest:
    """Digests a table that arrives in pieces; where the pieces are cut does not matter."""

    def __init__(self, schema: pa.Schema) -> None:
        """Begin with a schema: names and types are part of the digest."""
        self._schema = schema
        self._total = hashlib.sha256(repr([(f.name, str(f.type)) for f in schema]).encode())
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0

    def update(self, table: pa.Table) -> None:
        """Add the next rows; dictionary-encoded columns count as their values."""
        for batch in table.to_batches():
            at = 0
            while at < batch.num_rows:
                part = batch.slice(at, GROUP_ROWS - self._rows)
                self._pending.append(part)
                self._rows += part.num_rows
                at += part.num_rows
                if self._rows == GROUP_ROWS:
                    self._close_group()

    def hexdigest(self) -> str:
        """Give the digest of all rows so far."""
        if self._rows:
            self._close_group()
        return self._total.hexdigest()

    def _close_group(self) -> None:
        group = pa.Table.from_batches(self._pending)
        for field in self._schema:
            self._total.update(field.name.encode())
            _feed(self._total, group.column(field.name), field.type)
        self._pending, self._rows = [], 0


def _feed(digest: hashlib._Hash, column: pa.ChunkedArray, kind: pa.DataType) -> None:
    """Feed one column of one group: a constant as one value, anything else as presence and values."""
    length = len(column)
    if column.null_count == length:
        digest.update(b"0" + length.to_bytes(8, "big"))
        return
    if pa.types.is_dictionary(column.type):
        values = _whole(column)
        if column.null_count == 0 and pc.count_distinct(values.indices).as_py() == 1:
            digest.update(b"1" + length.to_bytes(8, "big"))
            value = values.dictionary.take(values.indices.slice(0, 1))
            _feed_values(digest, value.cast(kind))
            return
        column = column.cast(kind)
    array = _whole(column)
    if array.type != kind:
        array = array.cast(kind)
    if array.null_count == 0 and _is_constant(array):
        digest.update(b"1" + length.to_bytes(8, "big"))
        _feed_values(digest, array.slice(0, 1))
        return
    digest.update(b"2")
    if array.null_count == 0:
        digest.update(_all_present(length))
        _feed_values(digest, array)
        return
    digest.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).data)
    _feed_values(digest, array.drop_null())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


@cache
def _all_present(length: int) -> bytes:
    """Say that every row of a group has a value."""
    return np.packbits(np.ones(length, np.bool_)).tobytes()


def _is_constant(array: pa.Array) -> bool:
    """Whether all values are equal; looks at the ends first, since most columns differ there."""
    if pa.types.is_list(array.type) or array[0].as_py() != array[-1].as_py():
        return False
    return bool(pc.all(pc.equal(array, array[0])).as_py())


def _feed_values(digest: hashlib._Hash, array: pa.Array) -> None:
    """Feed values without nulls: their lengths where they have one, then their bytes."""
    kind = array.type
    if pa.types.is_list(kind):
        digest.update(pc.list_value_length(array).to_numpy(zero_copy_only=False).astype("<i4").tobytes())
        flat = array.flatten()
        present = _all_present(len(flat)) if flat.null_count == 0 else None
        digest.update(present or np.packbits(flat.is_valid().to_numpy(zero_copy_only=False)).data)
        _feed_values(digest, flat if flat.null_count == 0 else flat.drop_null())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        lengths, data = _text(array)
        digest.update(lengths.astype("<i4").tobytes())
        digest.update(np.ascontiguousarray(data).data)
    elif pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        start = array.offset * width
        digest.update(memoryview(array.buffers()[1])[start : start + len(array) * width])
    elif pa.types.is_boolean(kind):
        digest.update(np.packbits(array.to_numpy(zero_copy_only=False)).data)
    else:
        width = {"date32[day]": pa.int32(), "int32": pa.int32()}.get(str(kind), pa.int64())
        digest.update(np.ascontiguousarray(array.view(width).to_numpy(zero_copy_only=False)).data)


def _text(array: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return np.diff(bounds), text[bounds[0] : bounds[-1]]
