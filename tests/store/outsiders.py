"""
What other engines read of the open view, by the means that docs/open-view.md names, and what the book says itself.

Readers give tables of :data:`SHOWN` as sorted rows, so that two of them can be compared.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import duckdb
import pyarrow as pa

from tieout.observe.results import prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect
from tieout.store.open_view import SHOWN, shown_schema
from tieout.store.publisher import Publication, publish
from tieout.store.views import current_records, table
from tieout.store.workplace import Store

__all__ = ["Rows", "book_says", "by_duckdb", "by_pyiceberg", "by_spark", "catalog_of", "loaded", "planned", "published"]

Rows = dict[str, list[tuple[Any, ...]]]


def catalog_of(store: Store) -> str:
    """Give the URL of the default catalog of a store's workspace."""
    return f"sqlite:///{store.lake.root.parent}/catalog.db"


def published(store: Store, url: str | None = None, **options: Any) -> Publication:
    """Publish, and prove that PyIceberg and DuckDB read what the book says."""
    done = publish(store, url or catalog_of(store), **options)
    said = book_says(store)
    assert by_pyiceberg(url or catalog_of(store)) == said
    assert by_duckdb(url or catalog_of(store)) == said
    assert {one.table: one.rows for one in done.tables} == {name: len(rows) for name, rows in said.items()}
    return done


def book_says(store: Store) -> Rows:
    """Ask the book, as the product does."""
    snapshot = take_snapshot(store)
    files = snapshot.files
    with closing(connect()) as con:
        prepare_results(con, store.lake, snapshot, ["matches", "adjustments", "journals"])
        relations = {
            "records": current_records(store.lake, files["records"], files["superseded"]),
            "balances": table(store.lake, "balances", files["balances"]),
            **{name: f"result_{name}" for name in ("matches", "adjustments")},
            # Drafts stand until the next run.
            "journals": "(select r.*, b.sequence as run_sequence, true as provisional from result_journals r"
            " join book_runs b using (run_id))",
        }
        return {
            name: _sorted(name, con.sql(f"select * from {one}").to_arrow_table()) for name, one in relations.items()
        }


def _sorted(name: str, rows: pa.Table) -> list[tuple[Any, ...]]:
    columns = shown_schema(name)
    laid = pa.table([rows[field.name].cast(field.type) for field in columns], schema=columns)
    return sorted((tuple(row.values()) for row in laid.to_pylist()), key=repr)


def loaded(url: str, name: str) -> Any:
    """Load a table as a stranger does."""
    from pyiceberg.catalog import load_catalog

    with load_catalog("tieout", type="sql", uri=url) as catalog:
        found = catalog.load_table(("tieout", name))
        catalog.engine.dispose()  # type: ignore[attr-defined]  # its engine is not declared
    return found


def planned(url: str, name: str) -> list[str]:
    """Plan the files of a table."""
    return [task.file.file_path for task in loaded(url, name).scan().plan_files()]


def by_pyiceberg(url: str) -> Rows:
    """Read with PyIceberg alone."""
    return {name: _sorted(name, loaded(url, name).scan().to_arrow()) for name in SHOWN}


def by_duckdb(url: str) -> Rows:
    """Let PyIceberg plan the files, and read them with DuckDB."""

    def read(files: list[str]) -> pa.Table:
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            return con.read_parquet(files, union_by_name=True).to_arrow_table()

    return _over_files(url, read)


def by_spark(url: str, session: Any) -> Rows:
    """Let PyIceberg plan the files, and read them with Spark."""
    return _over_files(url, lambda files: session.read.option("mergeSchema", "true").parquet(*files).toArrow())


def _over_files(url: str, read: Callable[[list[str]], pa.Table]) -> Rows:
    found: Rows = {}
    for name in SHOWN:
        files = planned(url, name)
        found[name] = _sorted(name, read(files)) if files else []
    return found
