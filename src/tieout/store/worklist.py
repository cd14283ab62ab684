"""
The work list: everything that needs a person, as indexed rows of the book.

It holds nothing of its own: it can be rebuilt at any time from exceptions, results and decisions. What stands is read
beside what should stand, and only rows that differ are written. PostgreSQL's readers see the whole change at once, and
no other writer waits for it. SQLite has one lock for all writers: there a change of more than :data:`ROWS_AT_ONCE` rows
is several transactions, with a pause in which others get their turn. A row is whole in each of them.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.store import schema
from tieout.store.worklist_copy import copied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tieout.store.book import Book

__all__ = ["ROWS_AT_ONCE", "WANTED", "refresh"]

#: So many rows, each in six indexes, hold SQLite's lock for about a fifth of a second.
ROWS_AT_ONCE = 10_000
#: SQLite's own 2 MB do not hold the pages of six indexes that a transaction writes to.
_CACHE_KIB = 64 * 1024

_LIST = schema.worklist
_ARROW = {schema.Text: pa.string(), sa.Integer: pa.int32(), sa.BigInteger: pa.int64()}


def _ordered() -> tuple[list[str], int]:
    """Put the columns that an index rests on before the others; gives where the others begin."""
    names = [column.name for column in schema.stored_columns(_LIST)]
    computed = " ".join(str(column.computed.sqltext) for column in _LIST.columns if column.computed is not None)
    indexed = {column.name for index in _LIST.indexes for column in index.columns} | set(re.findall(r"\w+", computed))
    first = ["exception_id", "opened_at"]
    kept = [name for name in names if name in indexed and name not in first]
    return [*first, *kept, *(name for name in names if name not in indexed)], len(first) + len(kept)


_NAMES, _REST = _ordered()
#: What :func:`refresh` is given: the columns of ``worklist`` that the database does not compute.
WANTED = pa.schema([(name, _ARROW[type(_LIST.c[name].type)]) for name in _NAMES])


def refresh(book: Book, wanted: Iterable[pa.RecordBatch]) -> int:
    """
    Make the work list say what it is given.

    :param wanted: rows as :data:`WANTED` lays them out, ordered by ``exception_id``; of two with one the first counts.
    :return: how many rows changed.
    """
    if book.is_sqlite:
        return _in_parts(book, _rows(wanted))
    with book.connected() as connection, connection.begin():
        changed = copied(connection, wanted)
        if changed:
            _count(connection)
        return changed


@dataclass(slots=True)
class _Part:
    """Rows to write in one transaction: ``new`` ones, ``moved`` in an index, ``told`` otherwise only; ids ``gone``."""

    new: list[tuple[Any, ...]] = field(default_factory=list)
    moved: list[tuple[Any, ...]] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    gone: list[tuple[str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.new) + len(self.moved) + len(self.told) + len(self.gone)


def _in_parts(book: Book, wanted: Iterator[tuple[Any, ...]]) -> int:
    """Compare in one snapshot, and write what differs from another connection meanwhile."""
    changed = 0
    with book.reading() as snapshot, book.connected() as connection:
        driver: Any = connection.connection.driver_connection  # outside a transaction, which SQLAlchemy would begin
        (cache,) = driver.execute("pragma cache_size").fetchone()
        driver.execute(f"pragma cache_size = -{_CACHE_KIB}")
        try:
            for part in _parts(_standing(snapshot), wanted):
                if changed:
                    book.give_way()
                with book.writing(connection):
                    _write(connection, part)
                    _count(connection)
                changed += len(part)
        finally:
            driver.execute(f"pragma cache_size = {cache}")
    return changed


def _standing(snapshot: sa.Connection) -> Iterator[tuple[Any, ...]]:
    query = f"select {', '.join(_NAMES)} from {_LIST.name} order by exception_id"
    found: Any = snapshot.exec_driver_sql(query).cursor
    return iter(found)


def _rows(wanted: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    """Turn columns into rows, each id once."""
    last = ""
    for batch in wanted:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if row[0] < last:
                message = f"expected rows ordered by exception_id, got {row[0]} behind {last}"
                raise ValueError(message)
            if row[0] != last:
                yield row
            last = row[0]


def _parts(standing: Iterator[tuple[Any, ...]], wanted: Iterator[tuple[Any, ...]]) -> Iterator[_Part]:
    """Walk both in the order of their ids, and give what differs, so much at a time as one transaction may hold."""
    part = _Part()
    before, now = next(standing, None), next(wanted, None)
    while before is not None or now is not None:
        if before is not None and (now is None or before[0] < now[0]):
            part.gone.append((before[0],))
            before = next(standing, None)
        elif now is not None and (before is None or now[0] < before[0]):
            part.new.append(now)
            now = next(wanted, None)
        elif before is not None and now is not None:
            # What opened stays opened: a run that finds the same again does not make it younger.
            if before[2:_REST] != now[2:_REST]:
                part.moved.append((*before[:2], *now[2:]))
            elif before[_REST:] != now[_REST:]:
                part.told.append((*now[_REST:], now[0]))
            before, now = next(standing, None), next(wanted, None)
        if len(part) == ROWS_AT_ONCE:
            yield part
            part = _Part()
    if len(part):
        yield part


# Nearly the order of the widest index, which is then written page by page; the last words of it would cost more to compare.
_ORDER = operator.itemgetter(*(_NAMES.index(name) for name in schema.WORKLIST_FILTERED[:5]))


def _place(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple([word or "" for word in _ORDER(row)])


def _write(connection: sa.Connection, part: _Part) -> None:
    """Hand rows to SQLite as they are: SQLAlchemy's parameters would cost more than the writing."""
    told = ", ".join(f"{name} = ?" for name in _NAMES[_REST:])
    values = f"({', '.join(_NAMES)}) values ({', '.join('?' * len(_NAMES))})"
    work: list[tuple[str, list[tuple[Any, ...]]]] = [
        (f"delete from {_LIST.name} where exception_id = ?", [*part.gone, *((row[0],) for row in part.moved)]),
        (f"update {_LIST.name} set {told} where exception_id = ?", part.told),
        # An id that another process has written meanwhile is replaced: the later view of the facts stands.
        (f"insert or replace into {_LIST.name} {values}", sorted([*part.new, *part.moved], key=_place)),
    ]
    for statement, rows in work:
        if rows:
            connection.exec_driver_sql(statement, rows)


def _count(connection: sa.Connection) -> None:
    """Count the changes at the head ``worklist``, so that who keeps a sum of the list knows when it is old."""
    head = schema.head
    changed = connection.execute(sa.update(head).where(head.c.name == "worklist").values(version=head.c.version + 1))
    if changed.rowcount == 0:
        connection.execute(sa.insert(head).values(name="worklist", version=1))
