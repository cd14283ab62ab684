"""
The lake as SQL: what stands now, over the files that the book names.

Each function gives a relation in parentheses, to be put behind ``from``; an empty table is a relation without rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.store.engine import paths
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tieout.store.lake import Lake, LakeFile

__all__ = ["current_records", "sql_types", "table"]

_SQL_TYPES = {
    "string": "varchar",
    "int64": "bigint",
    "int32": "integer",
    "bool": "boolean",
    "fixed_size_binary[16]": "blob",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamptz",
    "list<item: string>": "varchar[]",
    "list<element: string>": "varchar[]",
    "list<item: int64>": "bigint[]",
    "list<element: int64>": "bigint[]",
    "list<item: fixed_size_binary[16]>": "blob[]",
    "list<element: fixed_size_binary[16]>": "blob[]",
}


def table(lake: Lake, name: str, files: Sequence[LakeFile], *, places: bool = False) -> str:
    """
    Give a lake table as a relation.

    :param places: with columns ``filename`` and ``file_row_number``.
    """
    if not files:
        return _empty(table_schema(name), places=places)
    options = ", filename = true, file_row_number = true" if places else ""
    listed = paths([lake.full(file.path) for file in files])
    return f"(select * from read_parquet({listed}{options}, union_by_name = true))"


def current_records(lake: Lake, records: Sequence[LakeFile], superseded: Sequence[LakeFile]) -> str:
    """Give the records that stand: of each the newest version, without what was withdrawn or superseded."""
    everything = table(lake, "records", records)
    if not superseded:
        return everything
    gone = table(lake, "superseded", superseded)
    return (
        f"(select * from {everything} r anti join {gone} s"
        " on r.record_key = s.record_key and r.record_id = s.record_id and r.version = s.version)"
    )


def sql_types(schema: pa.Schema) -> dict[str, str]:
    """Give DuckDB's type of every column of a lake table."""
    return {field.name: _SQL_TYPES[str(field.type)] for field in schema}


def _empty(schema: pa.Schema, *, places: bool) -> str:
    columns = [f'null::{kind} as "{name}"' for name, kind in sql_types(schema).items()]
    if places:
        columns += ["null::varchar as filename", "null::bigint as file_row_number"]
    return f"(select {', '.join(columns)} where false)"
