"""
DuckDB, the set-based engine, with its limits. The only module that configures it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect", "paths"]

THREADS = 2
MEMORY = "700MB"


def connect(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """
    Open an in-memory DuckDB that cannot reach anything but the local files it is given.

    :param spill: a folder for what does not fit into memory; without one, a query that needs more fails.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": THREADS,
        "memory_limit": MEMORY,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    if spill is not None:
        settings |= {"temp_directory": str(spill), "max_temp_directory_size": "50GB"}
    con = duckdb.connect(config=settings)
    con.execute("set TimeZone = 'UTC'")
    return con


def paths(files: list[str]) -> str:
    """Write a list of files as a SQL literal for ``read_parquet``."""
    return "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"
