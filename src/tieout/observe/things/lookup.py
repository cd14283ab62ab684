"""
Finding records by any identifier that any system used for them, without reading the whole lake.

The index files of the lake hold keys in ascending order in small row groups, so that a look-up reads one group of each;
the rows that they point to are then read by file and row number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tieout.model.cross_references import IDENTIFIERS, ROLES
from tieout.model.normal import key_of, normal, normal_column
from tieout.store.engine import paths
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tieout.store.lake import Lake, LakeFile

    Files = dict[str, list[LakeFile]]
    #: A records file and the number of a row in it.
    Place = tuple[str, int]

__all__ = ["KeyRange", "fetch_versions", "find_by_prefix", "find_by_reference", "identity_range"]

_HIT = ("record_id", "record_key", "version")
_AT_ONCE = 50_000
# So many rows are read once and kept; more are read again by each question.
_FEW = 1_000
_KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A span of keys, both ends included."""

    low: int
    high: int


def identity_range(prefix: str) -> KeyRange:
    """Give the keys of the record ids that begin with some hexadecimal digits."""
    low = int(prefix[:_KEY_DIGITS].ljust(_KEY_DIGITS, "0"), 16)
    high = int(prefix[:_KEY_DIGITS].ljust(_KEY_DIGITS, "f"), 16)
    signed = [number - (1 << 64) if number >= 1 << 63 else number for number in (low, high)]
    return KeyRange(*signed)


def find_by_reference(
    con: duckdb.DuckDBPyConnection, lake: Lake, files: Files, wanted: str
) -> tuple[int, frozenset[Place]]:
    """
    Find the rows that name an identifier, in any spelling: table ``hit`` (record_id, record_key, version, roles).

    ``roles`` has bit *n* for ``ROLES[n]``. Rows that only share the key of another identifier are not in it.

    :return: how many rows, and where all that were read for it stand.
    """
    import pyarrow as pa

    key = key_of(wanted)
    found: list[pa.Table] = []
    places = frozenset() if key is None else _places(lake, files["references"], [KeyRange(key, key)])
    if places:
        _read(con, places)
        names = ", ".join(f'r."{name}"' for name in (*_HIT, *IDENTIFIERS, "references"))
        rows = con.sql(f"select {names} from row_found r")
        found = [_verified(batch, normal(wanted)) for batch in rows.to_arrow_reader(_AT_ONCE)]
    kinds = pa.schema({"record_id": pa.binary(16), "record_key": "i8", "version": "i4", "roles": "i4"})
    con.register("verified", pa.concat_tables([kinds.empty_table(), *found]))
    con.execute("create or replace temp table hit as select * from verified")
    con.unregister("verified")
    return sum(part.num_rows for part in found), places


def _verified(batch: pa.RecordBatch, wanted: str) -> pa.Table:
    """Keep the rows that really name the identifier, with the parts that it plays."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    roles: npt.NDArray[np.int32] = np.zeros(batch.num_rows, np.int32)
    for bit, name in enumerate(IDENTIFIERS):
        roles |= _equal(batch[name], wanted).astype(np.int32) << bit
    listed = batch["references"]
    parents = pc.list_parent_indices(listed).to_numpy()
    roles[parents[_equal(pc.list_flatten(listed), wanted)]] |= 1 << (len(ROLES) - 1)
    kinds = [pa.binary(16), pa.int64(), pa.int32()]
    columns = [batch[name].cast(kind) for name, kind in zip(_HIT, kinds, strict=True)]
    found = pa.table([*columns, pa.array(roles)], names=[*_HIT, "roles"])
    return found.filter(pa.array(roles > 0))


def _equal(column: pa.Array, wanted: str) -> npt.NDArray[np.bool_]:
    import pyarrow.compute as pc

    same = pc.fill_null(pc.equal(normal_column(column), wanted), False)  # noqa: FBT003 - Arrow's signature
    return same.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]  # Arrow has no types


def find_by_prefix(con: duckdb.DuckDBPyConnection, lake: Lake, files: Files, prefix: str, most: int) -> list[bytes]:
    """
    Find the records whose id begins with some hexadecimal digits, up to ``most``.
    """
    span = identity_range(prefix)
    places = _places(lake, files["identities"], [span])
    if not places:
        return []
    _read(con, places)
    rows = con.execute(
        f"select distinct record_id from row_found where lower(hex(record_id)) like '{prefix}%'"
        f" order by record_id limit {int(most)}"
    ).fetchall()
    return [bytes(row[0]) for row in rows]


def fetch_versions(
    con: duckdb.DuckDBPyConnection, lake: Lake, files: Files, ids: Sequence[bytes], read: frozenset[Place]
) -> None:
    """
    Read every version of some records: table ``version_row``, with ``gone`` and ``gone_in`` for those superseded.

    :param read: the places of the rows that were read last, which need not be read again.
    """
    import pyarrow as pa

    keys = sorted({identity_range(record_id.hex()).low for record_id in ids})
    listed = ", ".join(map(str, keys))
    con.register("asked", pa.table({"record_id": pa.array(list(ids), pa.binary(16))}))
    places = _places(lake, files["identities"], [KeyRange(key, key) for key in keys])
    if not places <= read:
        _read(con, places)
    con.execute(f"""
        create or replace temp table version_row as
        select r.* exclude (filename, file_row_number), s.reason as gone, s.delivery_id as gone_in
        from row_found r semi join asked a on a.record_id = r.record_id
        left join (
            select record_id, version, min(reason) as reason, arg_min(delivery_id, reason) as delivery_id
            from {table(lake, "superseded", files["superseded"])} where record_key in ({listed}) group by all
        ) s on s.record_id = r.record_id and s.version = r.version
    """)
    con.unregister("asked")


def _places(lake: Lake, indexes: Sequence[LakeFile], spans: Sequence[KeyRange]) -> frozenset[Place]:
    """
    Look keys up in index files: the places of the rows that they point to.

    Without the engine: of each file it reads the few groups of rows that can hold the keys, by its footer.
    """
    import numpy as np
    import pyarrow.parquet as pq

    found: set[Place] = set()
    for file in indexes:
        path, records = lake.full(file.path), lake.full(file.sibling or "")
        footer, least, most = _footer(path)
        groups = np.flatnonzero(np.any([(least <= s.high) & (most >= s.low) for s in spans], axis=0))
        if not len(groups):
            continue
        with pq.ParquetFile(path, metadata=footer) as index:
            part = index.read_row_groups(groups.tolist(), columns=["key", "row"], use_threads=False)
        keys, rows = part["key"].to_numpy(), part["row"].to_numpy()
        hits = rows[np.any([(keys >= s.low) & (keys <= s.high) for s in spans], axis=0)]
        found.update((records, row) for row in hits.tolist())
    return frozenset(found)


@lru_cache(maxsize=1_000)
def _footer(path: str) -> tuple[pq.FileMetaData, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read the footer of an index file, which never changes: with the least and the largest key of each group of rows."""
    import numpy as np
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    column = footer.schema.names.index("key")
    stated = [footer.row_group(group).column(column).statistics for group in range(footer.num_row_groups)]
    known = [(one.min, one.max) if one and one.has_min_max else (-(2**63), 2**63 - 1) for one in stated]
    bounds: npt.NDArray[np.int64] = np.array(known, np.int64).reshape(-1, 2)
    return footer, bounds[:, 0], bounds[:, 1]


def _read(con: duckdb.DuckDBPyConnection, places: frozenset[Place]) -> None:
    """Read the rows at some places: ``row_found``, a table if they are few, else a view."""
    import pyarrow as pa

    listed = sorted(places)
    con.execute("drop table if exists row_found_few")
    con.execute("create or replace temp table place (path varchar, row bigint)")
    con.register("listed", pa.table({"path": [path for path, _ in listed], "row": [row for _, row in listed]}))
    con.execute("insert into place select * from listed")
    con.unregister("listed")
    files = sorted({path for path, _ in listed})
    source = f"read_parquet({paths(files)}, filename = true, file_row_number = true, union_by_name = true)"
    # Said outright as well, the numbers let the engine leave out groups of rows that hold none of them.
    numbers = ", ".join(str(row) for row in sorted({row for _, row in listed})) if len(listed) <= _FEW else ""
    within = f" where f.file_row_number in ({numbers})" if numbers else ""
    query = f"select f.* from {source} f semi join place p on p.path = f.filename and p.row = f.file_row_number{within}"
    if len(listed) <= _FEW:
        con.execute(f"create temp table row_found_few as {query}")
        query = "select * from row_found_few"
    con.execute(f"create or replace temp view row_found as {query}")
