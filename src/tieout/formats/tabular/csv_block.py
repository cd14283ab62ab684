"""
One block of whole records of delimited text as an Arrow table of text, each row with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from tieout.formats.tabular.raw import Outside, RawBatch, cleaned, row_problem, shortened
from tieout.formats.tabular.records_in_text import Marks, marks_of

if TYPE_CHECKING:
    from tieout.model.problems import Problem

__all__ = ["Block", "parsed"]

_HIGH = 0x80


@dataclass(frozen=True, slots=True)
class Block:
    """
    Whole records.

    :ivar line: the line in the file where it starts; ``newlines``: how many line ends it holds.
    :ivar width: how many columns a record must have.
    :ivar used: positions of the columns to keep.
    :ivar outside: takes the records that cannot be cut into columns.
    """

    data: bytes
    line: int
    newlines: int
    width: int
    delimiter: str
    quote: str
    used: frozenset[int]
    outside: Outside = field(default_factory=Outside)


def parsed(block: Block) -> RawBatch:
    """Parse a block; records that do not fit become problems."""
    if _plain(block.data) and not _has_stray_quotes(block):
        table, refused = _arrow(block)
        if not refused:
            lines = _lines(block, table.num_rows)
            if lines is not None:
                return RawBatch(_with_lines(table, lines))
    return _repaired(block)


def _plain(data: bytes) -> bool:
    """Whether the block is UTF-8 without NUL bytes."""
    if b"\0" in data:
        return False
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_stray_quotes(block: Block) -> bool:
    """Whether text stands behind a quote that closes: Arrow would take both for one value."""
    quote, delimiter = block.quote.encode(), re.escape(block.delimiter.encode())
    if not quote or quote not in block.data:
        return False
    # Of the few quotes with text on both sides, most are within values.
    suspect = re.search(rb"[^%b\n]%b[^%b\n%b]" % (delimiter, re.escape(quote), delimiter, re.escape(quote)), block.data)
    return suspect is not None and bool(len(marks_of(block.data, block.quote, block.delimiter).stray))


def _arrow(block: Block) -> tuple[pa.Table, int]:
    """Parse with Arrow; give the table and how many records had another number of columns."""
    names = [f"c{n}" for n in range(block.width)]
    kept = [names[n] for n in sorted(block.used)] or names[:1]
    refused = [0]

    def refuse(_row: object) -> str:
        refused[0] += 1
        return "skip"

    try:
        table = pc.read_csv(
            pa.BufferReader(block.data),
            # One block of Arrow's: what it gives is one piece of memory, and no record can be too long.
            read_options=pc.ReadOptions(use_threads=False, block_size=len(block.data) + 1, column_names=names),
            parse_options=pc.ParseOptions(
                delimiter=block.delimiter,
                quote_char=block.quote or False,
                newlines_in_values=bool(block.quote) and block.quote.encode() in block.data,
                invalid_row_handler=refuse,
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=kept,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return _empty(kept), 1
    return table, refused[0]


def _empty(names: list[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in names})


def _with_lines(table: pa.Table, lines: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    columns = {name: cleaned(table.column(name)) for name in table.column_names}
    return pa.table({"line": pa.array(lines, pa.int64()), **columns})


def _lines(block: Block, rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """The line of every row; None where Arrow's idea of the records is not ours."""
    quote = block.quote.encode()
    odd_quotes = bool(quote) and quote in block.data and block.data.count(quote) % 2 == 1
    if rows == block.newlines and not odd_quotes:
        return np.arange(block.line, block.line + rows)
    marks = marks_of(block.data, block.quote, block.delimiter)
    starts = _starts(marks)
    filled = starts < marks.ends
    if marks.open_quote is not None or int(filled.sum()) != rows:
        return None
    return block.line + np.searchsorted(marks.newlines, starts[filled])


def _starts(marks: Marks) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate([np.zeros(min(1, len(marks.ends)), np.int64), marks.ends[:-1] + 1])


@dataclass(slots=True)
class _Sorting:
    """What becomes of the records of a block that needs a closer look."""

    good: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _repaired(block: Block) -> RawBatch:
    """Look at every record: keep what has the right columns, make problems of the rest."""
    marks = marks_of(block.data, block.quote, block.delimiter)
    starts, found = _starts(marks), _Sorting()
    array = np.frombuffer(block.data, np.uint8)
    delimiters = marks.outside(np.flatnonzero(array == ord(block.delimiter)))
    widths = np.diff(np.searchsorted(delimiters, np.concatenate([starts[:1], marks.ends]))) + 1
    suspects = np.searchsorted(marks.ends, np.flatnonzero((array == 0) | (array >= _HIGH)))
    stray = set(np.searchsorted(marks.ends, marks.stray).tolist())
    closer = set(np.flatnonzero(widths != block.width).tolist()) | set(np.unique(suspects).tolist()) | stray
    first_lines = (block.line + np.searchsorted(marks.newlines, starts)).tolist()
    for n, (start, end) in enumerate(zip(starts.tolist(), marks.ends.tolist(), strict=True)):
        record = block.data[start:end]
        if n in closer:
            kept = _looked_at(block, record, int(widths[n]), first_lines[n], found.problems)
            if kept is not None and n in stray:
                place = int(marks.stray[np.searchsorted(marks.stray, start)]) - start
                found.problems.append(_stray_quote(block, record, place, first_lines[n]))
                kept = None
            if kept is None:
                block.outside.note(first_lines[n], record)
                continue
            record = kept
        if record:
            found.good.append(record)
            found.lines.append(first_lines[n])
    _tail(block, marks, found.problems)
    return _reparsed(block, found)


def _looked_at(block: Block, record: bytes, width: int, line: int, problems: list[Problem]) -> bytes | None:
    """Give the record if it can be kept (surplus empty columns are dropped), else note why not."""
    if not record.strip():
        return None
    if b"\0" in record:
        problems.append(row_problem(line, f"line {line}: expected text, got a NUL byte"))
        return None
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        problems.append(
            row_problem(
                line,
                f"line {line}: expected text in the file's encoding, got a byte that is none at byte"
                f" {error.start + 1} of the row",
            )
        )
        return None
    surplus = width - block.width
    delimiter = block.delimiter.encode()
    if surplus > 0 and record.endswith(delimiter * surplus):
        return record[:-surplus]
    if surplus:
        message = f"line {line}: expected {block.width} columns, got {width}: {shortened(text)!r}"
        problems.append(row_problem(line, message))
        return None
    return record


def _stray_quote(block: Block, record: bytes, place: int, line: int) -> Problem:
    """Say that text stands behind a closing quote; in the middle of a text, a quote is written twice."""
    behind = shortened(record[place + 1 :].decode(), 20)
    message = (
        f"line {line}: expected {block.delimiter!r} or the end of the line behind a closing quote (one within a text is"
        f" written twice), got {behind!r}"
    )
    return row_problem(line, message)


def _tail(block: Block, marks: Marks, problems: list[Problem]) -> None:
    """Note what follows the last record end: a quote that opens and never closes."""
    rest = block.data[int(marks.ends[-1]) + 1 if len(marks.ends) else 0 :]
    if rest.strip():
        line = block.line + block.data.count(b"\n", 0, len(block.data) - len(rest))
        block.outside.note(line, rest)
        opened = block.line + block.data.count(b"\n", 0, marks.open_quote or 0)
        text = shortened(rest.decode("utf-8", "replace"))
        message = f"line {line}: expected a closing quote, got the end of the file (opened in line {opened}): {text!r}"
        problems.append(row_problem(line, message))


def _reparsed(block: Block, found: _Sorting) -> RawBatch:
    """Parse the records that are left; if Arrow still cuts them otherwise, each is a problem."""
    good = replace(block, data=b"".join(record + b"\n" for record in found.good))
    table, refused = _arrow(good) if found.good else (_empty([f"c{n}" for n in sorted(block.used)]), 0)
    if refused or table.num_rows != len(found.good):
        for line, record in zip(found.lines, found.good, strict=True):
            block.outside.note(line, record)
            text = shortened(record.decode("utf-8", "replace"))
            found.problems.append(row_problem(line, f"line {line}: expected {block.width} columns, got {text!r}"))
        table, found.lines = _empty([f"c{n}" for n in sorted(block.used)]), []
    found.problems.sort(key=lambda problem: problem.line or 0)
    return RawBatch(_with_lines(table, np.array(found.lines, np.int64)), found.problems)
