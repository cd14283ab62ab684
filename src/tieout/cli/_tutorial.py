"""
``tieout demo --tutorial``: the twelve files of the tutorial, read, and what was found in them.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.cli._faults import complain
from tieout.cli._found import found_in
from tieout.cli._ingest import rows_read
from tieout.cli._output import measured, say, say_json, say_table
from tieout.errors import WrongUse

if TYPE_CHECKING:
    from tieout.cli._found import Found

__all__ = ["tutorial"]

_FILE_NAME = "tieout.toml"
#: The first line of the sample's tieout.toml: what makes a folder a demo that is used again.
_MARK = "# The sample company of `tieout demo`"
#: State, which is not configuration; the sample's own inbox may stay in git, because nobody in it exists.
_GITIGNORE = ".tieout/\n"
#: How a file is named while it is copied.
_PART = ".part"
#: More files than this in a folder are not ours, whatever they are.
_FILES_MAX = 1_000
_NOTES_MAX = 5
#: What to type next; the charge is one that a report and a webhook tell of.
_NEXT = (
    ("exceptions", "what needs a person, and why"),
    ("quarantine", "the rows that could not be read, with line and column"),
    ("completeness", "which files should have come, and which did"),
    ("explain ch_3QE03LkdIwHu7ix1c03", "one charge, with the webhook and the report that tell of it"),
    ("export records --to records.xlsx", "every line of money, as a table"),
    ("verify", "reads everything again from the files as they came, and compares"),
)


def tutorial(place: Path, *, as_json: bool) -> None:
    """
    Lay the tutorial's files into a folder, read them, and say what was found.

    A folder that holds them already is used again, with whatever was changed in it.
    """
    from tieout.clock import system_clock

    begin = system_clock.monotonic()
    is_new = not _is_demo(place)
    if is_new:
        _copy(place)
    found, errors = _ingested(place, quiet=as_json)
    if as_json:
        seconds = {"demo": system_clock.monotonic() - begin}
        next_ = [f"tieout {command}" for command, _ in _NEXT]
        told = {"workspace": str(place), "new": is_new, **found.as_json(), "errors": errors, "next": next_}
        say_json({**told, **measured(seconds)})
        return
    _show(place, found, is_new=is_new)


def _sample() -> dict[str, bytes]:
    """Read the files of the sample, by their path in the workspace; tieout.toml, which marks a demo, comes last."""
    from importlib.resources import files

    top = Path(str(files("tieout.simulation"))) / "sample"
    paths = sorted(path for path in top.rglob("*") if path.is_file())
    paths.sort(key=lambda path: path.name == _FILE_NAME)
    return {".gitignore": _GITIGNORE.encode()} | {p.relative_to(top).as_posix(): p.read_bytes() for p in paths}


def _is_demo(place: Path) -> bool:
    try:
        with (place / _FILE_NAME).open(encoding="utf-8", errors="replace") as file:
            return file.readline(len(_MARK)) == _MARK
    except OSError:
        return False


def _copy(place: Path) -> None:
    """
    Lay the sample into a folder; a copy that was interrupted goes on.

    :raises WrongUse: there is something else in the folder, or it cannot be written.
    """
    sample = _sample()
    _check(place, sample)
    try:
        for name, content in sample.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}{_PART}")
            part.write_bytes(content)
            part.replace(path)
    except OSError as error:
        message = f"expected a folder that can be written, got: {error.strerror} ({place})"
        raise WrongUse(message) from None


def _check(place: Path, sample: dict[str, bytes]) -> None:
    """Refuse a folder in which something would be mixed up with the sample."""
    if place.exists() and not place.is_dir():
        message = f"expected a folder, got a file: {place}"
        raise WrongUse(message)
    for number, path in enumerate(place.rglob("*")):
        if number > _FILES_MAX or (not path.is_dir() and not _is_ours(path, place, sample)):
            message = f"expected an empty folder, a new one or an earlier demo, got other files: {path}"
            raise WrongUse(message)


def _is_ours(path: Path, place: Path, sample: dict[str, bytes]) -> bool:
    """Say whether a file is the sample's, whole or (by its name) half copied."""
    if path.name.endswith(_PART):
        path = path.with_name(path.name.removeprefix(".").removesuffix(_PART))
        return path.relative_to(place).as_posix() in sample
    content = sample.get(path.relative_to(place).as_posix())
    return content is not None and path.stat().st_size == len(content) and path.read_bytes() == content


def _ingested(place: Path, *, quiet: bool) -> tuple[Found, list[str]]:
    """Read what waits in the inbox, and gather what the facts say then."""
    from tieout import pipeline
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.errors import TieoutError
    from tieout.store.workplace import open_store

    workspace = load_workspace(place.resolve())
    store = open_store(workspace, system_clock, system_entropy, getpass.getuser())
    errors = []
    try:
        with rows_read(quiet=quiet) as heard:
            for result in pipeline.ingest(store, workspace, progress=heard):
                if isinstance(result, TieoutError):
                    errors.append(str(result))
                    complain(str(result))
        return found_in(store, workspace), errors
    finally:
        store.close()


def _show(place: Path, found: Found, *, is_new: bool) -> None:
    """Tell a controller."""
    made = "made" if is_new else "used again"
    say(f"{found.company}, a company that does not exist ({place}, {made}): {found.files} files came in")
    headings = ["source", "files", "rows", "new", "known already", "quarantined", "skipped"]
    if not any(source.skipped for source in found.sources):
        headings.pop()
    rows = [[str(getattr(source, name.split()[0])) for name in headings] for source in found.sources]
    say_table(headings, rows, frozenset(headings[1:]))
    say(f"Closes: {found.statements_closing} of {found.statements} bank statements,")
    say(f"        {found.settlements_closing} of {found.settlements} settlements add up to their payouts")
    if found.repeats:
        say(f"Counted once: {found.repeats} rows tell of what another file had told; both are kept as witnesses")
    _list("Needs a person", found.exceptions, "tieout exceptions")
    _list("Could not be read", found.quarantined, "tieout quarantine")
    say(f"Next, in {place} (`cd {place}`):")
    width = max(len(command) for command, _ in _NEXT)
    for command, what in _NEXT:
        say(f"  tieout {command.ljust(width)}  {what}")


def _list(what: str, notes: list[str], command: str) -> None:
    for note in notes[:_NOTES_MAX]:
        say(f"{what}: {note}")
    if len(notes) > _NOTES_MAX:
        say(f"{what}: {len(notes) - _NOTES_MAX} more (see `{command}`)")
