"""
The indexes of a records file: which row has an identity, and which rows hold an identifier.

Their entries are gathered while a delivery is read. Many of them wait in a file, cut by how their keys begin, so that
each cut can be sorted by itself: memory stays flat however long the delivery is, and the processor's cache suffices.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from tieout.store.tables import INDEX_GROUP_ROWS, table_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    import numpy.typing as npt

    from tieout.store.lake import Lake, LakeFile

    Keys = npt.NDArray[np.int64]
    Rows = npt.NDArray[np.int32]

__all__ = ["Gathered", "write_index"]

# Entries that wait in memory before they are put into the file.
_WAITING_MAX = 1 << 20
# Entries of an index that are written at once.
_PART = 1 << 19
_CUTS = 256
_SIGN = np.uint64(1 << 63)


class Gathered:
    """Entries of an index, each a key (64 bits of a digest) and the row that has it, in the order they are added."""

    def __init__(self, folder: Path | None = None) -> None:
        """
        Begin with none.

        :param folder: where many of them wait, in a file without a name; None keeps all of them in memory.
        """
        self._folder = folder
        self._waiting: list[tuple[Keys, Rows]] = []
        self._count = self._waiting_count = 0
        self._file: IO[bytes] | None = None
        # Of each lot in the file: where its keys begin, where its rows begin, and which entries are of which cut.
        self._lots: list[tuple[int, int, Keys]] = []

    def __enter__(self) -> Self:
        """Gather within a ``with`` block, at whose end the file goes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back the file."""
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting, self._lots = [], []
        self._count = self._waiting_count = 0
        if self._file is not None:
            self._file.seek(0)

    def add(self, keys: Keys, rows: Rows) -> None:
        """Add the next ones; the arrays are kept and must not change."""
        self._waiting.append((keys, rows))
        self._count += len(keys)
        self._waiting_count += len(keys)
        if self._waiting_count >= _WAITING_MAX and self._folder is not None:
            self._put_aside(self._folder)

    def parts(self) -> Iterator[tuple[Keys, Rows]]:
        """Give all of them, those with lower keys first; within one part in the order they were added."""
        if not self._lots or self._folder is None:
            yield _joined(self._waiting)
            return
        if self._waiting:
            self._put_aside(self._folder)
        for cut in range(_CUTS):
            yield _joined([self._read(lot, cut) for lot in self._lots])

    def only(self, keep: npt.NDArray[np.bool_]) -> Gathered:
        """Take those whose rows are kept, by what their rows are numbered then; the caller closes what it gets."""
        chosen, moved = Gathered(self._folder), np.cumsum(keep, dtype=np.int32) - np.int32(1)
        for keys, rows in self.parts():
            kept = keep[rows]
            chosen.add(keys[kept], moved[rows[kept]])
        return chosen

    def _put_aside(self, folder: Path) -> None:
        """Write what waits to the file as one lot, cut by cut."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with this object
        keys, rows = _joined(self._waiting)
        cut = (keys.view(np.uint64) ^ _SIGN) >> np.uint64(56)
        order = np.argsort(cut.astype(np.uint8), kind="stable")
        ends = np.cumsum(np.bincount(cut.view(np.int64), minlength=_CUTS))
        begin = self._file.tell()
        self._file.write(keys[order].data)
        self._file.write(rows[order].data)
        self._file.flush()
        self._lots.append((begin, begin + keys.nbytes, np.concatenate([[0], ends])))
        self._waiting, self._waiting_count = [], 0

    def _read(self, lot: tuple[int, int, Keys], cut: int) -> tuple[Keys, Rows]:
        assert self._file is not None  # noqa: S101 - there is a lot
        keys_at, rows_at, bounds = lot
        first, count = int(bounds[cut]), int(bounds[cut + 1] - bounds[cut])
        keys = os.pread(self._file.fileno(), 8 * count, keys_at + 8 * first)
        rows = os.pread(self._file.fileno(), 4 * count, rows_at + 4 * first)
        return np.frombuffer(keys, np.int64), np.frombuffer(rows, np.int32)


def write_index(lake: Lake, name: str, entries: Gathered, delivery_id: str) -> LakeFile | None:
    """
    Write one index file: keys in ascending order of their upper bits, so that a look-up reads one row group.

    The next part is gathered while one is written.
    """
    if not len(entries):
        return None
    schema = table_schema(name)
    bits = max(1, (len(entries) - 1).bit_length())
    parts = (pa.table({"key": keys, "row": rows}, schema=schema) for keys, rows in _even(_in_order(entries, bits)))
    with (
        lake.writer(name, schema, delivery_id, group_rows=INDEX_GROUP_ROWS) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="gather") as beside,
    ):
        following = beside.submit(next, parts, None)
        while (ready := following.result()) is not None:
            following = beside.submit(next, parts, None)
            writer.write(ready)
    return writer.file


def _in_order(entries: Gathered, bits: int) -> Iterator[tuple[Keys, Rows]]:
    """
    Sort part by part, and give some at a time.

    Sorting whole numbers is ten times faster than sorting positions, so the position rides in the lower ``bits``.
    """
    shift = np.uint64(bits)
    for keys, rows in entries.parts():
        packed = keys.view(np.uint64) ^ _SIGN
        packed >>= shift
        packed <<= shift
        packed |= np.arange(len(keys), dtype=np.uint64)
        packed.sort()
        packed &= (np.uint64(1) << shift) - np.uint64(1)
        order = packed.view(np.int64)
        for begin in range(0, len(order), _PART):
            here = order[begin : begin + _PART]
            yield keys[here], rows[here]


def _even(pieces: Iterable[tuple[Keys, Rows]]) -> Iterator[tuple[Keys, Rows]]:
    """Give pieces of one size, but for the last: the file does not show how they came."""
    waiting: list[tuple[Keys, Rows]] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece[0])
        while count >= _PART:
            keys, rows = _joined(waiting)
            yield keys[:_PART], rows[:_PART]
            waiting, count = [(keys[_PART:], rows[_PART:])], count - _PART
    if count:
        yield _joined(waiting)


def _joined(pieces: list[tuple[Keys, Rows]]) -> tuple[Keys, Rows]:
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    return np.concatenate([keys for keys, _ in pieces]), np.concatenate([rows for _, rows in pieces])
