"""
Card numbers in typed columns: of a Parquet file that came in, and of the lake's files.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.errors import BadInput
from tieout.formats._number_texts import is_numeric, number_texts
from tieout.intake.card_numbers import OTHER_NUMBER

if TYPE_CHECKING:
    from tieout.intake.redaction import Mask

__all__ = ["copy_parquet", "masked_column"]


def copy_parquet(file: BinaryIO, copy: IO[bytes], mask: Mask) -> None:
    """Copy a Parquet file with the columns of text masked."""
    try:
        with pq.ParquetFile(file) as source:
            numbers = _numbers_of_cards(source, mask)
            fields = [
                pa.field(each.name, pa.string()) if n in numbers else each for n, each in enumerate(source.schema_arrow)
            ]
            with pq.ParquetWriter(copy, schema := pa.schema(fields)) as target:
                for batch in source.iter_batches():
                    given = [number_texts(c) if n in numbers else c for n, c in enumerate(batch.columns)]
                    target.write_batch(pa.record_batch([masked_column(c, mask) for c in given], schema=schema))
    except pa.ArrowException as error:
        raise BadInput(str(error)) from error


def _numbers_of_cards(source: pq.ParquetFile, mask: Mask) -> set[int]:
    """Find the columns of numbers in which a card number stands: masked, they are texts."""
    places = [n for n, field in enumerate(source.schema_arrow) if is_numeric(field.type)]
    found = set()
    for batch in source.iter_batches():
        for n in places:
            texts = number_texts(batch.column(n)) if n not in found else None
            if texts is not None and not texts.equals(masked_column(texts, mask)):
                found.add(n)
    return found


def masked_column(column: pa.Array, mask: Mask) -> pa.Array:
    """Mask a column of texts or bytes, or of lists and structures of them; any other stays as it is."""
    if pa.types.is_struct(column.type):
        parts = column.flatten()
        masked = [masked_column(part, mask) for part in parts]
        if all(one is other for one, other in zip(masked, parts, strict=True)):
            return column
        return pa.StructArray.from_arrays(masked, fields=list(column.type), mask=column.is_null())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        texts = masked_column(column.values, mask)
        if texts is column.values:
            return column
        absent = column.is_null() if column.null_count else None
        return type(column).from_arrays(column.offsets, texts, mask=absent)
    if pa.types.is_dictionary(column.type):
        words = _masked_texts(column.dictionary, mask)
        return column if words is column.dictionary else pa.DictionaryArray.from_arrays(column.indices, words)
    return _masked_texts(column, mask)


def _masked_texts(column: pa.Array, mask: Mask) -> pa.Array:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if not any(is_one(column.type) for is_one in kinds):
        return column
    if not pc.any(pc.match_substring_regex(column, OTHER_NUMBER)).as_py():
        return column
    written = [value and mask(value) for value in column.cast(pa.large_binary()).to_pylist()]
    return pa.array(written, pa.large_binary()).cast(column.type)
