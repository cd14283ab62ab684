"""
Writing the work list into PostgreSQL: columns arrive by COPY, and the database compares.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.store import schema
from tieout.store.book import hold_worklist

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

__all__ = ["copied"]

_LIST = schema.worklist
_WRITTEN = schema.stored_columns(_LIST)
_WANTED = sa.Table(
    "worklist_wanted",
    sa.MetaData(),
    *(sa.Column(column.name, column.type) for column in _WRITTEN),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
_TOLD = [column.name for column in _WRITTEN if column.name not in {"exception_id", "opened_at"}]


def copied(connection: sa.Connection, wanted: Iterable[pa.RecordBatch]) -> int:
    """
    Make the work list say what it is given, within the caller's transaction; no other writer of the book waits.

    :param wanted: ordered by ``exception_id``; of two rows with one the first counts.
    :return: how many rows changed.
    """
    _WANTED.create(connection, checkfirst=False)
    _load(connection, wanted)
    hold_worklist(connection)
    stood, now = _LIST.c, _WANTED.c
    gone = sa.delete(_LIST).where(~sa.exists().where(now.exception_id == stood.exception_id))
    # What opened stays opened: a run that finds the same again does not make it younger.
    changed = (
        sa.update(_LIST)
        .values({name: now[name] for name in _TOLD})
        .where(now.exception_id == stood.exception_id)
        .where(sa.or_(*(stood[name].is_distinct_from(now[name]) for name in _TOLD)))
    )
    names = [column.name for column in _WRITTEN]
    fresh = sa.select(*(now[name] for name in names)).where(~sa.exists().where(stood.exception_id == now.exception_id))
    new = sa.insert(_LIST).from_select(names, fresh)
    counted = connection.execution_options(preserve_rowcount=True)
    return sum(counted.execute(statement).rowcount for statement in (gone, changed, new))


def _load(connection: sa.Connection, wanted: Iterable[pa.RecordBatch]) -> None:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    driver: Any = connection.connection.driver_connection
    options = pacsv.WriteOptions(include_header=False)
    last = None
    with driver.cursor() as cursor:
        for batch in wanted:
            ids = batch.column("exception_id").to_pylist()
            kept = [place for place, one in enumerate(ids) if one != (ids[place - 1] if place else last)]
            last = ids[-1] if ids else last
            text = io.BytesIO()
            distinct = batch if len(kept) == len(ids) else batch.take(pa.array(kept, pa.int64()))
            pacsv.write_csv(distinct, text, options)
            names = ", ".join(batch.schema.names)
            with cursor.copy(f"copy {_WANTED.name} ({names}) from stdin (format csv)") as copy:
                copy.write(text.getbuffer())
        cursor.execute(f"create unique index on {_WANTED.name} (exception_id)")
        cursor.execute(f"analyze {_WANTED.name}")
