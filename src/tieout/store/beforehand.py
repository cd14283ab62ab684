"""
Rows that are written before the commit that shows them.

A commit of thousands of exceptions would hold SQLite's one write lock for as long. So they are written in parts, under
a token that no commit has yet: nobody reads them. The one small transaction that writes the token's commit makes them
true. Until then the table ``about`` says under which token they stand and since when, so that what a killed process
left can be found and removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tieout.store.book import Book

__all__ = ["ROWS_AT_ONCE", "left_before", "remove_beforehand", "shown", "write_beforehand"]

#: So many rows are one transaction.
ROWS_AT_ONCE = 500
_MARK = "rows beforehand "


def write_beforehand(
    book: Book,
    token: str,
    at: int,
    rows: Mapping[sa.Table, Sequence[dict[str, Any]]],
) -> None:
    """
    Write rows that stay invisible until a commit has their token, and let other writers have their turn between.

    :param at: microseconds since 1970: when it began.
    :param rows: by table; each bears the token.
    """
    about = schema.about
    with book.writing() as connection:
        connection.execute(sa.insert(about).values(name=_MARK + token, value=str(at)))
    for table, all_of_it in rows.items():
        for begin in range(0, len(all_of_it), ROWS_AT_ONCE):
            book.give_way()
            with book.writing() as connection:
                connection.execute(sa.insert(table), list(all_of_it[begin : begin + ROWS_AT_ONCE]))


def shown(connection: sa.Connection, token: str) -> None:
    """Say, in the transaction that commits them, that the rows of a token are on their way no more."""
    about = schema.about
    connection.execute(sa.delete(about).where(about.c.name == _MARK + token))


def left_before(book: Book, latest: int) -> list[str]:
    """Name the tokens whose rows began to be written before a moment, in microseconds, and never were shown."""
    about = schema.about
    with book.reading() as connection:
        marks = connection.execute(sa.select(about).where(about.c.name.startswith(_MARK))).all()
    return sorted(mark.name.removeprefix(_MARK) for mark in marks if int(mark.value) < latest)


def remove_beforehand(book: Book, token: str) -> None:
    """Remove what was written under a token that no commit has; in parts as it was written, the mark last."""
    for table, key in ((schema.exception, "exception_id"), (schema.statement, "position")):
        some = sa.select(table.c[key]).where(table.c.token == token).limit(ROWS_AT_ONCE)
        part = sa.delete(table).where(table.c.token == token, table.c[key].in_(some))
        removed = ROWS_AT_ONCE
        while removed == ROWS_AT_ONCE:
            with book.writing() as connection:
                removed = connection.execute(part).rowcount
            book.give_way()
    with book.writing() as connection:
        shown(connection, token)
