"""
Removing what a crash or a lost race left behind, once a day old: files of the lake that no row of the book names, and
rows of the book that no commit names.

Of the landing only drafts go that never finished arriving: nobody was told that they are safe. What did arrive stays,
named or not: a newer copy of the book may hold its key.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tieout.store.beforehand import left_before, remove_beforehand
from tieout.store.binding import unnamed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tieout.store.workplace import Store

__all__ = ["ORPHAN_AGE_S", "sweep"]

#: A file younger than this may belong to a commit that another process is about to make.
ORPHAN_AGE_S = 86_400


def sweep(store: Store) -> list[str]:
    """
    Delete drafts of the landing, orphans of the lake and rows that were never committed, where older than a day.

    An orphan is what this book wrote (its mark is in the name) and does not name; anything else is not ours to delete.

    :return: their paths, relative to the lake or the landing, then under which tokens rows stood.
    :raises Broken: the book is not (any more) the one that the folders belong to.
    """
    if store.binding is None:
        return []
    latest = store.clock.now().timestamp() - ORPHAN_AGE_S
    lake, landing = store.lake.root, store.landing.root
    ours = f"-{store.lake.mark}-"
    old = _older(lake, latest, (path.relative_to(lake).as_posix() for path in lake.rglob(f"*{ours}*")))
    drafts = _older(landing, latest, (f"arriving/{path.name}" for path in landing.glob("arriving/*")))
    if old:
        store.binding.advance()  # proves again whose files these are
        old &= set(unnamed(store.book, landing, lake).lake)
    swept = []
    for path in sorted(old):
        store.lake.remove(path)
        swept.append(path)
    for path in sorted(drafts):
        (landing / path).unlink(missing_ok=True)
        swept.append(path)
    for place in sorted(lake.glob(f"on-the-way/*{ours}*")):  # rows between the workers of a run that was killed
        if place.stat().st_mtime < latest:
            shutil.rmtree(place, ignore_errors=True)
            swept.append(place.relative_to(lake).as_posix())
    for token in left_before(store.book, int(latest * 1_000_000)):
        remove_beforehand(store.book, token)
        swept.append(f"rows of the book under {token}")
    return swept


def _older(root: Path, latest: float, paths: Iterable[str]) -> set[str]:
    """Choose the files last written before a moment."""
    found = set()
    for path in paths:
        try:
            if (root / path).is_file() and (root / path).stat().st_mtime < latest:
                found.add(path)
        except FileNotFoundError:
            continue  # another process was quicker
    return found
