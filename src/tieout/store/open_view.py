"""
What the open view consists of: for each of its tables, the files whose rows together are what stands in the book.

A lake file all of whose rows stand is shown itself. Of one with rows that do not (superseded, or taken back), copies
without them are shown, one for each group of rows: when the next row is superseded, one group is copied again and not
the file. Of what runs found copies are shown that say of which run each row is, because a lake file cannot: a run is
named by what its files hold.

To add a table, name it in :data:`SHOWN` and say in :func:`_hidden` which of its rows do not stand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from tieout.store import schema
from tieout.store.corrected import as_corrected, corrected_since
from tieout.store.engine import paths
from tieout.store.lake import LakeWriter
from tieout.store.runs import facts_version, results_at
from tieout.store.tables import RESULTS, table_schema
from tieout.store.views import table as lake_table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import ResultFile, Results
    from tieout.store.workplace import Store

__all__ = [
    "SHOWN",
    "Piece",
    "Standing",
    "known_stems",
    "pieces",
    "shown_schema",
    "stem_of",
    "take_standing",
    "write_copy",
]

#: The tables of the open view.
SHOWN = ("records", "balances", "matches", "adjustments", "journals")

_GROUP_ROWS = 122_880
_OF_A_RUN = pa.schema([("run_id", pa.string()), ("run_sequence", pa.int64()), ("provisional", pa.bool_())])


def shown_schema(name: str) -> pa.Schema:
    """Give the columns of a table of the open view: the lake's, and of results which run each row is of."""
    own = table_schema(name)
    return pa.schema([*own, *_OF_A_RUN]) if name in RESULTS else own


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What the book says stands, read at one moment.

    :ivar facts: how many commits there were; ``runs``: the sequence of the last run.
    :ivar files: the live files of ``records``, ``balances`` and ``superseded``.
    :ivar corrected: those of ``superseded`` that no run has seen to yet (``corrected_since``).
    """

    facts: int
    runs: int
    files: dict[str, list[LakeFile]]
    results: Results
    corrected: list[LakeFile]

    @property
    def digest(self) -> str:
        """Digest all that decides which rows are shown."""
        files = {name: [file.path for file in listed] for name, listed in self.files.items()}
        results = [(f.file.path, f.provisional) for f in self.results.files]
        voids = [(match.hex(), sequence) for match, sequence, _ in self.results.voids]
        said = [self.facts, self.runs, files, results, voids]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def take_standing(store: Store) -> Standing:
    """Read the book once."""
    with store.book.reading() as connection:
        results = results_at(connection)
        files = files_at(connection, ("records", "balances", "superseded"))
        corrected = corrected_since(connection, results)
        return Standing(facts_version(connection), results.sequence, files, results, corrected)


def known_stems(store: Store) -> set[str]:
    """Name every file that the book names, also such as were replaced, without folder and ending."""
    with store.book.reading() as connection:
        named = [
            *connection.scalars(sa.select(schema.lake_file.c.path)),
            *connection.scalars(sa.select(schema.run_file.c.path)),
        ]
    return {Path(path).stem for path in named}


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Rows of one lake file that are shown as one file.

    :ivar key: what tells it from every other: the lake file's path where that is shown itself, else the name of a copy
        without what is drawn anew for each.
    :ivar group: the group of rows that a copy is of; None: all of them.
    :ivar hidden: numbers, within the file, of the rows that do not stand.
    :ivar first: the number of the group's first row.
    :ivar run: which run found it; None: a fact.
    """

    key: str
    file: LakeFile
    rows: int
    group: int | None = None
    hidden: tuple[int, ...] = ()
    first: int = 0
    run: ResultFile | None = None

    @property
    def is_copy(self) -> bool:
        """Whether it must be written, because no file of the lake is just that."""
        return self.key != self.file.path


def stem_of(name: str) -> str:
    """Give which lake file a copy is of, as the file's name without its ending."""
    return name.split(".", 1)[0]


def pieces(lake: Lake, con: duckdb.DuckDBPyConnection, standing: Standing, name: str) -> Iterator[Piece]:
    """Give what a table of the open view consists of."""
    found = standing.results.of(name) if name in RESULTS else []
    runs = {one.file.path: one for one in found}
    files = [one.file for one in found] if name in RESULTS else standing.files[name]
    files = [file for file in files if file.rows]
    hidden = _hidden(lake, con, standing, name, files)
    for file in files:
        yield from _pieces_of(lake, file, runs.get(file.path), hidden.get(file.path))


def _pieces_of(lake: Lake, file: LakeFile, run: ResultFile | None, hidden: np.ndarray | None) -> Iterator[Piece]:
    if hidden is None:
        whole = file.path if run is None else f"{Path(file.path).stem}.all"
        yield Piece(whole, file, file.rows, run=run)
        return
    metadata = pq.read_metadata(lake.full(file.path))
    first = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        gone = hidden[(hidden >= first) & (hidden < first + count)]
        if len(gone) < count:
            digest = hashlib.sha256(gone.astype("<i8").tobytes()).hexdigest()[:16]
            key = f"{Path(file.path).stem}.{group}.{digest}"
            yield Piece(key, file, count - len(gone), group, tuple(gone.tolist()), first, run)
        first += count


def _hidden(
    lake: Lake, con: duckdb.DuckDBPyConnection, standing: Standing, name: str, files: list[LakeFile]
) -> dict[str, np.ndarray]:
    """Give, by path, the sorted numbers of the rows that do not stand; a file of which all stand is absent."""
    if not files:
        return {}
    if name == "records" and standing.files["superseded"]:
        gone = lake_table(lake, "superseded", standing.files["superseded"])
        return _numbers(
            lake, con, files,
            f"semi join {gone} s on s.record_key = r.record_key and s.record_id = r.record_id and s.version = r.version",
        )  # fmt: skip
    if name in {"matches", "adjustments"}:
        # What rests on a record that was corrected since is shown nowhere: its amounts are no record's any more.
        stand = as_corrected(con, lake, standing.files, standing.corrected, standing.results)
        if not stand.voids:
            return {}
        _register(con, lake, stand, name)
        return _numbers(
            lake, con, files,
            # As store.runs.standing_matches: a void takes back what stood when it was made.
            "join shown_runs o on o.path = r.filename"
            " semi join shown_voids v on v.match_id = r.match_id and v.sequence > o.sequence",
        )  # fmt: skip
    return {}


def _register(con: duckdb.DuckDBPyConnection, lake: Lake, results: Results, name: str) -> None:
    found, voids = results.of(name), results.voids
    con.register(
        "shown_runs",
        pa.table(
            {
                "path": [lake.full(f.file.path) for f in found if f.file.rows],
                "sequence": [f.sequence for f in found if f.file.rows],
            }
        ),
    )
    con.register(
        "shown_voids",
        pa.table({"match_id": pa.array([v[0] for v in voids], pa.binary(16)), "sequence": [v[1] for v in voids]}),
    )


def _numbers(
    lake: Lake, con: duckdb.DuckDBPyConnection, files: list[LakeFile], condition: str
) -> dict[str, np.ndarray]:
    """Give, by path, the numbers of the rows that a join leaves."""
    listed = {lake.full(file.path): file.path for file in files}
    rows = f"read_parquet({paths(list(listed))}, filename = true, file_row_number = true, union_by_name = true)"
    found = con.sql(
        f"select r.filename, list(r.file_row_number order by r.file_row_number) from {rows} r {condition} group by r.filename"
    ).to_arrow_table()
    numbers = found.column(1)
    return {
        listed[path]: numbers[place].values.to_numpy(zero_copy_only=False)
        for place, path in enumerate(found.column(0).to_pylist())
    }


def write_copy(lake: Lake, piece: Piece, name: str, path: str, beat: Callable[[], None]) -> None:
    """
    Write the rows of a piece that stand, in the columns that its table has now.

    :param path: of the new file, relative to the folder of the open view.
    :param beat: called before each group of rows.
    """
    wanted = shown_schema(name)
    own = table_schema(name)
    with (
        pq.ParquetFile(lake.full(piece.file.path)) as source,
        LakeWriter(lake.open_view, path, name, wanted, piece.file.delivery_id, _GROUP_ROWS) as writer,
    ):
        groups = range(source.num_row_groups) if piece.group is None else [piece.group]
        for group in groups:
            beat()
            rows = source.read_row_group(group)
            given = {field: rows[field] for field in rows.column_names}
            columns: list[Any] = [given.get(f.name, pa.nulls(len(rows), f.type)) for f in own]
            stands = np.ones(len(rows), dtype=bool)
            stands[np.array(piece.hidden, dtype=np.int64) - piece.first] = False
            laid = pa.table(columns, names=own.names).cast(own).filter(pa.array(stands))
            writer.write(_with_run(laid, piece.run))
    assert writer.rows == piece.rows, path  # noqa: S101 - what is shown is what was counted


def _with_run(rows: pa.Table, run: ResultFile | None) -> pa.Table:
    if run is None:
        return rows
    said = {"run_id": run.run_id, "run_sequence": run.sequence, "provisional": run.provisional}
    for field in _OF_A_RUN:
        rows = rows.append_column(field, pa.repeat(pa.scalar(said[field.name], field.type), len(rows)))
    return rows
