"""
Removing what a crash or a lost race left behind: files that no row of the book names, once they are a day old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.store import schema

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.store.workplace import Store

__all__ = ["ORPHAN_AGE_S", "sweep"]

#: A file younger than this may belong to a commit that another process is about to make.
ORPHAN_AGE_S = 86_400


def sweep(store: Store) -> list[str]:
    """
    Delete orphans of the lake and the landing that are older than a day.

    :return: their paths, relative to the lake or the landing.
    """
    latest = store.clock.now().timestamp() - ORPHAN_AGE_S
    old = {root: _older_than(root, latest) for root in (store.lake.root, store.landing.root)}
    if not any(old.values()):
        return []
    with store.book.reading() as connection:
        named = {
            store.lake.root: set(connection.scalars(sa.select(schema.lake_file.c.path)))
            | set(connection.scalars(sa.select(schema.run_file.c.path))),
            store.landing.root: set(connection.scalars(sa.select(schema.delivery.c.path))),
        }
    swept = []
    for root, paths in old.items():
        for path in sorted(paths - named[root]):
            (root / path).unlink(missing_ok=True)
            swept.append(path)
    return swept


def _older_than(root: Path, latest: float) -> set[str]:
    """List files last written before a moment, relative to their root."""
    found = set()
    for path in root.rglob("*") if root.is_dir() else ():
        try:
            if path.is_file() and path.stat().st_mtime < latest:
                found.add(path.relative_to(root).as_posix())
        except FileNotFoundError:
            continue  # another process was quicker
    return found
