"""
Apache Iceberg: tables that name files of ours, in a catalog of their own. The only module that speaks to PyIceberg.

PyIceberg opens transactions of its own, so nothing here is called while a transaction of the book is open. It syncs no
file and deletes none but its own metadata: after a power cut a table may be unreadable, which is an
:class:`UnreadableError`, and it is made anew from the book.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tieout.errors import Transient, WrongUse
from tieout.store.files import make_folder

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table

__all__ = ["CATALOG", "NAMESPACE", "IcebergCatalog", "IcebergTable", "MovedError", "UnreadableError"]

#: What readers call the catalog and its one namespace.
CATALOG = NAMESPACE = "tieout"

#: Snapshots carry these: how far the book was, and a digest of all that decides what is shown.
SAID = ("tieout.facts", "tieout.runs", "tieout.state")

# Tables carry these: whose view it is, and which columns it has.
_BOOK, _COLUMNS = "tieout.book", "tieout.columns"
# More than so many files that list files are made fewer.
_MANIFESTS_MAX = 20
_BUSY_WAIT_S = 60
# Signs that begin something else in a URI, and those that readers of URIs leave out.
_NOT_IN_A_URI = "#?%"
_LEFT_OUT = "\n\r\t"


class MovedError(Exception):
    """Somebody else changed the table since it was loaded: nothing was written; look again."""


class UnreadableError(Exception):
    """The table's metadata is damaged or gone."""


class IcebergCatalog:
    """The catalog of the open view, and the folder in which its tables keep what only they need."""

    def __init__(self, url: str, folder: Path, book_id: str) -> None:
        """
        Open a catalog, creating it where there is none.

        :param url: of a SQLite file or of PostgreSQL, as for a book.
        :param folder: where the tables' metadata and copies lie.
        :param book_id: whose view it is.
        :raises WrongUse: PyIceberg is missing, or the folder has no URI.
        """
        try:
            from pyiceberg.catalog.sql import SqlCatalog
        except ModuleNotFoundError:
            message = "the open view needs PyIceberg 0.12, found none: pip install 'tieout[iceberg]'"
            raise WrongUse(message) from None
        self._folder, self._book_id = folder, book_id
        self._root = _uri_of(folder)
        make_folder(folder)
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            make_folder(Path(str(parsed.database)).resolve().parent)
            parsed = parsed.update_query_dict({"timeout": str(_BUSY_WAIT_S)})
        said = {"uri": parsed.render_as_string(hide_password=False), "warehouse": self._root}
        with _translated():
            for left in (2, 1, 0):
                try:
                    self._catalog = SqlCatalog(CATALOG, **said)
                    self._catalog.create_namespace_if_not_exists(NAMESPACE)
                    break
                except DBAPIError:  # another process was just making the tables, or the namespace
                    if not left:
                        raise

    def table(self, name: str, columns: pa.Schema, *, anew: bool = False) -> IcebergTable:
        """
        Load a table as it is now, creating it, or making it anew where it cannot be used.

        It cannot be used if its metadata is unreadable, if it lies elsewhere (the workspace was copied or moved), or if
        its columns have other types than they have now.

        :param anew: make it anew whatever it is.
        :raises WrongUse: it belongs to another workspace.
        """
        from pyiceberg.exceptions import NoSuchTableError, TableAlreadyExistsError

        identifier = (NAMESPACE, name)
        with _translated():
            try:
                found = None if anew else self._usable(identifier, columns)
                if found is None:
                    with suppress(NoSuchTableError):
                        self._catalog.drop_table(identifier)
                    with suppress(TableAlreadyExistsError):
                        self._create(identifier, columns)
                    found = self._catalog.load_table(identifier)
            except NoSuchTableError:  # another process drops and creates it just now
                raise MovedError from None
        return IcebergTable(found)

    def _usable(self, identifier: tuple[str, str], columns: pa.Schema) -> Table | None:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            found = self._catalog.load_table(identifier)
        except NoSuchTableError:
            return None
        except DBAPIError:
            raise
        except Exception:  # noqa: BLE001 - damaged metadata fails in whatever reads it first
            return None
        if found.location() != self._location(identifier):
            if found.properties.get(_BOOK) not in {None, self._book_id}:
                message = (
                    f"expected a catalog of this workspace, got one whose table {'.'.join(identifier)} is of another"
                    f" ({found.location()}): set [workspace] catalog to a database of its own"
                )
                raise WrongUse(message)
            return None
        return self._evolved(found, columns)

    def _evolved(self, found: Table, columns: pa.Schema) -> Table | None:
        """Give a table the columns that came since; files of before have nothing in them. None: that cannot be."""
        from pyiceberg.exceptions import CommitFailedException, ValidationError

        if found.properties.get(_COLUMNS) == str(columns):
            return found
        try:
            with found.transaction() as change:
                with change.update_schema() as update:
                    update.union_by_name(columns)
                change.set_properties({_COLUMNS: str(columns)})
        except CommitFailedException:
            raise MovedError from None
        except (ValueError, ValidationError):  # a column has another type than it had
            return None
        return found

    def _create(self, identifier: tuple[str, str], columns: pa.Schema) -> None:
        self._catalog.create_table(
            identifier, columns, location=self._location(identifier), properties=_properties(columns, self._book_id)
        )

    def _location(self, identifier: tuple[str, str]) -> str:
        return f"{self._root}/{identifier[1]}"

    def close(self) -> None:
        """Give the connections back."""
        self._catalog.engine.dispose()


class IcebergTable:
    """One table, as it was when it was loaded: whoever changes it meanwhile wins, and :meth:`commit` says so."""

    def __init__(self, table: Table) -> None:
        """Use :meth:`IcebergCatalog.table`."""
        self._table = table
        self._listed: dict[str, DataFile] | None = None

    @property
    def said(self) -> dict[str, str]:
        """Give what the current snapshot says of the book; empty where there is none."""
        snapshot = self._table.current_snapshot()
        properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        return {name: properties[name] for name in SAID if name in properties}

    @property
    def rows(self) -> tuple[int, int]:
        """Give how many rows and how many files the current snapshot says that it has."""
        snapshot = self._table.current_snapshot()
        properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        return int(properties.get("total-records", 0)), int(properties.get("total-data-files", 0))

    def paths(self) -> set[str]:
        """
        Give the absolute paths of the files that it consists of.

        :raises UnreadableError: its metadata is damaged.
        """
        return set(self._files())

    def _files(self) -> dict[str, DataFile]:
        if self._listed is None:
            try:
                files = list(self._entries(self._manifests()))
            except Exception as error:
                raise UnreadableError from error
            self._listed = {_path_of(file.file_path): file for file in files}
            if len(self._listed) < len(files):  # somebody else added a file twice
                raise UnreadableError
        return self._listed

    def _manifests(self, snapshot: Any = None) -> list[ManifestFile]:
        current = snapshot or self._table.current_snapshot()
        return list(current.manifests(self._table.io)) if current else []

    def _entries(self, manifests: Sequence[ManifestFile]) -> Iterator[DataFile]:
        for manifest in manifests:
            for entry in manifest.fetch_manifest_entry(self._table.io, discard_deleted=True):
                yield entry.data_file

    def commit(self, add: Sequence[str], remove: Sequence[str], said: Mapping[str, str]) -> None:
        """
        Make one snapshot out of what is there: without some files, with others.

        :param add, remove: absolute paths.
        :raises MovedError: the table is not as it was loaded any more; nothing was changed.
        """
        from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationException
        from pyiceberg.io.pyarrow import parquet_file_to_data_file

        listed = self._files()
        table = self._table
        try:
            with _translated():
                change = table.transaction()
                if table.metadata.name_mapping() is None:
                    # Lake files have no ids of columns: readers find columns by their names.
                    names = table.schema().name_mapping.model_dump_json()
                    change.set_properties({"schema.name-mapping.default": names})
                update = change.update_snapshot(snapshot_properties=dict(said))
                # Appending also makes the files that list files fewer; only replacing can take any out.
                with update.overwrite() if remove else update.merge_append() as snapshot:
                    for path in sorted(remove):
                        snapshot.delete_data_file(listed[path])
                    for path in sorted(add):
                        snapshot.append_data_file(parquet_file_to_data_file(table.io, table.metadata, _uri_of(path)))
                change.commit_transaction()
        except (CommitFailedException, ValidationException, NoSuchTableError) as error:
            raise MovedError from error
        self._listed = None

    def tidy(self, before: dt.datetime) -> None:
        """
        Make the files that list files fewer, and forget snapshots of before a moment. No file is deleted.

        :raises MovedError: somebody else changed the table meanwhile.
        """
        from pyiceberg.exceptions import CommitFailedException, NoSuchTableError

        if len(self._manifests()) > _MANIFESTS_MAX:
            self.commit((), (), self.said)
        latest = int(before.timestamp() * 1000)
        head = self._table.metadata.current_snapshot_id
        old = [s for s in self._table.metadata.snapshots if s.timestamp_ms < latest and s.snapshot_id != head]
        if not old:
            return
        try:
            with _translated():
                self._table.maintenance.expire_snapshots().older_than(before).commit()
        except (CommitFailedException, NoSuchTableError) as error:
            raise MovedError from error

    def reachable(self) -> set[str]:
        """
        Give the absolute paths of everything that some snapshot of it needs: metadata and data.

        :raises UnreadableError: its metadata is damaged.
        """
        metadata = self._table.metadata
        found = {self._table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
        manifests: dict[str, ManifestFile] = {}
        try:
            for snapshot in metadata.snapshots:
                found.add(snapshot.manifest_list)
                manifests |= {one.manifest_path: one for one in self._manifests(snapshot)}
            found |= {*manifests, *(file.file_path for file in self._entries(list(manifests.values())))}
        except Exception as error:
            raise UnreadableError from error
        return {_path_of(uri) for uri in found}


def _properties(columns: pa.Schema, book_id: str) -> dict[str, str]:
    import pyarrow as pa

    days = [field.name for field in columns if pa.types.is_date(field.type)]
    return {
        _BOOK: book_id,
        _COLUMNS: str(columns),
        # The lake's files are the book's: no engine may delete them, whatever expires.
        "gc.enabled": "false",
        # A commit that lost must be computed anew, not be sent again.
        "commit.retry.num-retries": "0",
        "commit.manifest-merge.enabled": "true",
        "commit.manifest.min-count-to-merge": str(_MANIFESTS_MAX),
        # Days are what files can be left out by; the lake keeps no statistics of text.
        "write.metadata.metrics.default": "none",
        **{f"write.metadata.metrics.column.{name}": "full" for name in days},
    }


def _uri_of(path: Path | str) -> str:
    """
    Give an absolute path as Iceberg names files.

    :raises WrongUse: it holds a sign that begins something else in a URI, which PyIceberg does not write out.
    """
    text = str(path)
    wrong = next((sign for sign in _NOT_IN_A_URI + _LEFT_OUT if sign in text), None)
    if wrong is not None:
        got = wrong if wrong in _NOT_IN_A_URI else "a line break or a tab"
        message = f"Iceberg names files by URI: expected a path without {' '.join(_NOT_IN_A_URI)}, got {got} in {text}"
        raise WrongUse(message)
    return f"file://{text}"


def _path_of(uri: str) -> str:
    """Give the absolute path of a file that Iceberg names."""
    return uri.removeprefix("file://")


@contextmanager
def _translated() -> Iterator[None]:
    """Say of a database that does not answer that it may answer later."""
    try:
        yield
    except DBAPIError as error:
        message = f"the catalog of the open view did not answer ({str(error.orig).strip()}): try again"
        raise Transient(message) from error
