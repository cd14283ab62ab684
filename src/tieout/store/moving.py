"""
Moving a book to another database: every row, compared on arrival.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken, WrongUse
from tieout.store import schema
from tieout.store.book import append_audit, check_audit, hold_worklist, open_book

if TYPE_CHECKING:
    from tieout.store.book import Book

__all__ = ["move_book"]

_AT_ONCE = 1_000
#: What the target's audit log says of its arrival.
_MOVED = "move book"


def move_book(book: Book, url: str, now_us: int, actor: str) -> dict[str, int]:
    """
    Copy a book to an empty database, compare every table, and close the old one for use.

    Nobody may write meanwhile: the old book's write lock is held from the first row to the mark that it moved. Two
    databases commit one after the other; where a kill left the mark out, the same again compares anew and sets it.

    :return: rows per table.
    :raises WrongUse: the target is not an empty database: the book in use, another one, one that moved away, or a copy
        of this one that does not stand where it stands.
    :raises Broken: a table arrived differently; the old book stays in use.
    """
    with closing(_opened(url)) as target:
        return _moved(book, target, url, now_us, actor)


def _moved(book: Book, target: Book, url: str, now_us: int, actor: str) -> dict[str, int]:
    # Before any lock is held: the book in use would wait for itself.
    with book.reading() as old, target.reading() as new:
        _arrived(old, new)
    with book.writing() as old:
        hold_worklist(old)
        with target.writing() as new:
            counts = _compared(old, new) if _arrived(old, new) else _copied(old, new, now_us, actor)
        shown = sa.make_url(url).render_as_string(hide_password=True)
        old.execute(sa.insert(schema.about).values(name="moved_to", value=shown))
    return counts


def _copied(old: sa.Connection, new: sa.Connection, now_us: int, actor: str) -> dict[str, int]:
    counts = {table.name: _copy(old, new, table) for table in schema.metadata.sorted_tables}
    check_audit(new)
    append_audit(new, at=now_us, actor=actor, action=_MOVED, subject="book", reason=None, body={"rows": counts})
    return counts


def _compared(old: sa.Connection, new: sa.Connection) -> dict[str, int]:
    """
    Compare what arrived before a kill as it is compared when it is copied.

    :raises WrongUse: a table changed here since, which the audit log says nothing of.
    """
    check_audit(old)
    check_audit(new)
    counts = {}
    for table in schema.metadata.sorted_tables:
        # The log there has one entry more, chained to the last one here.
        if table is not schema.audit and _digest(old, table) != _digest(new, table):
            message = (
                f"expected an empty database to move the book to, got one with a copy of this book whose table {table.name}"
                " is not as it is here: drop its tables first, or name another"
            )
            raise WrongUse(message)
        counts[table.name] = old.scalar(sa.select(sa.func.count()).select_from(table)) or 0
    return counts


def _opened(url: str) -> Book:
    """
    Open the target, making its tables.

    :raises WrongUse: its folder is not there.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and not Path(parsed.database).parent.is_dir():
        message = f"expected a folder that is there for the book, got {Path(parsed.database).parent}: make it, or mend the URL"
        raise WrongUse(message)
    return open_book(url, though_moved=True)


def _arrived(old: sa.Connection, new: sa.Connection) -> bool:
    """
    Say whether the book is there already, by a move that was killed before its mark; False: the database is empty.

    :raises WrongUse: it is neither.
    """
    mine, theirs = ({row.name: row.value for row in c.execute(sa.select(schema.about))} for c in (old, new))
    if "moved_to" in theirs:
        message = (
            f"expected an empty database to move the book to, got one whose book was moved to {theirs['moved_to']}: drop its"
            " tables first, or name another"
        )
        raise WrongUse(message)
    if theirs and theirs.get("book_id") == mine.get("book_id"):
        _refuse_other_state(old, new)
        return True
    for table in schema.metadata.sorted_tables:
        if new.execute(sa.select(table).limit(1)).first() is not None:
            message = f"expected an empty database to move the book to, got one with rows in {table.name}"
            raise WrongUse(message)
    return False


def _refuse_other_state(old: sa.Connection, new: sa.Connection) -> None:
    """
    Refuse a copy of this book whose audit log goes on with anything else than the move that brought it there.

    :raises WrongUse: it is this book itself, stands further on, or lacks what this one has.
    """
    log = schema.audit
    here, there = (c.execute(sa.select(log).order_by(log.c.sequence.desc()).limit(1)).first() for c in (old, new))
    digest = here.digest if here else ""
    if here == there:
        message = "expected another database to move the book to, got the one that it is in, or a copy of it"
    elif here and new.scalar(sa.select(log.c.digest).where(log.c.sequence == here.sequence)) != digest:
        message = (
            "expected an empty database to move the book to, got one with a copy of this book that lacks what was written"
            " here since: drop its tables first, or name another"
        )
    elif there and (there.action, there.previous) != (_MOVED, digest):
        message = (
            "expected an empty database to move the book to, got one with a copy of this book that stands further on than"
            " this one: to work with that one, set [workspace] book to it in tieout.toml"
        )
    else:
        return
    raise WrongUse(message)


def _copy(old: sa.Connection, new: sa.Connection, table: sa.Table) -> int:
    order, columns = list(table.primary_key.columns), schema.stored_columns(table)
    count = 0
    batch: list[dict[str, Any]] = []
    for row in old.execute(sa.select(*columns).order_by(*order)).mappings():
        batch.append(dict(row))
        count += 1
        if len(batch) == _AT_ONCE:
            new.execute(sa.insert(table), batch)
            batch = []
    if batch:
        new.execute(sa.insert(table), batch)
    if _digest(old, table) != _digest(new, table):
        message = f"table {table.name} arrived differently in the new book: nothing was moved"
        raise Broken(message)
    return count


def _digest(connection: sa.Connection, table: sa.Table) -> str:
    """Digest the rows of a table, in an order that no database's collation changes."""
    query = sa.select(*schema.stored_columns(table))
    rows = sorted(_row_digest(row) for row in connection.execute(query).mappings())
    return hashlib.sha256(b"".join(rows)).hexdigest()


def _row_digest(row: Any) -> bytes:
    return hashlib.sha256(
        repr([(k, bytes(v) if isinstance(v, memoryview) else v) for k, v in row.items()]).encode()
    ).digest()
