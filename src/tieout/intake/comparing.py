"""
What the stores hold, beside what performing everything again gave.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.store import schema

if TYPE_CHECKING:
    from tieout.store.workplace import Store

__all__ = ["differences", "figures_of"]

# What a masked digit cannot change: compared where a redacted copy stands in for what was erased.
_FIGURES = (
    *("kind", "status", "account_id", "booked_on", "value_on", "due_on", "currency", "exponent"),
    *("amount", "fee", "fee_tax", "tax", "net"),
)


def figures_of(store: Store, version: int) -> Counter[tuple[object, ...]]:
    """Count the figures of the records that a commit brought."""
    import pyarrow.parquet as pq

    file = schema.lake_file
    query = sa.select(file.c.path).where(file.c.table_name == "records", file.c.version == version)
    with store.book.reading() as connection:
        paths = [store.lake.full(path) for path in connection.scalars(query)]
    found: Counter[tuple[object, ...]] = Counter()
    for path in paths:
        with pq.ParquetFile(path) as rows:
            for batch in rows.iter_batches(columns=list(_FIGURES)):
                found.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return found


def differences(store: Store, scratch: Store) -> list[str]:
    """Hold what the book says now against what performing everything again wrote."""
    found = []
    gone_ids = _erased(store)
    for table in (schema.delivery, schema.lake_file, schema.statement, schema.exception):
        now, again = _content(store, table, gone_ids), _content(scratch, table, gone_ids)
        if now != again:
            gone, extra = len(again - now), len(now - again)
            found.append(
                f"the book's table {table.name} was changed: {gone} row(s) are missing or differ, {extra} too many"
            )
    return found


def _erased(store: Store) -> list[str]:
    table = schema.delivery
    with store.book.reading() as connection:
        return list(connection.scalars(sa.select(table.c.delivery_id).where(table.c.wrapped_key.is_(None))))


def _content(store: Store, table: sa.Table, erased: list[str]) -> set[tuple[object, ...]]:
    """Give the committed rows of a table, without what differs from one machine or moment to another."""
    commit = schema.ledger_commit
    query = sa.select(table)
    if "token" in table.c:
        query = sa.select(table, commit.c.version).join(commit, commit.c.token == table.c.token)
    beside = {"token", "path", "sha256", "bytes", "sibling", "opened_at"}
    if table is schema.delivery:  # one that was erased says so instead of what was found in it
        query = query.where(table.c.version.is_not(None), table.c.delivery_id.not_in(erased))
        beside |= {"wrapped_key", "key_id", "times_seen"}
    with store.book.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return {tuple(value for name, value in row.items() if name not in beside) for row in rows}
