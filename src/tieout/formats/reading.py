"""
What every format gives back: chunks of records, statements, balances, totals and problems.

A format is an object with ``id``, ``identify`` and ``read``; it sees bytes and yields chunks, never prints, logs,
opens files or stops at the first fault. Memory stays flat: a chunk holds at most ``options.batch_rows`` records, and where rows may be wide
it ends by ``options.batch_bytes`` as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tieout.model.problems import Problem
    from tieout.model.records import Record
    from tieout.model.statements import Balance, Statement

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "Chunk", "Format", "Head", "ReadOptions", "Total", "refusal", "unseen_texts"]

#: The most records in one chunk: the stated batch beyond which memory does not grow with the file.
BATCH_ROWS = 100_000
#: How much of a file one chunk answers for, about: rows may be wide.
BATCH_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Head:
    """
    The beginning of a file, for deciding what it is.

    :ivar name: the file's name, without folders.
    :ivar data: up to the first 64 KiB, decompressed.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """
    What a reader may need to know of the workspace.

    :ivar timezone: an IANA name; moments become days in it (the account's time zone).
    :ivar currency: the currency where the file states none.
    :ivar encoding: of a text that does not say how it is written (``cp1250``); None: nobody said it.
    :ivar batch_rows: the most records of one chunk.
    :ivar batch_bytes: a chunk ends where about so many bytes of the file have been read for it.
    """

    timezone: str = "UTC"
    currency: str | None = None
    encoding: str | None = None
    batch_rows: int = BATCH_ROWS
    batch_bytes: int = BATCH_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """
    Count and sums of a file's top-level entries of any status, per currency; both sums positive, in minor units.
    """

    currency: str
    exponent: int
    count: int
    credits: int
    debits: int


@dataclass(slots=True, kw_only=True)
class Chunk:
    """
    A part of what a file says, in the file's order.

    ``records`` or ``table`` (columns of ``model.records.stated_schema``) hold the canonical rows, never both.
    ``rows`` counts the file's rows that this chunk answers for: rows = canonical rows + problems of severity ``row``;
    None means: one row per record. ``skipped`` counts rows that are on purpose neither (a filter of the mapping, a
    row without any value) and are not in ``rows``. ``totals`` are given once, in the last chunk, for the whole file.
    ``unseen`` holds texts of the file that stand in no text of these rows, each as the name of its column (of a field
    that is an identifier: the field's), the line of each value, and the values: for whoever must know what came in.
    """

    records: Sequence[Record] = ()
    table: pa.Table | None = None
    statements: Sequence[Statement] = ()
    balances: Sequence[Balance] = ()
    problems: Sequence[Problem] = ()
    totals: Sequence[Total] = ()
    rows: int | None = None
    skipped: int = 0
    unseen: Sequence[tuple[str, pa.Array, pa.Array]] = ()
    version: str | None = None


class Format(Protocol):
    """
    One kind of file.

    :ivar id: as tieout.toml names it (``camt.053``).
    :ivar system: the system that its identifiers belong to (``"bank"``, ``"stripe"``, ``"adyen"``).

    A format of text that does not say how it is written goes by ``options.encoding``, and says so by an attribute
    ``takes_encoding = True``.
    """

    id: str
    system: str

    def identify(self, head: Head) -> str | None:
        """Say the exact format with its version (``camt.053.001.08``) if the file is one, else None. Never raises."""

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield the file's content in order. A file that cannot be read yields one chunk with a ``refused`` problem."""


def refusal(message: str, line: int | None = None, column: int | str | None = None) -> Chunk:
    """Make the chunk that refuses a file whole."""
    from tieout.model.problems import Problem

    problem = Problem(message=message, severity="refused", line=line, column=column)
    return Chunk(problems=[problem])


def unseen_texts(texts: Sequence[tuple[str, int, str]]) -> list[tuple[str, pa.Array, pa.Array]]:
    """Give ``Chunk.unseen`` of single texts: (name of the column, line, text)."""
    if not texts:
        return []
    import pyarrow as pa

    columns: dict[str, list[tuple[int, str]]] = {}
    for name, line, text in texts:
        columns.setdefault(name, []).append((line, text))
    return [
        (
            name,
            pa.array([line for line, _ in of_name], pa.int64()),
            pa.array([text for _, text in of_name], pa.string()),
        )
        for name, of_name in columns.items()
    ]
