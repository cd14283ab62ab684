"""
The rows of a camt document on their way to records (few) or to columns (many).

A row is a plain tuple of what camt can state. Making a record of each, only to take it apart again for the columns of
the lake, costs more than reading it; but loading the library of columns costs more than a small file is worth.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from tieout.model.records import Record, stated_schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["Row", "Rows"]

#: So many rows become columns, and are dropped from memory.
PIECE_ROWS = 2_000


class Row(NamedTuple):
    """What camt states of one entry or transaction; the fields are those of :class:`tieout.model.records.Record`."""

    line: int
    kind: str
    currency: str
    account_number: str | None
    namespace: str
    identity: str | None
    status: str
    booked_on: dt.date
    value_on: dt.date | None
    occurred_at: dt.datetime | None
    bank_code: str | None
    amount: int
    exponent: int
    original_amount: int | None
    original_currency: str | None
    original_exponent: int | None
    rate: str | None
    external_id: str | None
    parent_external_id: str | None
    references: tuple[str, ...]
    text: str | None
    counterparty: str | None
    counterparty_account: str | None
    details: str | None
    statement_place: int
    #: No identifier of a bank is beyond doubt: two equal entries of one file are two.
    counted: bool = True

    def record(self) -> Record:
        """Give the row as a record."""
        stated: dict[str, Any] = self._asdict()
        return Record(**stated)


def _table(rows: Sequence[Row]) -> pa.Table:
    """Make columns of rows; what camt never states has the record's default."""
    import pyarrow as pa

    stated = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
    columns = []
    for field, of_record in zip(stated_schema(), fields(Record), strict=True):
        values = stated.get(field.name)
        if values is not None:
            columns.append(pa.array(values, field.type))
        elif of_record.default is None:
            columns.append(pa.nulls(len(rows), field.type))
        else:
            columns.append(pa.array([of_record.default] * len(rows), field.type))
    return pa.Table.from_arrays(columns, schema=stated_schema())


class Rows:
    """Gathers rows until they are handed on."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[Row] = []
        self._tables: list[pa.Table] = []
        self._in_tables = 0

    def __len__(self) -> int:
        """How many have not been handed on."""
        return self._in_tables + len(self._waiting)

    def add(self, row: Row) -> None:
        """Take one row."""
        self._waiting.append(row)
        if len(self._waiting) >= PIECE_ROWS:
            self._make_columns()

    def take(self, most: int) -> tuple[list[Record], pa.Table | None]:
        """Hand on the first rows, as records where they are few, else as a table of ``stated_schema``."""
        if not self._tables:
            first, self._waiting = self._waiting[:most], self._waiting[most:]
            return [row.record() for row in first], None
        import pyarrow as pa

        if self._waiting:
            self._make_columns()
        table = pa.concat_tables(self._tables)
        rest = table.slice(most)
        self._in_tables = rest.num_rows
        self._tables = [rest] if rest.num_rows else []
        return [], table.slice(0, most).combine_chunks()

    def _make_columns(self) -> None:
        self._tables.append(_table(self._waiting))
        self._in_tables += len(self._waiting)
        self._waiting = []
