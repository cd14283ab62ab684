"""
``tieout demo``: a company that does not exist, the whole job on its files, and the console to look at it.
"""

from __future__ import annotations

import getpass
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._output import measured, say, say_json
from tieout.cli._run import say_results, work_left, work_through
from tieout.errors import WrongUse

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["demo"]

_FOLDER = Path("tieout-demo")
_SEED = 2026
#: The file that says that a folder is an earlier demo: the truth, which no part of tieout reads.
_MARK = Path("truth") / "README.md"
_NEXT = (
    ("exceptions", "what needs a person, and why"),
    ("journal", "the journals that follow, and their trial balance"),
    ("export matches --to matches.xlsx", "what belongs to what"),
)

_Folder = Annotated[
    Path | None, typer.Argument(metavar="DIR", help=f"The folder; made if it is not there (default: {_FOLDER}).")
]
_NoServe = Annotated[bool, typer.Option("--no-serve", help="Do not serve the console afterwards.")]
_Tutorial = Annotated[bool, typer.Option("--tutorial", help="The twelve files of the tutorial instead of a company.")]


def demo(
    context: typer.Context,
    folder: _Folder = None,
    no_serve: _NoServe = False,  # noqa: FBT002 - typer calls it so
    tutorial: _Tutorial = False,  # noqa: FBT002 - as above
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - as above
) -> None:
    """
    Make a company that does not exist, do the whole job on a month of its files, and serve the console.

    A folder that holds the demo already is used again, with whatever was changed in it. Nothing leaves this machine.

    Exit status 0, although the company has exceptions: they are what it is there for.
    """
    from tieout.clock import system_clock

    wanted = asked(context, workspace, as_json=as_json)
    place = folder or wanted.workspace or _FOLDER
    if tutorial:
        from tieout.cli._tutorial import tutorial as shown

        shown(place, as_json=wanted.as_json)
        return
    begin = system_clock.monotonic()
    is_new = _made(place)
    found = _worked(place, quiet=wanted.as_json)
    if wanted.as_json:
        seconds = {"demo": system_clock.monotonic() - begin}
        say_json({"workspace": str(place), "new": is_new, **found, **measured(seconds)})
    else:
        _show(place, found, is_new=is_new)
        _show_next(place, serves=not no_serve)
    if not no_serve:
        from tieout.cli._serve import serve

        serve(context, workspace=place, as_json=wanted.as_json)


def _made(place: Path) -> bool:
    """
    Make the company, unless the folder holds it already.

    :raises WrongUse: there is something else in the folder, or it cannot be written.
    """
    if (place / _MARK).is_file():
        return False
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        message = f"expected an empty folder, a new one or an earlier demo, got other files: {place}"
        raise WrongUse(message)
    from tieout.simulation.company import make_company

    try:
        make_company(place, seed=_SEED)
        (place / ".gitignore").write_text(".tieout/\n", encoding="utf-8")
    except OSError as error:
        message = f"expected a folder that can be written, got: {error.strerror} ({place})"
        raise WrongUse(message) from None
    return True


def _worked(place: Path, *, quiet: bool) -> dict[str, Any]:
    """Do the whole job: files, facts, matches, journals; and gather what was found."""
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store.workplace import open_store

    workspace = load_workspace(place.resolve())
    store = open_store(workspace, system_clock, system_entropy, getpass.getuser())
    try:
        worked = work_through(store, workspace, None, quiet=quiet)
        return {**_facts(store, workspace), **worked.as_json(), "work": work_left(store, workspace)}
    finally:
        store.close()


def _facts(store: Store, workspace: Workspace) -> dict[str, Any]:
    from tieout.observe.snapshot import take_snapshot

    snapshot = take_snapshot(store, workspace, wanted=("deliveries",))
    rows = snapshot.deliveries.to_pylist()
    counted = {name: sum(row[f"rows_{name}"] for row in rows) for name in ("in", "repeated", "quarantined")}
    latest = None if snapshot.latest is None else snapshot.latest.isoformat()
    return {"company": workspace.name, "files": len(rows), "rows": counted, "through": latest}


def _show(place: Path, found: dict[str, Any], *, is_new: bool) -> None:
    """Tell a controller."""
    rows = found["rows"]
    made = "made" if is_new else "used again"
    say(
        f"{found['company']}, a company that does not exist ({place}, {made}): {found['files']} files with {rows['in']} rows,"
        f" through {found['through']}"
    )
    say(
        f"Counted once: {rows['repeated']} rows told of what another file had told; {rows['quarantined']} could not be read"
    )
    say_results(found)


def _show_next(place: Path, *, serves: bool) -> None:
    """Say what to type, and where: the console keeps this terminal, and the command may not be on the path yet."""
    say(f"Next, in {place} (`cd {place}`{', in a second terminal' if serves else ''}):")
    if shutil.which("tieout") is None:
        say(f'  export PATH="{Path(sys.argv[0]).resolve().parent}:$PATH"  once, so that tieout is found')
    width = max(len(command) for command, _ in _NEXT)
    for command, what in _NEXT:
        say(f"  tieout {command.ljust(width)}  {what}")
