"""
XLSX workbooks: one sheet, read row by row; cells as text the way the sheet shows them.

Numbers are shown without exponent and without the noise of binary fractions, as spreadsheet programs do, dates as ISO.
A number with more digits than the cell keeps (an identifier written as a number, or so large an amount that its cents
are lost) sets its row aside: nobody can say what it was.
"""

from __future__ import annotations

import datetime as dt
import math
import zipfile
from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import openpyxl

from tieout.formats._number_texts import HOLDS_LONG
from tieout.formats.tabular.mapping import FIND_HEADER
from tieout.formats.tabular.names import Names, clean_name
from tieout.formats.tabular.raw import COLUMNS_MAX, Outside, RawBatch, RawTable, Unreadable, batch_of, row_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["UNPACKED_BYTES_MAX", "open_xlsx"]

#: How large a workbook may become when unpacked, and its table of texts, which is held in memory.
UNPACKED_BYTES_MAX, TEXTS_BYTES_MAX = 2 * 2**30, 256 * 2**20
_ROWS_AT_ONCE = 10_000
_SEARCHED_ROWS = 100
#: Binary fractions keep every number of so many digits; programs show no more, so that 0.1 + 0.2 is 0.3.
_DIGITS_SHOWN = 15
#: Whole numbers below are all kept; above, some are written as their neighbour.
_WHOLE_MAX = 2**53
#: What is finer than this is noise of a computation; what is not may be somebody's money.
_FINEST = Decimal("0.00005")
_CENT = Decimal("0.01")


class _Lost(str):
    """A number of which digits are lost, as it stands in its cell."""

    __slots__ = ()


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
    rows, outside = _rows(sheet, shape.dialect.decimal), Outside()
    header = shape.columns
    if shape.dialect.header:
        header = _header(rows, shape, outside)
    else:
        for row in islice(rows, shape.dialect.skip_rows):
            _note(outside, row)
    others = (each for each in book.worksheets if each.title != sheet.title and hasattr(each, "reset_dimensions"))
    beside = (row for each in others for row in _rows_of_another(each))
    return RawTable(header, partial(_pieces, rows, header, shape.skip_footer, outside, beside), outside=outside)


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


def _rows_of_another(sheet: Any) -> Iterator[Row]:
    """Give the rows of a sheet that nobody reads: a fault in it is nobody's."""
    sheet.reset_dimensions()
    with suppress(Unreadable):
        yield from _rows(sheet, ".")


def _shown(cell: object, decimal: str) -> str | None:
    """Write a cell as the sheet shows it; a number with the sign that the mapping reads as the decimal one."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        shown = _number(cell) if math.isfinite(cell) else str(cell)
        return type(shown)(shown.replace(".", decimal))
    if isinstance(cell, dt.datetime):
        at_midnight = cell.time() == dt.time()
        return cell.date().isoformat() if at_midnight else cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)


def _number(cell: float) -> str:
    """Write a number without an exponent, as exactly as its cell keeps it."""
    kept = Decimal(repr(cell))
    if cell.is_integer():
        return f"{int(cell)}" if abs(cell) < _WHOLE_MAX else _Lost(f"{kept:f}")
    shown = Decimal(f"{cell:.{_DIGITS_SHOWN}g}")
    written = shown if abs(shown - kept) < _FINEST else kept
    # Sixteen digits are kept too, where they are so few that the cell stands for no other number.
    few = len(written.as_tuple().digits) <= _DIGITS_SHOWN + 1
    return f"{written:f}" if few and _is_alone(written, cell) else _Lost(f"{kept:f}")


def _is_alone(written: Decimal, cell: float) -> bool:
    """Whether the next amounts with as many decimals, or a cent more or less, would be kept as other numbers."""
    step = min(Decimal(1).scaleb(int(written.as_tuple().exponent)), _CENT)
    return all(float(written + way * step) != cell for way in (1, -1))


def _note(outside: Outside, row: Row, *, footer: bool = False) -> None:
    outside.note(row[0], "\n".join(cell or "" for cell in row[1]).encode("utf-8", "replace"), footer=footer)


def _note_long(outside: Outside, row: Row, first: int = 0) -> None:
    """Keep the cells from one on that nobody reads and that hold a long number: there may be any number of others."""
    for cell in row[1][first:]:
        if cell is not None and HOLDS_LONG.search(cell):
            _note(outside, (row[0], (cell,)))


def _header(rows: Iterator[Row], shape: Mapping, outside: Outside) -> tuple[str, ...]:
    """Read up to the header row, and clean its names."""
    wanted = shape.header_row or (shape.dialect.skip_rows + 1 if shape.header_row is None else 0)
    for number, cells in islice(rows, _SEARCHED_ROWS if shape.header_row == FIND_HEADER else None):
        names = tuple(clean_name(cell or "") for cell in cells)
        if shape.header_row == FIND_HEADER:
            known = Names(names)
            if not all(known.has(name) for name in shape.identify):
                _note(outside, (number, cells))
                continue
        elif number < wanted:
            _note(outside, (number, cells))
            continue
        while names and not names[-1]:
            names = names[:-1]
        return names
    asked = ", ".join(shape.identify) if shape.header_row == FIND_HEADER else f"in row {wanted}"
    message = f"expected a header row ({asked}), got none"
    raise Unreadable(message)


def _pieces(
    rows: Iterator[Row],
    header: tuple[str, ...],
    footer: int,
    outside: Outside,
    others: Iterator[Row],
    used: frozenset[int],
    beside: frozenset[int],
) -> Iterator[Callable[[], RawBatch]]:
    held: list[Row] = []
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        for row in batch:
            _note_long(outside, row, len(header))
        held += batch
        ready, held = held[: len(held) - footer], held[max(len(held) - footer, 0) :]
        if ready:
            yield partial(_parsed, ready, header, used, beside)
    for row in held:
        _note(outside, row, footer=True)
    for row in others:
        _note_long(outside, row)


def _parsed(rows: list[Row], header: tuple[str, ...], used: frozenset[int], beside: frozenset[int]) -> RawBatch:
    width, problems = len(header), []
    lost: dict[int, tuple[str, str]] = {}
    for number, cells in rows:
        faulty = (n for n in sorted(used) if n < min(len(cells), width) and isinstance(cells[n], _Lost))
        if (n := next(faulty, None)) is not None:
            lost[number] = header[n], str(cells[n])
    for number, (column, text) in lost.items():
        message = (
            f"line {number}, column {column}: expected a number of at most {_DIGITS_SHOWN} digits, got {text}, which its cell"
            " does not keep to the last digit: format the column as text"
        )
        problems.append(row_problem(number, message, column))
    rows = [row for row in rows if row[0] not in lost] if lost else rows
    columns = {
        n: [cells[n] if n < min(len(cells), width) else None for _, cells in rows] for n in sorted(used | beside)
    }
    return batch_of(header, [number for number, _ in rows], columns, problems, beside)
