"""
The canonical table made of what the projection gives and what is the same in every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.model.records import stated_schema

if TYPE_CHECKING:
    from tieout.formats.tabular.projection import Compiled

__all__ = ["Assembler"]


class Assembler:
    """
    Puts the columns of the canonical record together.

    Columns that never change are made once, as long as the longest piece, and shared between the pieces.
    """

    def __init__(self, compiled: Compiled) -> None:
        """Take the columns that are the same in every row."""
        self._constants = compiled.constants
        self._made: dict[str, pa.Array] = {}

    def assemble(self, table: pa.Table) -> pa.Table:
        """Give the table with exactly the columns and types of ``stated_schema``."""
        given = set(table.column_names)
        columns = [
            _typed(table.column(field.name), field.type) if field.name in given else self._same(field, table.num_rows)
            for field in stated_schema()
        ]
        return pa.table(columns, schema=stated_schema())

    def _same(self, field: pa.Field, rows: int) -> pa.Array:
        made = self._made.get(field.name)
        if made is None or len(made) < rows:
            value = self._constants.get(field.name)
            # pa.scalar of a list needs its type; nulls() shares one zeroed buffer.
            most = 1 << max(rows - 1, 1).bit_length()
            made = pa.nulls(most, field.type) if value is None else pa.repeat(pa.scalar(value, field.type), most)
            self._made[field.name] = made
        return made.slice(0, rows)


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)
