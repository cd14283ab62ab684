"""
The lake as SQL: what stands now, over the files that the book names.

Each function gives a relation in parentheses, to be put behind ``from``; an empty table is a relation without rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tieout.model.kinds import PAID_OUT
from tieout.store.engine import paths
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pyarrow as pa

    from tieout.store.lake import Lake, LakeFile

__all__ = [
    "Registers",
    "bank_own_sql",
    "current_records",
    "entry_name_sql",
    "measured_sql",
    "rows_among",
    "sql_types",
    "sweep_sql",
    "table",
    "unnamed_entry_sql",
    "whole_entry_sql",
]


class Registers(Protocol):
    """What lets queries read a table under a name: a DuckDB connection, or an engine that matches."""

    def register(self, name: str, table: pa.Table, /) -> Any:
        """Let queries read a table under a name."""


# Tables with columns that files of earlier versions lack.
_GROWN = frozenset({"balances"})
# So many rows are told by their numbers, by which the engine leaves out groups of rows.
_FEW = 1_000
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


# Bank transaction codes of moves between accounts of one owner, as a word of what a format writes (CAMT-ACCB-SWEP,
# NTRF+833+2): ISO 20022's families and subfamilies, SWIFT's cash management types, the German GVC.
_SWEEPS = r"(^|[^A-Z0-9])(ACCB|CAPL|ZABA|SWEP|TOPG|[FNS]?CM[STZ]|(GVC)?833)($|[^A-Z0-9])"
# Of a bank's charges and interest, as camt and MT940 write them; those for which ``accounting/standard.toml`` has postings.
_BANKS_OWN = "(-CHRG|-FEES|-COMM|CHG|-INTR|INT)$"


def sweep_sql(code: str) -> str:
    """Write whether a bank's code says that money was moved between accounts of one owner."""
    return f"regexp_matches(upper({code}), '{_SWEEPS}')"


def bank_own_sql(code: str) -> str:
    """Write whether a bank's code says that it charged something, or paid or took interest."""
    return f"regexp_matches({code}, '{_BANKS_OWN}')"


def unnamed_entry_sql(entry: str) -> str:
    """
    Write by what a bank's entry is known to the transactions inside it where it has no reference; else null.

    Formats name it for them by what it says (``parent_external_id``): its day, amount and currency come last.
    """
    day = f"coalesce(cast({entry}.booked_on as varchar), '')"
    said = f"'|' || {day} || '|' || cast({entry}.amount as varchar) || '|' || {entry}.currency"
    return f"case when {entry}.external_id is null then {said} end"


def whole_entry_sql(detail: str) -> str:
    """Write how a transaction calls an entry without a reference that it is inside of; empty where that has one."""
    return f"regexp_extract({detail}.parent_external_id, '[|][^|]*[|][^|]*[|][^|]*$', 0)"


def entry_name_sql(record: str) -> str:
    """Write what an entry without a reference and the transactions inside it have in common; null or empty for others."""
    return f"""case when {record}.kind = 'bank_entry' then {unnamed_entry_sql(record)}
        when {record}.kind = 'bank_detail' then {whole_entry_sql(record)} end"""


def measured_sql(claim: str, record: str) -> str:
    """Write what a claim measures of a record (``measures_net``); ``claim`` is SQL, ``record`` an alias."""
    paid_out = ", ".join(f"'{kind}'" for kind in PAID_OUT)
    return (
        f"case when {claim} = 'settlement' and {record}.kind not in ({paid_out})"
        f" then coalesce({record}.net, {record}.amount) else {record}.amount end"
    )


def table(lake: Lake, name: str, files: Sequence[LakeFile], *, places: bool = False) -> str:
    """
    Give a lake table as a relation.

    :param places: with columns ``filename`` and ``file_row_number``.
    """
    if not files:
        return _empty(table_schema(name), places=places)
    options = ", filename = true, file_row_number = true" if places else ""
    listed = paths([lake.full(file.path) for file in files])
    rows = f"select * from read_parquet({listed}{options}, union_by_name = true)"
    return (
        f"({rows} union all by name select * from {_empty(table_schema(name), places=places)})"
        if name in _GROWN
        else f"({rows})"
    )


def current_records(
    lake: Lake, records: Sequence[LakeFile], superseded: Sequence[LakeFile], *, among: str | None = None
) -> str:
    """
    Give the records that stand: of each the newest version, without what was withdrawn or superseded.

    :param among: a relation of the places that are asked for, by filename and row; None: all.
    """
    everything = table(lake, "records", records, places=among is not None)
    if among is not None:
        placed = f"{everything} r semi join {among} p on p.filename = r.filename and p.row = r.file_row_number"
        everything = f"(select * exclude (filename, file_row_number) from {placed})"
    if not superseded:
        return everything
    gone = table(lake, "superseded", superseded)
    return (
        f"(select * from {everything} r anti join {gone} s"
        " on r.record_key = s.record_key and r.record_id = s.record_id and r.version = s.version)"
    )


def rows_among(con: duckdb.DuckDBPyConnection, files: Sequence[str], condition: str) -> str:
    """
    Give the rows of files in which a condition on a few columns holds, with ``filename``, as a relation.

    Looked for first in those columns alone: files, and groups of rows, that have none are not read.

    :param files: paths of Parquet files of one table, at least one.
    :param condition: over a row ``r``.
    """
    options = "filename = true, file_row_number = true, union_by_name = true"
    found = con.execute(
        f"""select r.filename, count(*), list(r.file_row_number)[:{_FEW}] from read_parquet({paths(list(files))}, {options}) r
            where {condition} group by r.filename order by r.filename"""
    ).fetchall()
    few = sum(count for _, count, _ in found) <= _FEW
    named = [path for path, _, _ in found] or list(files[:1])
    numbers = sorted({row for _, _, rows in found for row in rows})
    within = f"r.file_row_number in ({', '.join(map(str, numbers))}) and " if few and numbers else ""
    within = within if found else "false and "
    return f"(select r.* exclude (file_row_number) from read_parquet({paths(named)}, {options}) r where {within}({condition}))"


def sql_types(schema: pa.Schema) -> dict[str, str]:
    """Give DuckDB's type of every column of a lake table."""
    return {field.name: _SQL_TYPES[str(field.type)] for field in schema}


def _empty(schema: pa.Schema, *, places: bool) -> str:
    columns = [f'null::{kind} as "{name}"' for name, kind in sql_types(schema).items()]
    if places:
        columns += ["null::varchar as filename", "null::bigint as file_row_number"]
    return f"(select {', '.join(columns)} where false)"
