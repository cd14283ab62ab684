"""
Opening a workspace's stores for a command.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tieout.cli._asked import Asked, workspace_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["opened"]


@contextmanager
def opened(wanted: Asked, *, kept: bool = False, making: bool = True) -> Iterator[tuple[Workspace, Store]]:
    """
    Give the workspace and its stores; closes them at the end.

    :param kept: nothing beside tieout.toml is needed: mappings and calendars that it names may be gone.
    :param making: False makes neither a book nor a key file.

    Who works is the user of the operating system, until people sign in.
    """
    import getpass

    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.formats.registry import format_ids
    from tieout.store.workplace import open_store

    folder = workspace_folder(wanted.workspace)
    workspace = load_workspace(folder, kept={}) if kept else load_workspace(folder, formats=format_ids())
    store = open_store(workspace, system_clock, system_entropy, getpass.getuser(), making=making)
    try:
        yield workspace, store
    finally:
        store.close()
