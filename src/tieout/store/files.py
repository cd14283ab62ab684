"""
Writing files so that a power cut leaves either the whole file or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["durable_file", "make_folder", "sync_folder"]


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


#: Folders whose names this process has made durable.
_DURABLE: set[Path] = set()


def make_folder(folder: Path) -> None:
    """
    Create a folder and its parents, durably.

    One that is there already may be another process's, killed (or overtaken by us) before it synced the name: so each
    process syncs each name once, whoever made it.
    """
    if folder in _DURABLE and folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    with suppress(PermissionError):  # a folder above the workspace, which is not ours to make or to sync
        sync_folder(folder.parent)
    _DURABLE.add(folder)


@contextmanager
def durable_file(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """
    Write a file under a temporary name; on success: fsync, rename, fsync of the folder.

    When the body raises, nothing remains. A reader never sees a partial file under ``path``.

    :param mode: permissions of the new file, before the umask.
    """
    make_folder(path.parent)
    draft = path.with_name(path.name + ".partial")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_RDWR, mode)
    file = os.fdopen(descriptor, "w+b")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
