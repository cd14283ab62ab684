"""
From a folder to a checked workspace: find tieout.toml, read it, apply what the environment overrides.
"""

import os
import sys
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tieout.config import checks as check
from tieout.config._sections import SECTIONS, read_sections
from tieout.config.tables import Fault, Table
from tieout.config.toml_files import located, parsed, text_of
from tieout.config.workspace import Workspace
from tieout.errors import WrongUse

__all__ = ["FILE_NAME", "WORKSPACE_KEYS", "find_workspace", "load_workspace", "read_workspace", "refuse_folder"]

#: The file that makes a folder a workspace.
FILE_NAME = "tieout.toml"
#: The keys of ``[workspace]``; ``TIEOUT_`` and the key in capitals overrides each.
WORKSPACE_KEYS = ("name", "base_currency", "book", "lake", "landing", "catalog", "engine")

# These say where things are kept and who computes, which changes no result.
_NOT_DIGESTED = ("book", "lake", "landing", "catalog", "engine")
_DIGESTED = ("name", "base_currency")


def find_workspace(start: Path) -> Path:
    """
    Find the workspace that a folder or file belongs to: the nearest folder above with a tieout.toml.

    :raises WrongUse: there is none.
    """
    begin = start.resolve()
    for folder in (begin, *begin.parents):
        try:
            found = (folder / FILE_NAME).is_file()
        except OSError:  # a folder that may not be looked into
            found = False
        if found:
            return folder
    message = (
        f"expected a {FILE_NAME} in {begin} or a folder above it, found none:"
        " 'tieout init DIR' makes one, --workspace DIR names one"
    )
    raise WrongUse(message)


def load_workspace(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
    formats: Collection[str] | None = None,
) -> Workspace:
    """
    Read and check the tieout.toml of a folder.

    :param environ: what overrides ``[workspace]`` (``TIEOUT_BOOK``, ...); by default the process's environment.
    :param kept, formats: as for :func:`read_workspace`.
    :raises WrongUse: it is not there, or something in it is wrong: one sentence with file and line.
    """
    path = folder.resolve() / FILE_NAME
    refuse_folder(path.parent)
    text = text_of(path, FILE_NAME)
    return read_workspace(text, path.parent, os.environ if environ is None else environ, kept, formats)


def refuse_folder(folder: Path) -> None:
    """
    Refuse a folder whose name is no text, as URLs of databases and paths in the engine's queries must be.

    :raises WrongUse: it is none.
    """
    name = str(folder)
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        encoding = sys.getfilesystemencoding()
        message = f"expected a folder whose name is written in {encoding}, got {shown}: rename the folder" + (
            "" if encoding == "utf-8" else ", or choose a locale of UTF-8, such as LC_ALL=C.UTF-8"
        )
        raise WrongUse(message) from None


def read_workspace(
    text: str,
    folder: Path,
    environ: Mapping[str, str],
    kept: Mapping[str, str] | None = None,
    formats: Collection[str] | None = None,
) -> Workspace:
    """
    Check the text of a tieout.toml.

    :param folder: an absolute path: where mappings, rules and calendars are looked up and relative paths begin.
    :param kept: the texts of the files that it names, by path, as the book kept them: none is looked for in the folder.
    :param formats: the ids of the formats that are installed, where a source may name no other.
    :raises WrongUse: something in it is wrong.
    """
    try:
        return _workspace(parsed(text, FILE_NAME), text, check.Files(folder, kept is not None, formats), environ, kept)
    except Fault as fault:
        raise WrongUse(located(fault, text, FILE_NAME)) from None


def _workspace(
    content: dict[str, Any],
    text: str,
    files: check.Files,
    environ: Mapping[str, str],
    kept: Mapping[str, str] | None,
) -> Workspace:
    folder = files.folder
    Table(content, (), FILE_NAME).only(("workspace", *SECTIONS))
    table = Table(content, (), FILE_NAME).table("workspace", None) or Table({}, (), FILE_NAME)
    table = Table(table.values, table.place, "[workspace]")
    table.only(WORKSPACE_KEYS)
    _refuse_misspelled(environ)
    chosen = {key: _overridden(table, key, environ) for key in WORKSPACE_KEYS}
    base_currency = table.given("base_currency", check.currency(chosen["base_currency"], "base_currency"))
    name = chosen["name"].text("name")
    sections = read_sections(content, files, base_currency)
    said = table.values | {"name": name, "base_currency": base_currency}
    digested = {key: value for key, value in said.items() if key not in _NOT_DIGESTED}
    return Workspace(
        folder=folder,
        path=folder / FILE_NAME,
        name=name or folder.name or "workspace",
        base_currency=base_currency,
        book=check.database_url(chosen["book"], "book", folder, "sqlite:///.tieout/book.db"),
        lake=check.kept_at(chosen["lake"], "lake", folder),
        landing=check.kept_at(chosen["landing"], "landing", folder),
        catalog=check.database_url(chosen["catalog"], "catalog", folder, "sqlite:///.tieout/catalog.db"),
        engine=check.engine(chosen["engine"], "engine"),
        entities=tuple(sections.entities.values()),
        accounts=tuple(sections.accounts.values()),
        sources=tuple(sections.sources.values()),
        ledgers=tuple(sections.ledgers.values()),
        reconciliations=tuple(sections.reconciliations.values()),
        digest=_digest(content | {"workspace": digested}),
        text=text,
        overrides={v: environ[v] for v in map(_variable, _DIGESTED) if environ.get(v, "").strip()},
        kept=kept,
    )


def _variable(key: str) -> str:
    return f"TIEOUT_{key.upper()}"


def _refuse_misspelled(environ: Mapping[str, str]) -> None:
    """Refuse a variable that is almost one of ours: nobody would notice that it says nothing."""
    ours = [_variable(key) for key in WORKSPACE_KEYS]
    for variable in environ:
        if not variable.startswith("TIEOUT_") or variable in ours:
            continue
        near = get_close_matches(variable.removeprefix("TIEOUT_"), [key.upper() for key in WORKSPACE_KEYS], n=1)
        if near:
            message = f"unknown variable {variable} in the environment; did you mean {_variable(near[0])}? Unset it, or spell it so"
            raise WrongUse(message)


def _overridden(table: Table, key: str, environ: Mapping[str, str]) -> Table:
    """Give the table to read a key of ``[workspace]`` from: the file's, or one that the environment makes."""
    variable = _variable(key)
    value = environ.get(variable, "")
    return Table({key: value}, None, f"the environment ({variable})") if value.strip() else table


def _digest(content: dict[str, Any]) -> str:
    import hashlib
    import json

    # Dates are the only values of TOML that JSON lacks; str() writes them as the text that means the same.
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
