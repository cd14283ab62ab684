"""
The raw bytes behind a record: the lines of the landed delivery that it was read from.

A text file shows its line, with what belongs to it (the rest of a quoted row, of an entry, of a statement line); a
workbook or a Parquet file shows the values of its row. A long line is shown around the identifier that was looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from tieout.errors import BadInput, Broken
from tieout.formats.containers import open_members
from tieout.formats.swift.joined import is_joined, plain_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tieout.store.workplace import Store

__all__ = ["Raw", "raw_lines"]

#: The most bytes of a delivery that are read to find a line.
BYTES_MAX = 2 << 30
#: The most bytes of one line that are kept, the most lines that belong to one record, the longest text shown of a line.
LINE_MAX = 4 << 20
LINES_MAX = 40
SHOWN_MAX = 600
_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BLOCK = 1 << 20
_ENTRY_OVER = re.compile(rb"</(?:\w+:)?Ntry>|</(?:\w+:)?Stmt>")
_NEXT_LINE = re.compile(rb"\s*(?::6[0-9][A-Z]?:|-\}|-\s*$)")


@dataclass(frozen=True, slots=True)
class Raw:
    """
    What stands in a delivery at one place.

    :ivar place: file, member and line, in words.
    :ivar lines: the text, shortened; empty where ``note`` says why there is none.
    """

    place: str
    lines: tuple[str, ...] = ()
    note: str | None = None


def raw_lines(
    store: Store,
    delivery: Any,
    member: str | None,
    line: int | None,
    hints: Sequence[str] = (),
    encoding: str | None = None,
) -> Raw:
    """
    Read the lines of a delivery that a record was read from.

    :param delivery: its row of the book.
    :param line: from 1: a line of a text, a row of a table.
    :param hints: identifiers of the record, to find its part of a long line.
    :param encoding: the code page that it was read in, where one was named (``written.encoding_of``).
    """
    place = delivery.name + (f" in {member}" if member else "") + (f" line {line}" if line else "")
    if delivery.wrapped_key is None:
        return Raw(place, note="the key of this delivery was destroyed: its bytes cannot be read any more")
    if line is None:
        return Raw(place, note="no line is known")
    try:
        with store.landing.open(delivery.path, store.vault.unwrap(delivery.wrapped_key), delivery.bytes) as stream:
            for name, part in open_members(stream, delivery.name):
                if name == member:
                    return Raw(place, *_shown(part, line, delivery.format or "", hints, encoding))
    except (BadInput, Broken) as error:
        return Raw(place, note=str(error))
    return Raw(place, note=f"the delivery holds no file {member!r}")


def _shown(
    stream: BinaryIO, line: int, file_format: str, hints: Sequence[str], named: str | None = None
) -> tuple[tuple[str, ...], str | None]:
    head = stream.read(_BLOCK)
    if head.startswith(b"PAR1"):
        return _parquet_row(stream, line)
    if head.startswith(b"PK"):
        return _workbook_row(stream, line)
    encoding = next((name for mark, name in _ENCODINGS if head.startswith(mark)), named)
    if encoding is not None and encoding.startswith("utf-16"):
        return (), f"a text in {encoding.upper()}, which is not shown line by line"
    blocks = chain((head,), iter(partial(stream.read, _BLOCK), b""))
    if file_format.startswith("mt94") and is_joined(head):
        blocks, head = chain(plain_blocks(blocks)), b""
    end = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    first = head.split(end, 1)[0].rstrip(b"\r\n")
    found: list[bytes] = []
    for text in _lines_from(blocks, end, line):
        if found and (len(found) == LINES_MAX or not _belongs(found, text, file_format)):
            break
        found.append(text)
    if not found:
        return (), f"the file has fewer than {line} lines"
    if (
        line > 1
        and file_format.split(".", maxsplit=1)[0] not in ("camt", "mt940", "mt942")
        and first[:1] not in (b"{", b"<", b":")
    ):
        found.insert(0, first)  # the headings say what the values are
    return tuple(_text(text, encoding, hints) for text in found), None


def _belongs(found: list[bytes], text: bytes, file_format: str) -> bool:
    """Whether a line is still part of the record that the lines before it began."""
    if file_format.startswith("camt"):
        return not _ENTRY_OVER.search(found[-1])
    if file_format.startswith("mt94"):
        return not _NEXT_LINE.match(text)
    return sum(line.count(b'"') for line in found) % 2 == 1


def _lines_from(blocks: Iterable[bytes], end: bytes, line: int) -> Iterator[bytes]:
    """
    Give the lines of a text from a number on, without their ends; of each at most :data:`LINE_MAX` bytes.

    What stands before is counted, not split.
    """
    rest, read, number = b"", 0, 1
    for block in blocks:
        passing = block.count(end)
        if number + passing < line:
            number, rest = number + passing, b""
        else:
            *whole, last = (rest + block).split(end)
            for text in whole:
                if number >= line:
                    yield text.rstrip(b"\r\n")[:LINE_MAX]
                number += 1
            rest = last[:LINE_MAX]
        read += len(block)
        if read >= BYTES_MAX:
            break
    if rest and number >= line:
        yield rest.rstrip(b"\r\n")


def _text(line: bytes, encoding: str | None, hints: Sequence[str]) -> str:
    """Decode a line and cut it down to what matters."""
    try:
        text = line.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    if len(text) <= SHOWN_MAX:
        return text
    at = next((place for hint in hints if hint and (place := text.find(hint)) >= 0), 0)
    begin = max(0, at - SHOWN_MAX // 2)
    end = begin + SHOWN_MAX
    return ("..." if begin else "") + text[begin:end] + ("..." if end < len(text) else "")


def _parquet_row(stream: BinaryIO, row: int) -> tuple[tuple[str, ...], str | None]:
    import pyarrow.parquet as pq

    stream.seek(0)
    file = pq.ParquetFile(stream)
    before = 0
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if before < row <= before + rows:
            values = file.read_row_group(group).slice(row - before - 1, 1).to_pylist()[0]
            return _values(values.items()), f"row {row} of a Parquet file"
        before += rows
    return (), f"the Parquet file has fewer than {row} rows"


def _workbook_row(stream: BinaryIO, row: int) -> tuple[tuple[str, ...], str | None]:
    from openpyxl import load_workbook

    stream.seek(0)
    workbook = load_workbook(stream, read_only=True, data_only=True)
    for sheet in workbook.worksheets:
        for values in sheet.iter_rows(min_row=row, max_row=row, values_only=True):
            if any(value is not None for value in values):
                return _values(enumerate(values, 1)), f"row {row} of sheet {sheet.title!r}"
    return (), f"the workbook has no values in row {row}"


def _values(pairs: Any) -> tuple[str, ...]:
    return tuple(f"{name}: {str(value)[:SHOWN_MAX]}" for name, value in pairs if value is not None)
