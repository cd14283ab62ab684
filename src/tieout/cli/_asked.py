"""
What every command may be asked: in which workspace, and whether to answer in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Asked",
    "JsonOption",
    "WorkspaceOption",
    "asked",
    "keep",
    "nearest_workspace",
    "reason_given",
    "workspace_folder",
]

#: As in ``tieout.config``; a test holds them together.
_FILE_NAME = "tieout.toml"

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="The workspace (default: the nearest folder above)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, one object on one line.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What the user asked for beside the command's own options.

    :ivar workspace: a folder; None: not said.
    """

    workspace: Path | None = None
    as_json: bool = False
    debug: bool = False


def keep(context: typer.Context, workspace: Path | None, *, as_json: bool, debug: bool) -> None:
    """Keep what was asked before the command's name."""
    context.obj = Asked(workspace, as_json, debug)


def asked(context: typer.Context, workspace: Path | None, *, as_json: bool) -> Asked:
    """Put together what was asked before and behind the command's name; behind goes first."""
    before = context.obj if isinstance(context.obj, Asked) else Asked()
    return Asked(workspace or before.workspace, as_json or before.as_json, before.debug)


def nearest_workspace() -> Path | None:
    """Find the nearest workspace above the current folder, for commands that do without one, too."""
    here = Path.cwd()
    # Not by ``find_workspace``: loading what reads a whole tieout.toml would take longer than many an inspection.
    return next((folder for folder in (here, *here.parents) if (folder / _FILE_NAME).is_file()), None)


def workspace_folder(wanted: Path | None) -> Path:
    """
    Give the workspace's folder: the one that was named, else the nearest above the current folder.

    :raises WrongUse: there is no tieout.toml.
    """
    from tieout.config import FILE_NAME, find_workspace
    from tieout.errors import WrongUse

    if wanted is None:
        return find_workspace(Path.cwd())
    if not (wanted / FILE_NAME).is_file():
        message = (
            f"expected a workspace in {wanted}, got a folder without {FILE_NAME}: 'tieout init {wanted}' makes one"
        )
        raise WrongUse(message)
    return wanted.resolve()


def reason_given(reason: str) -> str:
    """
    Give the reason as it was said, for the audit log; bytes that are no UTF-8 as escapes.

    :raises WrongUse: it says nothing.
    """
    from tieout.errors import WrongUse
    from tieout.model.texts import storable

    if not reason.strip():
        message = "expected words behind --reason: why it is done stands in the audit log; got none"
        raise WrongUse(message)
    return storable(reason)
