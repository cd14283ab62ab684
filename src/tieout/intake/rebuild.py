"""
Writing files of the lake again: performing everything anew gives them, and their digests prove that they are the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.store import schema
from tieout.store.files import durable_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieout.store.workplace import Store

__all__ = ["rebuild_files"]


def rebuild_files(store: Store, scratch: Store, wrong: Mapping[str, str]) -> dict[str, str]:
    """
    Write files of the lake anew, each only if its bytes are those that the book names.

    :param scratch: the stores in which everything was performed again.
    :param wrong: {path: a sentence} of the files that are missing or differ.
    :return: those that could not be written, each with a sentence.
    """
    now, again = _listed(store), _listed(scratch)
    made = {sha256: path for path, (sha256, _) in again.items()}
    rows = {digest for _, digest in again.values()}
    left = {}
    for path in wrong:
        sha256, digest = now[path]
        if sha256 not in made:
            gave = "the same rows in other bytes (another version wrote them)" if digest in rows else "no such rows"
            left[path] = (
                f"the lake file {store.lake.root / path} cannot be rebuilt: performing again gave {gave}; restore it"
            )
            continue
        source = Path(scratch.lake.full(made[sha256]))
        with source.open("rb") as old, durable_file(store.lake.root / path) as new:
            shutil.copyfileobj(old, new)
        store.lake.check(path, sha256)
    return left


def _listed(store: Store) -> dict[str, tuple[str, str]]:
    """Give every file that a book names: {path: (sha256 of its bytes, digest of its rows)}."""
    with store.book.reading() as connection:
        return {
            row.path: (row.sha256, row.digest)
            for table in (schema.lake_file, schema.run_file)
            for row in connection.execute(sa.select(table.c.path, table.c.sha256, table.c.digest))
        }
