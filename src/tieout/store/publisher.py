"""
The publisher of the open view: lake tables as Apache Iceberg, for engines that are not ours.

The view is made from the book and is never read back: whatever happens to it, publishing again makes it right. Each
table is loaded before the book is read, and a commit fails if the table was changed since, so that of two publishers
the one that knew less never has the last word; a lease in the book only keeps them from doing the same work twice.

What is shown equals ``store.views.current_records``, the balances, and ``store.runs.standing_matches`` at the versions
that every snapshot names (``tieout.facts``, ``tieout.runs``).
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.errors import Broken, Transient, WrongUse
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.iceberg import IcebergCatalog, MovedError, UnreadableError
from tieout.store.lease import LEASE_S, leased
from tieout.store.open_view import SHOWN, known_stems, pieces, shown_schema, stem_of, take_standing, write_copy

if TYPE_CHECKING:
    import duckdb

    from tieout.store.iceberg import IcebergTable
    from tieout.store.lease import Lease
    from tieout.store.open_view import Piece, Standing
    from tieout.store.workplace import Store

__all__ = ["EVERY_S", "Publication", "Published", "publish"]

#: Seconds between two looks at the book of a publisher that stays: with its work, the view is at most a minute behind.
EVERY_S = 20
#: Snapshots are kept for so long: a reader that began with one can finish.
_KEPT_S = 3_600
#: What no snapshot needs may be of a commit that is about to be made, until it is this old.
_ORPHAN_AGE_S = 86_400
_ATTEMPTS_MAX = 10


@dataclass(frozen=True, slots=True)
class Published:
    """One table of the open view: how many rows and files it has, and how many files came and went."""

    table: str
    rows: int
    files: int
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Publication:
    """
    What was published.

    :ivar facts, runs: how far the book was: its commits, and the sequence of its last run.
    :ivar changed: whether anything was not so already.
    """

    facts: int
    runs: int
    tables: tuple[Published, ...]
    changed: bool


def publish(store: Store, catalog_url: str, *, trusting: bool = False) -> Publication:
    """
    Bring the open view to what the book says now.

    :param trusting: a table that says it is up to date is not compared file by file.
    :raises WrongUse: PyIceberg is missing, or the catalog is not one of its own.
    :raises Transient: others are publishing all the time, or a database did not answer.
    :raises Broken: a lake file is missing.
    """
    if sa.make_url(catalog_url) == store.book.engine.url:
        message = "expected a database of its own for [workspace] catalog, got the book's"
        raise WrongUse(message)
    folder = store.lake.open_view.resolve()
    with (
        leased(store, f"open view {folder}", 2 * LEASE_S) as lease,
        closing(IcebergCatalog(catalog_url, folder, _book_id(store))) as catalog,
    ):
        attempt = _Attempt(store, catalog, folder, lease)
        for _ in range(_ATTEMPTS_MAX):
            try:
                return attempt.run(trusting=trusting)
            except MovedError:
                lease.renew()
    message = f"the open view was changed by others {_ATTEMPTS_MAX} times in a row: try again later"
    raise Transient(message)


def _book_id(store: Store) -> str:
    about = schema.about
    with store.book.reading() as connection:
        return connection.scalar(sa.select(about.c.value).where(about.c.name == "book_id")) or ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt at publishing; where it fails, what it has committed stays, and the next one goes on from there."""

    store: Store
    catalog: IcebergCatalog
    folder: Path
    lease: Lease

    def run(self, *, trusting: bool) -> Publication:
        """Bring every table to what the book says, and delete what nobody needs any more."""
        # Before the book is read: what is committed to a table from here on makes our commit to it fail.
        tables = {name: self.catalog.table(name, shown_schema(name)) for name in SHOWN}
        standing = take_standing(self.store)
        said = {"tieout.facts": str(standing.facts), "tieout.runs": str(standing.runs), "tieout.state": standing.digest}
        self.store.spill.mkdir(parents=True, exist_ok=True)
        with closing(connect(self.store.spill)) as con:
            done = []
            for name, table in tables.items():
                self.lease.renew()
                if trusting and table.said == said:
                    done.append((Published(name, *table.rows), False))
                    continue
                try:
                    done.append(self._bring(con, name, table, standing, said))
                except UnreadableError:
                    self.catalog.table(name, shown_schema(name), anew=True)
                    raise MovedError from None
                except (Broken, FileNotFoundError):
                    if take_standing(self.store).digest == standing.digest:
                        raise
                    raise MovedError from None  # a card number was found, and its file has left the lake meanwhile
        changed = any(one for _, one in done)
        if changed:
            for table in tables.values():
                table.tidy(self.store.clock.now() - dt.timedelta(seconds=_KEPT_S))
        self._sweep()
        return Publication(standing.facts, standing.runs, tuple(one for one, _ in done), changed)

    def _bring(
        self, con: duckdb.DuckDBPyConnection, name: str, table: IcebergTable, standing: Standing, said: dict[str, str]
    ) -> tuple[Published, bool]:
        """Bring one table to what stands: the set difference of what it names and what it should."""
        lake = self.store.lake
        wanted = {piece.key: piece for piece in pieces(lake, con, standing, name)}
        published: dict[str, str] = {}
        gone = []
        for path in sorted(table.paths()):
            key = self._key_of(path)
            if key in wanted and key not in published and Path(path).exists():
                published[key] = path
            else:
                gone.append(path)
        new = [piece for key, piece in wanted.items() if key not in published]
        told = Published(name, sum(p.rows for p in wanted.values()), len(wanted), len(new), len(gone))
        if not new and not gone and table.said == said:
            return told, False
        added = {}
        try:
            for piece in new:
                added[piece.key] = self._file_of(piece, name)
            self.lease.renew()
            table.commit([str(path) for path in added.values()], gone, said)
        except MovedError:
            for piece in new:
                if piece.is_copy:
                    added[piece.key].unlink(missing_ok=True)
            raise
        return told, True

    def _key_of(self, path: str) -> str:
        """Give which piece a file is that the table names."""
        lake = self.store.lake.root.resolve()
        file = Path(path)
        if file.is_relative_to(lake):
            return file.relative_to(lake).as_posix()
        return file.name.rpartition("-")[0] if file.is_relative_to(self.folder) else path

    def _file_of(self, piece: Piece, name: str) -> Path:
        """Give the file of a piece, written where it is a copy."""
        lake = self.store.lake
        if not piece.is_copy:
            return Path(lake.full(piece.file.path)).resolve()
        drawn = self.store.entropy.token_bytes(8).hex()
        path = f"{name}/data/{piece.key}-{drawn}.parquet"
        write_copy(lake, piece, name, path, self.lease.renew)
        return self.folder / path

    def _sweep(self) -> None:
        """
        Delete what nobody needs, in the folder of the open view only.

        Copies of a lake file that the book has erased go at once; other files once no snapshot needs them and they are
        a day old.
        """
        copies = list(self.folder.glob("*/data/*"))
        known = known_stems(self.store) if copies else set()
        for copy in copies:
            if stem_of(copy.name) not in known:
                copy.unlink(missing_ok=True)
        latest = self.store.clock.now().timestamp() - _ORPHAN_AGE_S
        for name in SHOWN:
            old = [path for path in self.folder.glob(f"{name}/*/*") if _older(path, latest)]
            if not old:
                continue
            # Loaded after the files were listed: what a snapshot began to need meanwhile is younger than a day.
            try:
                needed = self.catalog.table(name, shown_schema(name)).reachable()
            except UnreadableError:
                continue
            for path in old:
                if str(path) not in needed:
                    path.unlink(missing_ok=True)


def _older(path: Path, latest: float) -> bool:
    try:
        return path.stat().st_mtime < latest
    except FileNotFoundError:
        return False
