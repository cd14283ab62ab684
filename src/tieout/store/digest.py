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
    if column.null_count == 0 and (value := _only_value(column)) is not None:
        digest.update(b"1" + length.to_bytes(8, "big"))
        _feed_values(digest, [value.cast(kind)])
        return
    pieces = (column if column.type == kind else column.cast(kind)).chunks
    digest.update(b"2")
    _feed_presence(digest, pieces)
    _feed_values(digest, [piece.drop_null() if piece.null_count else piece for piece in pieces])


def _feed_presence(digest: hashlib._Hash, pieces: list[pa.Array]) -> None:
    """Feed one bit for each row: whether it has a value."""
    if any(piece.null_count for piece in pieces):
        present = [piece.is_valid().to_numpy(zero_copy_only=False) for piece in pieces]
        digest.update(np.packbits(np.concatenate(present)).data)
    else:
        digest.update(_all_present(sum(map(len, pieces))))


@cache
def _all_present(length: int) -> bytes:
    """Say that every row of a group has a value."""
    return np.packbits(np.ones(length, np.bool_)).tobytes()


def _only_value(column: pa.ChunkedArray) -> pa.Array | None:
    """
    Give the value that all rows of a column without nulls have, as an array of one; None where they differ.

    Looks at the ends first, since most columns differ there.
    """
    if pa.types.is_list(column.type):
        return None
    if pa.types.is_dictionary(column.type):
        if any(len(piece.dictionary) > 1 for piece in column.chunks):
            column = column.cast(column.type.value_type)
        else:  # the usual constant: one word, however often
            words = pa.chunked_array([piece.dictionary.slice(0, 1) for piece in column.chunks if len(piece)])
            return words.chunk(0) if len(words.unique()) == 1 else None
    first = column[0]
    if column[-1] != first or not pc.all(pc.equal(column, first)).as_py():
        return None
    return column.slice(0, 1).combine_chunks()


def _feed_values(digest: hashlib._Hash, pieces: list[pa.Array]) -> None:
    """Feed values without nulls, as if they were one piece: their lengths where they have one, then their bytes."""
    kind = pieces[0].type
    if pa.types.is_list(kind):
        for piece in pieces:
            digest.update(pc.list_value_length(piece).to_numpy(zero_copy_only=False).astype("<i4").data)
        elements = [piece.flatten() for piece in pieces]
        _feed_presence(digest, elements)
        _feed_values(digest, [flat.drop_null() if flat.null_count else flat for flat in elements])
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        texts = [_text(piece) for piece in pieces]
        for lengths, _ in texts:
            digest.update(lengths.astype("<i4", copy=False).data)
        for _, data in texts:
            digest.update(data.data)
    elif pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        for piece in pieces:
            start = piece.offset * width
            digest.update(memoryview(piece.buffers()[1])[start : start + len(piece) * width])
    elif pa.types.is_boolean(kind):
        digest.update(np.packbits(np.concatenate([p.to_numpy(zero_copy_only=False) for p in pieces])).data)
    else:
        width = {"date32[day]": pa.int32(), "int32": pa.int32()}.get(str(kind), pa.int64())
        for piece in pieces:
            digest.update(np.ascontiguousarray(piece.view(width).to_numpy(zero_copy_only=False)).data)


def _text(array: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return np.diff(bounds), text[bounds[0] : bounds[-1]]
