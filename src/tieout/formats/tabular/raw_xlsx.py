"""
XLSX workbooks: one sheet, read row by row; cells as text the way the sheet shows them.

Numbers are shown with at most 15 significant digits and no exponent, as spreadsheet programs do, dates as ISO.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import openpyxl
import pyarrow as pa

from tieout.formats.tabular.mapping import FIND_HEADER
from tieout.formats.tabular.names import Names, clean_name
from tieout.formats.tabular.raw import COLUMNS_MAX, RawBatch, RawTable, Unreadable, cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["UNPACKED_BYTES_MAX", "open_xlsx"]

#: How large a workbook may become when unpacked, and its table of texts, which is held in memory.
UNPACKED_BYTES_MAX, TEXTS_BYTES_MAX = 2 * 2**30, 256 * 2**20
_ROWS_AT_ONCE = 10_000
_SEARCHED_ROWS = 100
_DIGITS_SHOWN = 15

Row = tuple[int, tuple[str | None, ...]]


def open_xlsx(stream: BinaryIO, shape: Mapping) -> RawTable:
    """
    Open a workbook; the stream must be seekable.

    :raises Unreadable: it is none, is too large, or lacks the sheet or the header.
    """
    _check_size(stream)
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # noqa: BLE001 - openpyxl lets through whatever a broken file makes it raise
        message = f"expected an XLSX workbook, got one that cannot be opened ({type(error).__name__})"
        raise Unreadable(message) from None
    if not book.sheetnames or (shape.sheet and shape.sheet not in book.sheetnames):
        message = f"expected a sheet {shape.sheet or ''!r}, got {', '.join(book.sheetnames[:20]) or 'none'}"
        raise Unreadable(message)
    sheet = book[shape.sheet or book.sheetnames[0]]
    if not hasattr(sheet, "reset_dimensions"):
        message = f"expected a sheet of cells, got {sheet.title!r}, which is a chart"
        raise Unreadable(message)
    sheet.reset_dimensions()
    rows = _rows(sheet, shape.dialect.decimal)
    header = shape.columns
    if shape.dialect.header:
        header = _header(rows, shape)
    else:
        for _ in islice(rows, shape.dialect.skip_rows):
            pass
    return RawTable(header, partial(_pieces, rows, len(header), shape.skip_footer))


def _check_size(stream: BinaryIO) -> None:
    """Refuse what is no zip file, or would not fit when unpacked (by what its directory says)."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        message = "expected an XLSX workbook, got a file that is none"
        raise Unreadable(message) from None
    texts = sum(member.file_size for member in members if "sharedstrings" in member.filename.lower())
    whole = sum(member.file_size for member in members)
    if whole > UNPACKED_BYTES_MAX or texts > TEXTS_BYTES_MAX:
        message = f"expected a workbook of at most {UNPACKED_BYTES_MAX} bytes unpacked, got {whole} ({texts} of texts)"
        raise Unreadable(message)
    stream.seek(0)


def _rows(sheet: Any, decimal: str) -> Iterator[Row]:
    """Give the rows that hold something, with their numbers."""
    rows = iter(sheet.iter_rows(values_only=True))
    number = 0
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as above
            message = f"line {number}: expected a row of a sheet, got what cannot be read ({type(error).__name__})"
            raise Unreadable(message, number) from None
        if len(cells) > COLUMNS_MAX:
            message = f"line {number}: expected at most {COLUMNS_MAX} columns, got {len(cells)}"
            raise Unreadable(message, number)
        shown = tuple(_shown(cell, decimal) for cell in cells)
        if any(shown):
            yield number, shown


def _shown(cell: object, decimal: str) -> str | None:
    """Write a cell as the sheet shows it; a number with the sign that the mapping reads as the decimal one."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _plain(f"{cell:.{_DIGITS_SHOWN}g}").replace(".", decimal)
    if isinstance(cell, dt.datetime):
        at_midnight = cell.time() == dt.time()
        return cell.date().isoformat() if at_midnight else cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)


def _plain(number: str) -> str:
    """Write a number without an exponent."""
    return format(Decimal(number), "f") if "e" in number else number


def _header(rows: Iterator[Row], shape: Mapping) -> tuple[str, ...]:
    """Read up to the header row, and clean its names."""
    wanted = shape.header_row or (shape.dialect.skip_rows + 1 if shape.header_row is None else 0)
    for number, cells in islice(rows, _SEARCHED_ROWS if shape.header_row == FIND_HEADER else None):
        names = tuple(clean_name(cell or "") for cell in cells)
        if shape.header_row == FIND_HEADER:
            known = Names(names)
            if not all(known.has(name) for name in shape.identify):
                continue
        elif number < wanted:
            continue
        while names and not names[-1]:
            names = names[:-1]
        return names
    asked = ", ".join(shape.identify) if shape.header_row == FIND_HEADER else f"in row {wanted}"
    message = f"expected a header row ({asked}), got none"
    raise Unreadable(message)


def _pieces(rows: Iterator[Row], width: int, footer: int, used: frozenset[int]) -> Iterator[Callable[[], RawBatch]]:
    held: list[Row] = []
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        held += batch
        ready, held = held[: len(held) - footer], held[max(len(held) - footer, 0) :]
        if ready:
            yield partial(_parsed, ready, width, used)


def _parsed(rows: list[Row], width: int, used: frozenset[int]) -> RawBatch:
    columns = {"line": pa.array(np.array([number for number, _ in rows], np.int64))}
    for n in sorted(used):
        values = [cells[n] if n < min(len(cells), width) else None for _, cells in rows]
        columns[f"c{n}"] = cleaned(pa.array(values, pa.string()))
    return RawBatch(pa.table(columns))
