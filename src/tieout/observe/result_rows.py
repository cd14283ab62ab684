"""
Reading few rows of the files that runs left, without reading the whole of any.

Result files are in the order of their records, so that a look-up by record reads a small part of each; by match it reads
the identities of matches alone, once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tieout.observe.exporting.writing import literal
from tieout.observe.things.lookup import identity_range
from tieout.store.engine import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tieout.store.lake import Lake
    from tieout.store.runs import ResultFile, Results

    #: The least and the largest key.
    Span = tuple[int, int]

__all__ = ["ResultRows", "hexadecimal", "spans_of"]


class ResultRows:
    """
    Reads few rows of result files.

    :ivar results: what runs have left standing.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, lake: Lake, results: Results) -> None:
        """Read what stands in some results."""
        self._con, self._lake, self.results = con, lake, results
        self._voids: dict[bytes, int] = {}
        for match_id, sequence, _ in results.voids:
            self._voids[match_id] = max(sequence, self._voids.get(match_id, 0))
        self._whole: dict[tuple[str, str], npt.NDArray[np.int64]] = {}
        self._told: dict[tuple[str, str, tuple[Span, ...]], list[tuple[dict[str, Any], ResultFile]]] = {}

    def rows(self, table_name: str, column: str, spans: Sequence[Span]) -> list[tuple[dict[str, Any], ResultFile]]:
        """
        Give the rows that stand and whose column lies in one of some spans, with the file that each is in.

        The column alone is read first, and of the others only the parts that hold a row. What was asked before is
        remembered: the matches of a thing are told, and its chain runs through the same ones.
        """
        rows = self._every(table_name, column, spans)
        if table_name in {"matches", "adjustments"}:
            rows = [(row, f) for row, f in rows if self._ended_by(row) <= f.sequence]
        return [(dict(row), file) for row, file in rows]

    def freed(self, spans: Sequence[Span]) -> list[tuple[dict[str, Any], ResultFile]]:
        """Give the rows of matches, by keys of records, that were taken back since their reconciliation ran last."""
        last = self.results.last
        return [
            (dict(row), f)
            for row, f in self._every("matches", "record_key", spans)
            if row["status"] == "confirmed"
            and self._ended_by(row)
            > max(f.sequence, last[f.reconciliation]["sequence"] if f.reconciliation in last else 0)
        ]

    def _ended_by(self, row: dict[str, Any]) -> int:
        return self._voids.get(bytes(row["match_id"]), 0)

    def _every(self, table_name: str, column: str, spans: Sequence[Span]) -> list[tuple[dict[str, Any], ResultFile]]:
        asked = (table_name, column, tuple(sorted(spans)))
        if asked not in self._told:
            self._told[asked] = self._read(table_name, column, spans)
        return self._told[asked]

    def _read(self, table_name: str, column: str, spans: Sequence[Span]) -> list[tuple[dict[str, Any], ResultFile]]:
        files = {self._lake.full(f.file.path): f for f in self.results.of(table_name)}
        places = {path: found for path in files if (found := self._found(path, column, spans))}
        if not places:
            return []
        wanted = " or ".join(
            f"(filename = {literal(path)} and file_row_number in ({', '.join(map(str, rows))}))"
            for path, rows in places.items()
        )
        every = ", ".join(str(row) for row in sorted({row for rows in places.values() for row in rows}))
        source = f"read_parquet({paths(list(places))}, filename = true, file_row_number = true)"
        read = self._con.sql(f"select * from {source} where file_row_number in ({every}) and ({wanted})")
        names = read.columns
        told = [dict(zip(names, row, strict=True)) for row in read.fetchall()]
        return [(row, files[row.pop("filename")]) for row in told]

    def _found(self, path: str, column: str, spans: Sequence[Span]) -> list[int]:
        """Find the rows of a file whose column lies in one of some spans; of identities the first 64 bits are compared."""
        import numpy as np

        if _has_statistics(path, column):
            groups = _in_groups(path, column, spans)
            return [row for first, keys in groups for row in (_hits(keys, spans) + first).tolist()]
        # All of it must be read: once, however many hops a chain has.
        if (path, column) not in self._whole:
            parts = [keys for _, keys in _in_groups(path, column)]
            self._whole[path, column] = np.concatenate([np.zeros(0, np.int64), *parts])
        return _hits(self._whole[path, column], spans).tolist()  # type: ignore[no-any-return]  # numpy's stubs say Any


def _has_statistics(path: str, column: str) -> bool:
    """Say whether a file tells the least and the largest key of each group of rows."""
    footer = _footer(path)
    place = footer.schema.names.index(column)
    stated = (footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups))
    return all(one is not None and one.has_min_max and isinstance(one.min, int) for one in stated)


def _in_groups(
    path: str, column: str, spans: Sequence[Span] | None = None
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Give the keys of a file group by group, with the number of the first row; with spans only groups that may hold one."""
    import pyarrow.parquet as pq

    footer = _footer(path)
    place = footer.schema.names.index(column)
    first = 0
    with pq.ParquetFile(path, metadata=footer) as file:
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            stated = group.column(place).statistics
            if spans is None or any(stated.min <= high and low <= stated.max for low, high in spans):
                values = file.read_row_group(number, columns=[column], use_threads=False)[column].combine_chunks()
                yield first, _keys(values)
            first += group.num_rows


def _hits(keys: npt.NDArray[np.int64], spans: Sequence[Span]) -> npt.NDArray[np.int64]:
    import numpy as np

    return np.flatnonzero(np.any([(keys >= low) & (keys <= high) for low, high in spans], axis=0))


def _keys(values: pa.Array) -> npt.NDArray[np.int64]:
    """Give keys as numbers: of an identity its first 64 bits, in the order of ``identity_range``."""
    import numpy as np
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    if pa.types.is_fixed_size_binary(values.type):
        whole = np.frombuffer(values.buffers()[1], ">i8", 2 * (len(values) + values.offset))
        return whole[2 * values.offset :: 2].astype(np.int64)
    return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]  # Arrow has no types


@lru_cache(maxsize=1_000)
def _footer(path: str) -> pq.FileMetaData:
    """Read the footer of a result file, which never changes."""
    import pyarrow.parquet as pq

    return pq.read_metadata(path)


def spans_of(ids: Iterable[str]) -> list[Span]:
    """Give the keys of identities, or of all that begin with some hexadecimal digits."""
    found = [identity_range(digits) for digits in ids]
    return [(span.low, span.high) for span in found]


def hexadecimal(value: Any) -> str:
    """Write an identity as people read it."""
    return bytes(value).hex()
