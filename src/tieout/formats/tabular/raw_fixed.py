"""
Files with fixed positions: every line is a row, every column a range of characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.formats.tabular.line_blocks import LineBlock, line_blocks
from tieout.formats.tabular.raw import Outside, RawBatch, RawTable, cleaned, row_problem
from tieout.formats.tabular.text_blocks import utf8_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tieout.formats.tabular.mapping import FixedColumn, Mapping

__all__ = ["open_fixed"]


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines that are text, with their numbers."""

    texts: list[str]
    numbers: list[int]


def open_fixed(stream: BinaryIO, shape: Mapping) -> RawTable:
    """Open a file with fixed positions; a line may end before its last columns do (they are empty then)."""
    outside = Outside()
    texts = utf8_blocks(stream, shape.dialect.encoding)
    blocks = line_blocks(texts, shape.dialect.skip_rows, shape.skip_footer, outside)
    first = next(blocks, None)
    header = tuple(column.name for column in shape.fixed)

    def pieces(used: frozenset[int], beside: frozenset[int]) -> Iterator[Callable[[], RawBatch]]:
        for block in (first, *()) if first is None else _chained(first, blocks):
            if block is not None:
                yield partial(_parsed, block, shape.fixed, used | beside)

    return RawTable(header, pieces, outside=outside)


def _chained(first: LineBlock, rest: Iterator[LineBlock]) -> Iterator[LineBlock]:
    yield first
    yield from rest


def _parsed(block: LineBlock, columns: tuple[FixedColumn, ...], used: frozenset[int]) -> RawBatch:
    texts: list[str] = []
    numbers: list[int] = []
    problems = []
    for number, line in block.lines():
        if not line.strip():
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            message = f"line {number}: expected text in the file's encoding, got a byte that is none"
            problems.append(row_problem(number, message))
            continue
        if "\0" in text:
            problems.append(row_problem(number, f"line {number}: expected text, got a NUL byte"))
            continue
        texts.append(text)
        numbers.append(number)
    array = pa.array(texts, pa.string())
    found = {"line": pa.array(np.array(numbers, np.int64))}
    for n in sorted(used):
        start = columns[n].start - 1
        found[f"c{n}"] = cleaned(pc.utf8_slice_codeunits(array, start, start + columns[n].length))
    return RawBatch(pa.table(found), problems)
