"""
Masking card numbers in files of the lake that a delivery brought before anybody saw them.

Facts never change but here: a file is written again with masked texts, row for row, and takes the place of the old one
in the transaction that erases the delivery; the audit log says which for which, and the old file is deleted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from tieout.intake.derive import record_keys, reference_rows, rekey
from tieout.intake.fold import content_sql
from tieout.intake.indexes import Gathered, write_index
from tieout.intake.masked_columns import masked_column
from tieout.intake.redaction import mask_of
from tieout.model.records import record_schema
from tieout.store import schema
from tieout.store.engine import paths
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import duckdb

    from tieout.intake.redaction import Mask
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["Swap", "swap", "swapped"]

# Tables that hold texts of a file.
_TEXTS = ("records", "assertions", "quarantine")
_BATCH_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Swap:
    """
    One file that takes the place of another.

    :ivar path: of the old one.
    """

    path: str
    file: LakeFile

    def said(self) -> dict[str, Any]:
        """Give what the audit log binds."""
        bound = asdict(self.file)
        return {"from": self.path} | {name: bound[name] for name in ("table_name", "path", "rows", "sha256", "digest")}


def swapped(store: Store, con: duckdb.DuckDBPyConnection, delivery_id: str, numbers: Collection[str]) -> list[Swap]:
    """
    Write files of a delivery, also such as were replaced, again without these card numbers; where none stands, nothing.

    With them the versions of its records that later deliveries brought: what is believed of a record is written with the
    delivery that came last. Identities stay, as whatever was matched is known by them. Who witnessed a content is a
    witness of the masked one.
    """
    found: list[Swap] = []
    contents: dict[tuple[bytes, int], int] = {}
    for row in _listed(store, schema.lake_file.c.delivery_id == delivery_id):
        if row["table_name"] in _TEXTS and _stands_in(store, row, numbers):
            change = partial(_mask_rows, con, mask_of(numbers), row["table_name"], contents)
            found += _with_index(store, row, change)
    records = {record for record, _ in contents}
    for row in _later_versions(store, con, delivery_id, records):
        if _stands_in(store, row, numbers):
            found += _with_index(store, row, partial(_mask_versions, con, mask_of(numbers), records))
    for row in _listed(store, schema.lake_file.c.table_name == "witnesses") if contents else ():
        witnessed = (_pairs(batch) for batch in _batches(store, row))
        if any(not contents.keys().isdisjoint(pairs) for pairs in witnessed):
            found.append(Swap(row["path"], _written(store, row, partial(_follow, contents))))
    return found


def _with_index(store: Store, row: dict[str, Any], change: Callable[[pa.Table], pa.Table]) -> list[Swap]:
    """Write a file again, and its index of identifiers."""
    new, table = _written(store, row, change), schema.lake_file
    beside = _listed(store, sa.and_(table.c.sibling == row["path"], table.c.table_name == "references"))
    indexes = [Swap(index["path"], replace(_reindexed(store, new), sibling=new.path)) for index in beside]
    return [Swap(row["path"], new), *indexes]


def _later_versions(
    store: Store, con: duckdb.DuckDBPyConnection, delivery_id: str, records: Collection[bytes]
) -> list[dict[str, Any]]:
    """Find the files in which other deliveries brought further versions of some records."""
    table = schema.lake_file
    others = sa.and_(table.c.table_name == "records", table.c.delivery_id != delivery_id)
    files = {store.lake.full(row["path"]): row for row in _listed(store, others)} if records else {}
    if not files:
        return []
    ids = pa.array(sorted(records), pa.binary(16))
    con.register("told", pa.table([ids, record_keys(ids)], names=["record_id", "record_key"]))
    holding = con.execute(
        f"select distinct filename from read_parquet({paths(list(files))}, filename = true, union_by_name = true) r"
        " semi join told t on t.record_key = r.record_key and t.record_id = r.record_id where r.version > 1 order by 1"
    ).fetchall()
    con.unregister("told")
    return [files[path] for (path,) in holding]


def swap(connection: sa.Connection, swaps: Sequence[Swap]) -> None:
    """Put the new files in the places of the old ones."""
    table = schema.lake_file
    for one in swaps:
        values = {name: getattr(one.file, name) for name in ("path", "sha256", "bytes", "digest", "schema_version")}
        connection.execute(sa.update(table).where(table.c.path == one.path).values(**values))
        connection.execute(sa.update(table).where(table.c.sibling == one.path).values(sibling=one.file.path))


def _listed(store: Store, condition: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    table = schema.lake_file
    with store.book.reading() as connection:
        query = sa.select(table).where(condition).order_by(table.c.path)
        return [dict(row) for row in connection.execute(query).mappings()]


def _batches(store: Store, row: dict[str, Any]) -> Iterator[pa.Table]:
    """Read a file in the columns that its table has now."""
    wanted = table_schema(row["table_name"])
    with pq.ParquetFile(store.lake.full(row["path"])) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            given = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns = [given.get(field.name, pa.nulls(len(batch), field.type)) for field in wanted]
            yield pa.table(columns, names=wanted.names).cast(wanted)


def _stands_in(store: Store, row: dict[str, Any], numbers: Collection[str]) -> bool:
    mask = mask_of(numbers)
    for rows in _batches(store, row):
        _masked(rows, mask)
        if mask.found:
            return True
    return False


def _masked(rows: pa.Table, mask: Mask) -> pa.Table:
    columns = [
        pa.chunked_array([masked_column(c, mask) for c in column.chunks], column.type) for column in rows.columns
    ]
    return pa.table(columns, schema=rows.schema)


def _mask_rows(
    con: duckdb.DuckDBPyConnection, mask: Mask, name: str, contents: dict[tuple[bytes, int], int], rows: pa.Table
) -> pa.Table:
    """Mask the texts of some rows, and what is computed of them; remember what their contents are now."""
    masked = _masked(rows, mask)
    if name == "quarantine":
        return masked
    keys = rekey(masked.select(record_schema().names))
    masked = pa.table({n: keys[n] if n in keys.column_names else masked[n] for n in masked.column_names})
    before, after = (_contents(con, table) for table in (rows, masked))
    changed = zip(rows["record_id"].to_pylist(), before.to_pylist(), after.to_pylist(), strict=True)
    contents |= {(record, old): new for record, old, new in changed if old != new}
    if "content" in masked.column_names:
        masked = masked.set_column(masked.schema.get_field_index("content"), "content", after)
    return masked.cast(rows.schema)


def _mask_versions(con: duckdb.DuckDBPyConnection, mask: Mask, records: Collection[bytes], rows: pa.Table) -> pa.Table:
    """Mask what further versions of some records carry on; what a delivery says itself stays, as its bytes say it."""
    chosen = pc.and_(
        pc.greater(rows["version"], 1), pc.is_in(rows["record_id"], pa.array(sorted(records), pa.binary(16)))
    )
    masked = _mask_rows(con, mask, "records", {}, rows.filter(chosen))
    order = pa.concat_arrays([pc.indices_nonzero(pc.invert(chosen)), pc.indices_nonzero(chosen)])
    return pa.concat_tables([rows.filter(pc.invert(chosen)), masked]).take(pc.sort_indices(order))


def _contents(con: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.ChunkedArray:
    """Digest what each row says."""
    con.register("said_rows", rows.append_column("nth", pa.array(range(len(rows)), pa.int64())))
    try:
        query = f"select cast({content_sql('r')} as bigint) as content from said_rows r order by r.nth"
        return pa.chunked_array([pa.array([content for (content,) in con.execute(query).fetchall()], pa.int64())])
    finally:
        con.unregister("said_rows")


def _pairs(rows: pa.Table) -> set[tuple[bytes, int]]:
    """Give (record, content) of every row."""
    return set(zip(rows["record_id"].to_pylist(), rows["content"].to_pylist(), strict=True))


def _follow(contents: dict[tuple[bytes, int], int], rows: pa.Table) -> pa.Table:
    """Let witnesses of a content that was masked be those of what it is now."""
    pairs = zip(rows["record_id"].to_pylist(), rows["content"].to_pylist(), strict=True)
    fresh = pa.array([contents.get(pair, pair[1]) for pair in pairs], pa.int64())
    return rows.set_column(rows.schema.get_field_index("content"), "content", fresh)


def _written(store: Store, row: dict[str, Any], change: Callable[[pa.Table], pa.Table]) -> LakeFile:
    name = row["table_name"]
    with store.lake.writer(name, table_schema(name), row["delivery_id"]) as writer:
        for rows in _batches(store, row):
            writer.write(change(rows))
    return writer.file


def _reindexed(store: Store, file: LakeFile) -> LakeFile:
    """Write the index of a file's identifiers, some of which are masked now."""
    entries, first = Gathered(), 0
    with pq.ParquetFile(store.lake.full(file.path)) as source:
        for batch in source.iter_batches(batch_size=_BATCH_ROWS):
            entries.add(*reference_rows(pa.Table.from_batches([batch]), first))
            first += len(batch)
    index = write_index(store.lake, "references", entries, file.delivery_id)
    assert index is not None  # noqa: S101 - the file that it replaces had rows
    return index
