"""
``tieout inspect``: what a file is, what is in it, and whether it closes. Needs no workspace and writes nothing.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from tieout.cli._asked import Asked, JsonOption, WorkspaceOption, asked, nearest_workspace, workspace_folder
from tieout.cli._faults import complain_of
from tieout.cli._output import measured, say, say_json, say_table, watched
from tieout.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.formats.inspection import Inspection
    from tieout.formats.reading import Format, ReadOptions

__all__ = ["inspect"]

#: The most files that one command looks at, and the most mappings of a workspace.
_FILES_MAX = 100_000
_MAPPINGS_MAX = 1_000
_MAPPING_BYTES_MAX = 1 << 20
#: How many statements and problems of a file are shown to a person; JSON has all.
_SHOWN_MAX = 50
_STATUS = {"ok": 0, "problems": 1, "unreadable": 3}
_WRONG_USE = 2
_AMOUNTS = frozenset({"opening", "closing", "entries", "credits", "debits", "net", "count"})

_Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Files, folders (every file in them), or - for standard input."),
]
_Currency = Annotated[str | None, typer.Option(metavar="CODE", help="The currency of files that state none.")]
_Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The code page of files that state none, such as cp1250."),
]


def inspect(
    context: typer.Context,
    files: _Files,
    currency: _Currency = None,
    encoding: _Encoding = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Say what a file is, what is in it, and whether it closes.

    Needs no workspace and writes nothing. Inside a workspace, its mappings are tried too; one that has a fault is named,
    and stops no file that something else reads.

    Exit status: 0 ok; 1 problems; 2 wrong use, or a fault in a mapping that the file may need; 3 unreadable. Of several
    files, the worst.
    """
    from tieout.formats.reading import ReadOptions

    wanted = asked(context, workspace, as_json=as_json)
    found = _expanded(files)
    mappings, faults = _mappings(wanted)
    _check(currency, encoding)
    for fault in faults:
        complain_of(fault, debug=wanted.debug)
    worst, options = 0, ReadOptions(currency=currency, encoding=encoding)
    for path in found:
        try:
            inspection = _inspected(path, mappings, options, wanted)
        except WrongUse as fault:  # of the mapping that takes this file: the others are another matter
            complain_of(fault, debug=wanted.debug)
            worst = max(worst, _WRONG_USE)
            continue
        needed = faults and inspection.unclaimed
        worst = max(worst, _WRONG_USE if needed else _STATUS[inspection.verdict])
    raise typer.Exit(worst)


def _expanded(files: list[Path]) -> list[Path]:
    """
    List the files that were asked for, those of folders in the order of their names, hidden ones left out.

    :raises WrongUse: one is not there, or there is none or too many.
    """
    found: list[Path] = []
    for path in files:
        if path == Path("-"):
            found.append(path)
        elif path.is_dir():
            found += _in_folder(path, _FILES_MAX - len(found))
        elif path.exists():
            found.append(path)
        else:
            message = f"expected a file, got no such file: {path}"
            raise WrongUse(message)
        if len(found) > _FILES_MAX:
            message = f"expected at most {_FILES_MAX} files, got more"
            raise WrongUse(message)
    if not found:
        message = f"expected files, got none in {', '.join(map(str, files))}"
        raise WrongUse(message)
    return found


def _check(currency: str | None, encoding: str | None) -> None:
    from tieout.errors import BadInput
    from tieout.model.encodings import is_encoding, writes_ascii
    from tieout.model.money import exponent_of

    try:
        exponent_of(currency or "EUR")
    except BadInput as error:
        message = f"--currency: {error}"
        raise WrongUse(message) from None
    if encoding is not None and not (is_encoding(encoding) and writes_ascii(encoding)):
        which = "writes plain letters and digits as ASCII does" if is_encoding(encoding) else "Python knows"
        message = f"--encoding: expected a code page that {which}, such as cp1250, got {encoding!r}"
        raise WrongUse(message)


def _in_folder(top: Path, most: int) -> list[Path]:
    """List the files under a folder, up to one more than ``most``."""
    found: list[Path] = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        if len(found) > most:
            break
    return found


def _mappings(wanted: Asked) -> tuple[list[Format], list[WrongUse]]:
    """
    Read the mappings of the workspace, where there is one; those without ``identify`` apply to no file by themselves.

    :return: those that can be used, and what is wrong with the others.
    :raises WrongUse: the workspace that was named is none, or there are too many.
    """
    folder = nearest_workspace() if wanted.workspace is None else workspace_folder(wanted.workspace)
    if folder is None:
        return [], []
    paths = sorted((folder / "mappings").glob("*.toml"))
    if len(paths) > _MAPPINGS_MAX:
        message = f"expected at most {_MAPPINGS_MAX} mappings in {folder / 'mappings'}, got {len(paths)}"
        raise WrongUse(message)
    found: list[Format] = []
    faults = []
    for path in paths:
        try:
            found.append(_mapping(path))
        except WrongUse as fault:
            faults.append(fault)
    return found, faults


def _mapping(path: Path) -> Format:
    from tieout.formats.tabular import MappingFormat, parse_mapping

    try:
        with path.open("rb") as file:
            text = file.read(_MAPPING_BYTES_MAX + 1)
    except OSError as error:
        message = f"expected a mapping that can be read, got {error.strerror}: {path}"
        raise WrongUse(message) from None
    if len(text) > _MAPPING_BYTES_MAX:
        message = f"expected a mapping of at most {_MAPPING_BYTES_MAX} bytes, got a larger one: {path}"
        raise WrongUse(message)
    try:
        return MappingFormat(parse_mapping(text.decode("utf-8-sig"), f"{path.parent.name}/{path.name}"))
    except UnicodeDecodeError as error:
        message = f"expected a mapping in UTF-8, got the byte 0x{text[error.start]:02x} in {path}"
        raise WrongUse(message) from None


def _inspected(path: Path, mappings: list[Format], options: ReadOptions, wanted: Asked) -> Inspection:
    """Inspect one file and show what was found."""
    from tieout.clock import system_clock
    from tieout.formats.inspection import inspect_stream, unreadable

    began = system_clock.monotonic()
    try:
        with _opened(path) as stream:
            found = inspect_stream(stream, str(path), mappings, options)
    except OSError as error:
        found = unreadable(str(path), f"expected a file that can be read, got: {error.strerror or error}")
    if wanted.as_json:
        say_json(found.as_json() | measured({"read": system_clock.monotonic() - began}))
    else:
        _show(found)
    if found.fault and wanted.debug:
        sys.stderr.write(found.fault)
    return found


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
        return
    with path.open("rb") as file, watched(file, path.stat().st_size, path.name) as stream:
        yield stream


def _show(found: Inspection) -> None:
    """Tell a person."""
    said = found.as_json()
    records = (
        f", {said['records']} record{'s' if said['records'] != 1 else ''}" if found.verdict != "unreadable" else ""
    )
    say(f"{found.file}: {found.format or 'no known format'}{records}, {found.verdict}")
    statements = said["statements"]
    if statements:
        headings = ["account", "currency", "opening", "credits", "debits", "closing", "entries", "closes"]
        shown = [one | {"closes": _closes(one)} for one in statements[:_SHOWN_MAX]]
        say_table(headings, [[_cell(one[heading]) for heading in headings] for one in shown], _AMOUNTS)
        _say_more(len(statements) + found.statements_beyond, "statements")
    if said["totals"]:
        headings = ["total", "count", "credits", "debits", "net"]
        rows = [[_cell(one.get(heading, one["currency"])) for heading in headings] for one in said["totals"]]
        say_table(headings, rows, _AMOUNTS)
    for problem in said["problems"][:_SHOWN_MAX]:
        say(f"  {_place(problem)}{problem['message']}")
    _say_more(len(said["problems"]), "problems")
    for remark in said.get("remarks", [])[:_SHOWN_MAX]:
        say(f"  to be judged when it is ingested: {_place(remark)}{remark['message']}")
    _say_more(len(said.get("remarks", [])), "remarks")


def _closes(one: dict[str, object]) -> str:
    if one["closes"]:
        counted = any(Decimal(str(one[sums] or 0)) for sums in ("credits", "debits"))
        return "yes" if one["entries"] or not counted else "by totals alone: a balance report without entries"
    if one["closes"] is not None:
        return "NO"
    cut = one["opening"] is not None and one["closing"] is None
    return "no closing balance" if cut else "cannot be said"


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _place(problem: dict[str, object]) -> str:
    parts = [
        f"{word}{problem[key]}"
        for key, word in (("member", ""), ("line", "line "), ("column", "column "))
        if problem.get(key) is not None
    ]
    return f"{', '.join(parts)}: " if parts else ""


def _say_more(count: int, what: str) -> None:
    if count > _SHOWN_MAX:
        say(f"  ... and {count - _SHOWN_MAX} more {what} (--json lists them)")
