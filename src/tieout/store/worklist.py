"""
The work list: everything that needs a person, as indexed rows of the book.

It holds nothing of its own: it can be rebuilt at any time from exceptions, results and decisions. Rows are written in
small transactions, only those that differ, so that nobody waits behind a long one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tieout.store.book import Book

__all__ = ["refresh"]

_AT_ONCE = 500  # a database takes only so many values at once
_Thing = TypeVar("_Thing")


def refresh(book: Book, wanted: Iterable[dict[str, Any]]) -> int:
    """
    Make the work list say what it is given: rows of the table ``worklist``.

    :return: how many rows changed.
    """
    table = schema.worklist
    written = schema.stored_columns(table)
    columns = [column.name for column in written]
    with book.reading() as connection:
        standing = {row["exception_id"]: dict(row) for row in connection.execute(sa.select(*written)).mappings()}
    fresh = {row["exception_id"]: {name: row.get(name) for name in columns} for row in wanted}
    # What opened stays opened: a run that finds the same again does not make it younger.
    for exception_id, row in fresh.items():
        before = standing.get(exception_id)
        if before is not None:
            row["opened_at"] = before["opened_at"]
    gone = sorted(standing.keys() - fresh.keys())
    changed = [row for exception_id, row in sorted(fresh.items()) if standing.get(exception_id) != row]
    for part in _parts(gone):
        with book.writing() as connection:
            connection.execute(sa.delete(table).where(table.c.exception_id.in_(part)))
            _count(connection)
    for part in _parts(changed):
        with book.writing() as connection:
            replaced = [row["exception_id"] for row in part if row["exception_id"] in standing]
            connection.execute(sa.delete(table).where(table.c.exception_id.in_(replaced)))
            connection.execute(sa.insert(table), part)
            _count(connection)
    return len(gone) + len(changed)


def _count(connection: sa.Connection) -> None:
    """Count the changes at the head ``worklist``, so that who keeps a sum of the list knows when it is old."""
    head = schema.head
    changed = connection.execute(sa.update(head).where(head.c.name == "worklist").values(version=head.c.version + 1))
    if changed.rowcount == 0:
        connection.execute(sa.insert(head).values(name="worklist", version=1))


def _parts(rows: list[_Thing]) -> Iterator[list[_Thing]]:
    for begin in range(0, len(rows), _AT_ONCE):
        yield rows[begin : begin + _AT_ONCE]
