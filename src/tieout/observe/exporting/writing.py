"""
Writing the rows of a query to a file: CSV, Parquet, JSON Lines or a workbook, by the file's ending.

The rows never pass through Python one by one, except into a workbook, which holds few. A file appears whole or not
at all.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.accounting.daily_rates import RATE_DECIMALS
from tieout.config import refuse_folder
from tieout.errors import WrongUse
from tieout.model.money import EXPONENT_MAX
from tieout.store.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

    from tieout.observe.exporting.exported import Column

__all__ = [
    "ENDINGS",
    "WORKBOOK_ROWS_MAX",
    "ending_of",
    "literal",
    "value_sql",
    "with_exponents",
    "write_query",
]

#: The kinds of file that can be written.
ENDINGS = ("csv", "parquet", "jsonl", "xlsx")
#: A sheet has 1,048,576 rows, and the first holds the headings.
WORKBOOK_ROWS_MAX = 1_048_575
#: The most characters of one cell of a sheet.
CELL_MAX = 32_767
_AT_ONCE = 5_000
#: How many decimals a column of decimal text has in a file of types.
_DECIMALS = {"decimal": EXPONENT_MAX, "rate": RATE_DECIMALS}
# Characters that XML, and so a workbook, cannot hold.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def ending_of(path: Path) -> str:
    """
    Say which kind of file a name asks for.

    :raises WrongUse: the ending is none of :data:`ENDINGS`.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in ENDINGS:
        message = f"expected a file that ends in {', '.join('.' + e for e in ENDINGS)}, got {path.name!r}"
        raise WrongUse(message)
    return ending


def literal(text: str) -> str:
    """Write a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def value_sql(column: Column, ending: str) -> str:  # noqa: PLR0911 - one line for each kind of column
    """Write the expression that gives a column's values as they stand in a file of that kind."""
    sql, as_text = column.sql, ending in ("csv", "xlsx")
    if column.kind == "amount":
        return f"{'decimal_value' if ending == 'parquet' else 'decimal_text'}({sql}, {column.exponent})"
    if column.kind in _DECIMALS and ending == "parquet":
        return f"({sql})::decimal(38, {_DECIMALS[column.kind]})"
    if column.kind == "moment" and ending != "parquet":
        whole = f"strftime({sql}, '%Y-%m-%dT%H:%M:%SZ')"
        return f"case when epoch_us({sql}) % 1000000 = 0 then {whole} else strftime({sql}, '%Y-%m-%dT%H:%M:%S.%fZ') end"
    if column.kind == "day" and as_text:
        return f"({sql})::varchar"
    if column.kind == "json" and ending == "jsonl":
        return f"case when json_valid({sql}) then ({sql})::json else to_json({sql}) end"
    if column.kind in ("text", "json") and as_text:
        # A cell that begins like a formula would be one when a spreadsheet opens the file.
        return f"case when left({sql}, 1) in ('=', '+', '-', '@', chr(9), chr(13)) then chr(39) || {sql} else {sql} end"
    return sql


def write_query(
    con: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    relation: str,
    order: str,
    path: Path,
    progress: Callable[[int, int], None] = lambda _rows, _of: None,
) -> int:
    """
    Write rows to a file, which appears whole or not at all, over one that was there before.

    :param relation: what stands behind ``from``, with alias ``t`` and its conditions.
    :param progress: hears how many rows of a workbook are written, of how many.
    :return: how many rows were written.
    :raises WrongUse: the folder cannot be written, or the rows do not fit a workbook.
    """
    ending = ending_of(path)
    relation, columns = with_exponents(relation, columns)
    selected = ", ".join(f'{value_sql(column, ending)} as "{column.name}"' for column in columns)
    query = f"select {selected} from {relation}{f' order by {order}' if order else ''}"
    with _whole_file(path) as draft:
        if ending == "xlsx":
            return _write_workbook(con, columns, relation, query, draft, progress)
        options = {
            "csv": "format csv, header true, delimiter ',', quote '\"', escape '\"'",
            "jsonl": "format json, array false",
            "parquet": "format parquet, compression zstd, row_group_size 122880",
        }[ending]
        return int(con.execute(f"copy ({query}) to {literal(str(draft))} ({options})").fetchall()[0][0])


def with_exponents(relation: str, columns: Sequence[Column]) -> tuple[str, list[Column]]:
    """Compute each exponent once, in front: an amount names its exponent ten times."""
    asked = dict.fromkeys(column.exponent for column in columns if column.kind == "amount")
    if not asked:
        return relation, list(columns)
    names = {sql: f"exponent_{number}" for number, sql in enumerate(asked)}
    added = ", ".join(f"{sql} as {name}" for sql, name in names.items())
    named = [
        replace(column, exponent=f"t.{names[column.exponent]}") if column.kind == "amount" else column
        for column in columns
    ]
    return f"(select t.*, {added} from {relation}) t", named


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside the file; the file gets its name when everything is written."""
    if not path.parent.is_dir():
        message = f"expected a folder that exists for {path}, got no folder {path.parent}"
        raise WrongUse(message)
    if path.is_dir():
        message = f"expected a file to write, got a folder: {path}"
        raise WrongUse(message)
    refuse_folder(path.parent.resolve())
    # The engine reads names as UTF-8; the file's own may be other bytes.
    draft = path.with_name(f".{path.name.encode('utf-8', 'backslashreplace').decode()}.partial")
    try:
        draft.touch()  # the engine's own words for a folder that cannot be written help nobody
        yield draft
        draft.replace(path)
    except OSError as error:
        message = f"expected a folder that can be written, got {error.strerror or error} ({path})"
        raise WrongUse(message) from None
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.resolve().parent)


def _write_workbook(
    con: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    relation: str,
    query: str,
    draft: Path,
    progress: Callable[[int, int], None],
) -> int:
    from openpyxl import Workbook

    rows = int(con.execute(f"select count(*) from {relation}").fetchall()[0][0])
    if rows > WORKBOOK_ROWS_MAX:
        message = f"expected at most {WORKBOOK_ROWS_MAX} rows for a workbook, got {rows}: write .csv or .parquet"
        raise WrongUse(message)
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("export")
    try:
        sheet.append([column.name for column in columns])
        result = con.execute(query)
        number = 1
        while part := result.fetchmany(_AT_ONCE):
            for row in part:
                number += 1
                sheet.append([_cell(value, number, column.name) for value, column in zip(row, columns, strict=True)])
            progress(number - 1, rows)
    finally:
        sheet.close()  # a sheet that is left open complains when it is forgotten
    workbook.save(draft)
    return rows


def _cell(value: object, row: int, name: str) -> object:
    """Make a value fit for a cell; what a workbook cannot hold is refused, never cut off."""
    if not isinstance(value, str):
        return value
    if len(value) > CELL_MAX:
        message = (
            f"expected at most {CELL_MAX} characters in a cell of a workbook, got {len(value)} in {name} of row {row}:"
            " write .csv, .jsonl or .parquet"
        )
        raise WrongUse(message)
    return _NOT_XML.sub("\ufffd", value)
