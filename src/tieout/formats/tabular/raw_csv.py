"""
CSV and TSV: cut at record ends here, parsed by Arrow, rows that do not fit explained.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from tieout.formats.tabular.csv_block import Block, parsed
from tieout.formats.tabular.mapping import FIND_HEADER
from tieout.formats.tabular.names import UNDECODED, Names, clean_name
from tieout.formats.tabular.raw import COLUMNS_MAX, Outside, RawBatch, RawTable, Unreadable
from tieout.formats.tabular.records_in_text import Places, marks_of
from tieout.formats.tabular.text_blocks import utf8_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["RECORD_BYTES_MAX", "open_csv"]

#: The longest record; a longer one is a quote that never closes, or no table.
RECORD_BYTES_MAX = 16 * 2**20
_SEARCHED_LINES = 100
_HEADER_BYTES_MAX = 2**20
# How Python writes a byte that is no text.
_STRAY = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class _Text:
    """What is left of a file: the text at hand, and the blocks to come."""

    data: bytes
    more: Iterator[bytes]
    line: int = 1
    started: bool = False
    outside: Outside = field(default_factory=Outside)

    def grow(self) -> bool:
        """Take one more block, while the header is looked for; False at the end of the file, or of patience."""
        more = next(self.more, None) if len(self.data) <= 2 * _HEADER_BYTES_MAX else None
        self.data += more or b""
        return more is not None

    def skip_line(self) -> None:
        """Drop one physical line."""
        while b"\n" not in self.data and self.grow():
            pass
        end = self.data.find(b"\n")
        self.outside.note(self.line, self.data[:end] if end >= 0 else self.data)
        self.data = self.data[end + 1 :] if end >= 0 else b""
        self.line += 1


def open_csv(stream: BinaryIO, shape: Mapping) -> RawTable:
    """
    Open delimited text: read its header, leave the rest to be cut.

    :raises Unreadable: it is empty, or has no such header.
    """
    text = _Text(b"", utf8_blocks(stream, shape.dialect.encoding))
    text.grow()
    for _ in range(shape.dialect.skip_rows + max((shape.header_row or 1) - 1, 0)):
        text.skip_line()
    if shape.header_row == FIND_HEADER:
        _find_header(text, shape)
    while b"\n" not in text.data.lstrip(b"\n") and text.grow():
        pass
    while text.data[:1] == b"\n":
        text.skip_line()
    if not text.data:
        message = "expected a header row, got the end of the file"
        raise Unreadable(message, text.line)
    dialect = shape.dialect
    if dialect.delimiter == "auto":
        dialect = replace(dialect, delimiter=_delimiter_of(text.data[: text.data.find(b"\n")], dialect.quote))
    shape = replace(shape, dialect=dialect)
    header = _header(text, shape) if dialect.header else tuple(shape.columns)
    return RawTable(header, partial(_pieces, text, shape, len(header)), outside=text.outside)


def _delimiter_of(line: bytes, quote: str) -> str:
    """The sign that the header line holds most, outside of quotes."""
    outside = line.split(quote.encode())[::2] if quote else [line]
    counts = {sign: sum(part.count(sign.encode()) for part in outside) for sign in ",;\t|"}
    return max(counts, key=lambda sign: counts[sign])


def _find_header(text: _Text, shape: Mapping) -> None:
    """Drop the lines before the first that holds every column of ``identify``."""
    while text.data.count(b"\n") < _SEARCHED_LINES and text.grow():
        pass
    rest, skipped = text.data.split(b"\n", _SEARCHED_LINES), 0
    for line in rest[:_SEARCHED_LINES]:
        delimiter = shape.dialect.delimiter
        delimiter = _delimiter_of(line, shape.dialect.quote) if delimiter == "auto" else delimiter
        names = Names(_cells(line, delimiter, shape.dialect.quote, text.line + skipped))
        if all(names.has(name) for name in shape.identify):
            break
        skipped += 1
    else:
        message = f"expected a header with {', '.join(shape.identify)}, got none in the first {_SEARCHED_LINES} lines"
        raise Unreadable(message, text.line)
    for _ in range(skipped):
        text.skip_line()


def _cells(record: bytes, delimiter: str, quote: str, line: int) -> tuple[str, ...]:
    """Cut one record as Python's csv module does."""
    if len(record) > _HEADER_BYTES_MAX:
        message = f"line {line}: expected a header of at most {_HEADER_BYTES_MAX} bytes, got {len(record)}"
        raise Unreadable(message, line)
    # Two names that are no UTF-8 stay two, and show that they are none (names.UNDECODED).
    text = _STRAY.sub(lambda m: f"{UNDECODED}{ord(m[0]) - 0xDC00:02x}", record.decode("utf-8", "surrogateescape"))
    source = io.StringIO(text, newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    try:
        rows = list(csv.reader(source, delimiter=delimiter, quotechar=quote or None, quoting=quoting))
    except csv.Error as error:
        message = f"line {line}: expected a header row, got one that cannot be cut into columns ({error})"
        raise Unreadable(message, line) from None
    return tuple(clean_name(name) for name in rows[0]) if rows else ()


def _header(text: _Text, shape: Mapping) -> tuple[str, ...]:
    marks = marks_of(text.data[: 2 * _HEADER_BYTES_MAX], shape.dialect.quote, shape.dialect.delimiter)
    while not len(marks.ends) and text.grow():
        marks = marks_of(text.data[: 2 * _HEADER_BYTES_MAX], shape.dialect.quote, shape.dialect.delimiter)
    end = int(marks.ends[0]) if len(marks.ends) else len(text.data)
    record = text.data[:end]
    if b"\0" in record:
        message = f"line {text.line}: expected a header row, got NUL bytes (is the encoding utf-16?)"
        raise Unreadable(message, text.line)
    header = _cells(record, shape.dialect.delimiter, shape.dialect.quote, text.line)
    if not any(header) or len(header) > COLUMNS_MAX:
        message = f"line {text.line}: expected a header of 1 to {COLUMNS_MAX} columns, got {len(header)}"
        raise Unreadable(message, text.line)
    text.data, text.line = text.data[end + 1 :], text.line + record.count(b"\n") + 1
    return header


def _pieces(
    text: _Text, shape: Mapping, width: int, used: frozenset[int], beside: frozenset[int]
) -> Iterator[Callable[[], RawBatch]]:
    """Cut the text into blocks of whole records, and give the calls that parse them."""
    dialect, ending = shape.dialect, False
    while not ending:
        more = next(text.more, None) if text.started else b""
        text.started, ending = True, more is None
        more = more or b""
        if ending and text.data and not text.data.endswith(b"\n"):
            more = b"\n"
        data, text.data = _split(text.data, more, shape, ending=ending)
        if data:
            lines = _newlines(data)
            block = Block(data, text.line, lines, width, dialect.delimiter, dialect.quote, used | beside, text.outside)
            text.line += lines
            yield partial(parsed, block)
        if ending and text.data:
            _note_footer(text, shape)
        if not ending and len(text.data) > RECORD_BYTES_MAX:
            message = (
                f"line {text.line}: expected a record of at most {RECORD_BYTES_MAX} bytes,"
                " got a longer one (does a quote never close?)"
            )
            raise Unreadable(message, text.line)


def _note_footer(text: _Text, shape: Mapping) -> None:
    ends = marks_of(text.data, shape.dialect.quote, shape.dialect.delimiter).ends
    for n, end in enumerate(ends):
        start = _start(ends, n)
        text.outside.note(text.line + text.data.count(b"\n", 0, start), text.data[start : int(end)], footer=True)


def _newlines(data: bytes) -> int:
    """Count line ends: several times as fast as ``bytes.count``."""
    text = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(text[at : at + 2**18] == ord("\n"))) for at in range(0, len(text), 2**18))


def _split(rest: bytes, more: bytes, shape: Mapping, *, ending: bool) -> tuple[bytes, bytes]:
    """Part the text at hand into whole records, which can be parsed, and what must wait for more."""
    quote, delimiter = shape.dialect.quote.encode(), shape.dialect.delimiter
    if not shape.skip_footer and not (quote and (quote in rest or quote in more)):
        # The common case copies once.
        cut = len(more) if ending else more.rfind(b"\n") + 1
        if cut or ending:
            return b"".join((rest, memoryview(more)[:cut])), more[cut:]
        cut = rest.rfind(b"\n") + 1
        return rest[:cut], rest[cut:] + more
    data = rest + more
    if ending and not shape.skip_footer:
        return data, b""
    ends = marks_of(data, shape.dialect.quote, delimiter).ends
    kept = _without_footer(data, ends, shape.skip_footer)
    cut = int(ends[kept - 1]) + 1 if kept else 0
    return data[:cut], data[cut:]


def _without_footer(data: bytes, ends: Places, footer: int) -> int:
    """How many records come before the last ``footer`` ones that are not blank."""
    kept = len(ends)
    for _ in range(footer):
        while kept and not data[_start(ends, kept - 1) : int(ends[kept - 1])].strip():
            kept -= 1
        kept = max(kept - 1, 0)
    return kept


def _start(ends: Places, number: int) -> int:
    """Where a record starts."""
    return int(ends[number - 1]) + 1 if number else 0
