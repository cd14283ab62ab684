"""
What came in: deliveries a page at a time, what became of their rows, and what could not be read.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.observe.snapshot import moment_of
from tieout.observe.things.raw import Raw, raw_lines
from tieout.observe.things.written import encoding_of
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.views import table
from tieout.store.workplace import files_of_delivery

if TYPE_CHECKING:
    from tieout.store.workplace import Store

__all__ = ["Delivery", "DeliveryTotals", "Unread", "delivery", "delivery_page", "delivery_totals", "unread"]

PAGE_ROWS = 50
#: Of the rows in quarantine so many are shown, and of so many the raw line.
UNREAD_MAX = 200
_RAW_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    One delivery: rows in = new + changed + known already + set aside + left out.

    :ivar state: landed, accepted, refused, withdrawn or erased.
    :ivar reason: why it was refused, withdrawn (and by whom) or erased.
    """

    delivery_id: str
    sequence: int
    source_id: str
    name: str
    format: str | None
    state: str
    received_at: dt.datetime
    received_by: str
    bytes: int
    fingerprint: str
    rows_in: int
    rows_new: int
    rows_changed: int
    rows_repeated: int
    rows_quarantined: int
    rows_skipped: int
    times_seen: int
    reason: str | None

    @property
    def unaccounted(self) -> int:
        """Rows of which nobody knows what became of them: 0, always. What changed a record was known before."""
        return self.rows_in - self.rows_new - self.rows_repeated - self.rows_quarantined


@dataclass(frozen=True, slots=True)
class DeliveryTotals:
    """All deliveries together."""

    count: int
    rows_in: int
    quarantined: int
    refused: int

    @property
    def wanting(self) -> int:
        """How many rows and files could not be read."""
        return self.quarantined + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """
    A row that could not be read, or something wrong that was found.

    :ivar severity: ``row`` for a row that was set aside; else a finding, with which the row counts.
    :ivar raw: what stands there in the file; of the first ones.
    """

    severity: str
    member: str | None
    line: int | None
    column: str | None
    reason: str
    message: str
    raw: Raw | None = None


def delivery_totals(store: Store) -> DeliveryTotals:
    """Count everything that came in."""
    row = schema.delivery
    columns = (
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(row.c.rows_in), 0),
        sa.func.coalesce(sa.func.sum(sa.case((row.c.state == "accepted", row.c.rows_quarantined), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((row.c.state == "refused", 1), else_=0)), 0),
    )
    with store.book.reading() as connection:
        count, rows, quarantined, refused = connection.execute(sa.select(*columns)).one()
    return DeliveryTotals(count, int(rows), int(quarantined), int(refused))


def delivery_page(
    store: Store, *, before: int | None = None, source: str | None = None, wanting: bool = False
) -> tuple[list[Delivery], int | None]:
    """
    List deliveries, the newest first.

    :param before: the sequence to go on from; ``wanting``: only those that something could not be read of.
    :return: the rows, and where to go on; None at the end.
    """
    row = schema.delivery
    query = sa.select(row).order_by(row.c.sequence.desc()).limit(PAGE_ROWS + 1)
    if before is not None:
        query = query.where(row.c.sequence < before)
    if source is not None:
        query = query.where(row.c.source_id == source)
    if wanting:
        query = query.where(sa.or_(row.c.rows_quarantined > 0, row.c.state == "refused"))
    with store.book.reading() as connection:
        found = [_delivery(mapping) for mapping in connection.execute(query).mappings()]
    return found[:PAGE_ROWS], found[PAGE_ROWS - 1].sequence if len(found) > PAGE_ROWS else None


def delivery(store: Store, delivery_id: str) -> Delivery | None:
    """Give one delivery by its whole id."""
    with store.book.reading() as connection:
        query = sa.select(schema.delivery).where(schema.delivery.c.delivery_id == delivery_id)
        row = connection.execute(query).mappings().first()
    return None if row is None else _delivery(row)


def unread(store: Store, delivery_id: str) -> list[Unread]:
    """List what could not be read of a delivery, with the lines as they stand in the file."""
    row = schema.delivery
    with store.book.reading() as connection:
        files = [file for file in files_of_delivery(connection, delivery_id) if file.table_name == "quarantine"]
        landed = connection.execute(sa.select(row).where(row.c.delivery_id == delivery_id)).first()
        encoding = None if landed is None else encoding_of(connection, landed)
    if not files or landed is None:
        return []
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        rows = con.execute(
            f'select severity, member, line, "column", reason, message from {table(store.lake, "quarantine", files)}'
            f" order by severity <> 'row', member nulls first, line, \"column\" limit {UNREAD_MAX}"
        ).fetchall()
    names = ("severity", "member", "line", "column", "reason", "message")
    found = [dict(zip(names, values, strict=True)) for values in rows]
    return [
        Unread(
            **one, raw=raw_lines(store, landed, one["member"], one["line"], (), encoding) if number < _RAW_MAX else None
        )
        for number, one in enumerate(found)
    ]


def _delivery(row: Any) -> Delivery:
    named = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**named | {"received_at": moment_of(row["received_at"])})
