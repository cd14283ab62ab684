"""
A table as a file holds it: a header, and pieces that become Arrow tables of text.

Every kind of file has a ``raw_NAME`` module with one ``open_NAME(stream, shape)`` function that gives a
:class:`RawTable`. Its pieces are calls: the main thread cuts the stream, worker threads parse what was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.errors import BadInput
from tieout.model.problems import Problem
from tieout.model.texts import storable, unstorable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from tieout.formats.tabular.typed import Kind

__all__ = [
    "COLUMNS_MAX",
    "Outside",
    "RawBatch",
    "RawTable",
    "Unreadable",
    "batch_of",
    "cleaned",
    "row_problem",
    "shortened",
]

#: The most columns of a file.
COLUMNS_MAX = 4_096
_BLANKS = " \t\r\n\u00a0\u2007\u202f\u3000\ufeff"
_BLANK, _ASCII_MAX = 0x20, 0x7F
_NUL = re.compile(b"\\0")


class Unreadable(BadInput):
    """
    The file cannot be read on.

    :ivar line: where, from 1.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        """Keep the place beside the sentence."""
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class RawBatch:
    """
    Rows of a file.

    :ivar table: ``line`` (int64) and ``c0, c1, ...``, text without surrounding blanks, NULL when empty.
    :ivar problems: one for each row that could not even be cut into columns.
    :ivar skipped: rows without any value.
    """

    table: pa.Table
    problems: Sequence[Problem] = ()
    skipped: int = 0


@dataclass(slots=True)
class Outside:
    """
    What of a file stands in no row that could be cut: before the header, behind the last row, in rows at fault.

    :ivar texts: with the lines where they begin.
    :ivar footer: how many rows at the end were left out, as ``skip_footer`` asks.
    """

    texts: list[tuple[int, str]] = field(default_factory=list)
    footer: int = 0

    def note(self, line: int, text: bytes, *, footer: bool = False) -> None:
        """Keep a text; a blank one is none."""
        if text.strip():
            self.texts.append((line, text.decode("utf-8", "replace")))
            self.footer += footer


@dataclass(slots=True)
class RawTable:
    """
    A file opened: its column names, and its rows piece by piece.

    :ivar kinds: the types of the columns; None: all text.
    :ivar pieces: takes the positions of the columns that are read, and of those that are only looked through (where a
        value of theirs is no text, no row is at fault), gives the calls that parse.
    :ivar more: opens it with further columns that its rows may have, although the first ones have none of them; None
        where the header says all.
    :ivar absent: of those further columns, the ones that no row had yet, by what was parsed so far.
    :ivar outside: what stands in no row, by what was parsed so far.
    """

    header: tuple[str, ...]
    pieces: Callable[[frozenset[int], frozenset[int]], Iterable[Callable[[], RawBatch]]]
    kinds: tuple[Kind, ...] | None = None
    more: Callable[[tuple[str, ...]], RawTable] | None = None
    absent: set[str] = field(default_factory=set)
    outside: Outside = field(default_factory=Outside)


def shortened(text: str, most: int = 80) -> str:
    """Cut a text for a message."""
    return text if len(text) <= most else text[:most] + "..."


def row_problem(line: int, message: str, column: str | None = None) -> Problem:
    """Make the problem that quarantines one row."""
    return Problem(message=message, severity="row", line=line, column=column)


def batch_of(
    header: Sequence[str],
    lines: Sequence[int],
    values: Mapping[int, Sequence[str | bytes | None] | pa.Array],
    problems: Sequence[Problem] = (),
    beside: frozenset[int] = frozenset(),
) -> RawBatch:
    """
    Make a batch of columns; rows with a value that is no text, or none that can be kept, become problems.

    :param lines: the line of each row; ``values``: by its position in the header, each column: texts (bytes are UTF-8), or
        an Arrow column of any type.
    :param beside: positions of columns that nobody reads: what is no text there stays as far as it is one.
    """
    faults: dict[int, Problem] = {}
    columns: dict[str, pa.Array] = {"line": pa.array(np.array(lines, np.int64))}
    for n, column in values.items():
        if n in beside:
            columns[f"c{n}"] = _readable(column)
            continue
        columns[f"c{n}"], refused = _kept(column)
        for row, got in refused.items():
            message = f"line {lines[row]}, column {header[n]}: expected text in UTF-8, got {got}"
            faults.setdefault(row, row_problem(lines[row], message, header[n]))
    table = pa.table(columns)
    if faults:
        good = np.ones(len(lines), np.bool_)
        good[list(faults)] = False
        table = table.filter(pa.array(good))
        problems = sorted([*problems, *faults.values()], key=lambda problem: problem.line or 0)
    texts = (name for name in table.column_names if pa.types.is_string(table[name].type))
    return RawBatch(
        pa.table(
            dict(zip(table.column_names, table.columns, strict=True)) | {name: cleaned(table[name]) for name in texts}
        ),
        problems,
    )


def _kept(column: Sequence[str | bytes | None] | pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Give a column as Arrow keeps it, and by row what came where no text can be kept (no value stands there)."""
    if isinstance(column, pa.Array) and not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        return column, {}
    try:
        array = column if isinstance(column, pa.Array) else pa.array(column, pa.string())
        array = array.cast(pa.string())
        array.validate(full=True)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return _sorted_out(column)
    text = array.buffers()[2]
    return _sorted_out(array) if text is not None and _NUL.search(text) else (array, {})


def _readable(column: Sequence[str | bytes | None] | pa.Array) -> pa.Array:
    """Give a column as Arrow keeps it, with a sign in the place of each that cannot be kept."""
    array, refused = _kept(column)
    if not refused:
        return array
    values = column.view(pa.binary()).to_pylist() if isinstance(column, pa.Array) else column
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    return pa.array([text if text is None else storable(text) for text in texts], pa.string())


def _sorted_out(column: Sequence[str | bytes | None] | pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Look at every value."""
    if isinstance(column, pa.Array):
        column = column.view(pa.binary()).to_pylist()
    kept, refused = list[str | None](), dict[int, str]()
    for row, value in enumerate(column):
        try:
            text = value.decode() if isinstance(value, bytes) else value
            got = unstorable(text) if text is not None else None
        except UnicodeDecodeError as error:
            text, got = None, f"a byte that is none at byte {error.start + 1}"
        if got is not None:
            refused[row] = got
        kept.append(None if got else text)
    return pa.array(kept, pa.string()), refused


def cleaned(column: pa.Array) -> pa.Array:
    """Strip blanks from the values of a text column, and make empty ones NULL; cheap where there are none."""
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([cleaned(chunk) for chunk in column.chunks], type=pa.string())
    if _maybe_blank(column):
        column = pc.utf8_trim(column, characters=_BLANKS)
        column = pc.if_else(pc.equal(column, ""), None, column)
    return column


def _maybe_blank(column: pa.Array) -> bool:
    """Whether a value may be empty, or begin or end with a blank, by its first and last byte."""
    _, offsets_buffer, data_buffer = column.buffers()
    if len(column) == 0 or data_buffer is None:
        return bool(len(column) > column.null_count)
    offsets = np.frombuffer(offsets_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    starts, ends = offsets[:-1], offsets[1:]
    filled = ends > starts
    empty = len(column) - int(np.count_nonzero(filled))
    if empty > column.null_count:
        return True
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    if not _odd(data):  # identifiers, amounts, days: nothing in the whole column that could be a blank
        return False
    if empty:
        starts, ends = starts[filled], ends[filled]
    return any(_odd(data.take(edge - offsets[0])) for edge in (starts, ends - 1))


def _odd(text: npt.NDArray[np.uint8]) -> bool:
    """Whether a byte may be a blank, or part of one: those beyond ASCII are rare and looked at more slowly."""
    return bool(len(text)) and (int(text.min()) <= _BLANK or int(text.max()) > _ASCII_MAX)
