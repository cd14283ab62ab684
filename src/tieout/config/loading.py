"""
From a folder to a checked workspace: find tieout.toml, read it, apply what the environment overrides.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tieout.config import _checks as check
from tieout.config._reading import Fault, Table
from tieout.config._sections import SECTIONS, read_sections
from tieout.config._toml_places import line_of, toml_places
from tieout.config.workspace import Workspace
from tieout.errors import WrongUse

__all__ = ["FILE_NAME", "WORKSPACE_KEYS", "find_workspace", "load_workspace", "read_workspace"]

#: The file that makes a folder a workspace.
FILE_NAME = "tieout.toml"
#: The keys of ``[workspace]``; ``TIEOUT_`` and the key in capitals overrides each.
WORKSPACE_KEYS = ("name", "base_currency", "book", "lake", "landing", "engine")

_BYTES_MAX = 1 << 20
_DEPTH_MAX = 32
# These say where things are kept and who computes, which changes no result.
_NOT_DIGESTED = ("book", "lake", "landing", "engine")
# tomllib needs quadratic time for a.b.c... of many parts, so they are counted before it sees them.
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_DEPTH_MAX}}}""",
    re.ASCII,
)
_TOO_DEEP = f"expected at most {_DEPTH_MAX} tables and lists in each other, got more"
_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


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


def load_workspace(folder: Path, environ: Mapping[str, str] | None = None) -> Workspace:
    """
    Read and check the tieout.toml of a folder.

    :param environ: what overrides ``[workspace]`` (``TIEOUT_BOOK``, ...); by default the process's environment.
    :raises WrongUse: it is not there, or something in it is wrong: one sentence with file and line.
    """
    path = folder.resolve() / FILE_NAME
    try:
        with path.open("rb") as file:
            raw = file.read(_BYTES_MAX + 1)
    except OSError as error:
        message = f"expected a readable {FILE_NAME} in {folder}, got: {error.strerror}"
        raise WrongUse(message) from None
    if len(raw) > _BYTES_MAX:
        message = f"expected {path} to have at most {_BYTES_MAX} bytes, got more"
        raise WrongUse(message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{FILE_NAME} line {line}: expected UTF-8 text, got the byte 0x{raw[error.start]:02x}"
        raise WrongUse(message) from None
    return read_workspace(text, path.parent, os.environ if environ is None else environ)


def read_workspace(text: str, folder: Path, environ: Mapping[str, str]) -> Workspace:
    """
    Check the text of a tieout.toml.

    :param folder: an absolute path: where mappings, rules and calendars are looked up and relative paths begin.
    :raises WrongUse: something in it is wrong.
    """
    try:
        return _workspace(_parsed(text), folder, environ)
    except Fault as fault:
        raise WrongUse(_located(fault, text)) from None


def _parsed(text: str) -> dict[str, Any]:
    """Parse TOML; a fault of syntax has the place in its sentence."""
    long_key = _LONG_KEY.search(text)
    if long_key:
        line = text.count("\n", 0, long_key.start()) + 1
        raise Fault(None, f"{FILE_NAME} line {line}: expected a key of at most {_DEPTH_MAX} parts, got more")
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise Fault(None, f"{FILE_NAME}: {_TOO_DEEP}") from None
    except ValueError as error:
        reason, found = str(error), _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = f"{reason[: found.start()]} in column {found[2]}" if found else reason
        raise Fault(None, f"{FILE_NAME} line {line}: expected TOML, got: {reason}") from None
    unfit = _unfit(content, _DEPTH_MAX)
    if unfit:
        raise Fault(None, f"{FILE_NAME}: {unfit}")
    return content


def _unfit(value: object, levels: int) -> str | None:
    """Say what of a parsed value goes beyond the limits: depth, and whole numbers of 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "expected whole numbers of at most 64 bits, got a larger one"
    if not isinstance(value, (dict, list)):
        return None
    if levels == 0:
        return _TOO_DEEP
    inner = value.values() if isinstance(value, dict) else value
    return next((reason for reason in (_unfit(one, levels - 1) for one in inner) if reason), None)


def _workspace(content: dict[str, Any], folder: Path, environ: Mapping[str, str]) -> Workspace:
    Table(content, (), FILE_NAME).only(("workspace", *SECTIONS))
    table = Table(content, (), FILE_NAME).table("workspace", None) or Table({}, (), FILE_NAME)
    table = Table(table.values, table.place, "[workspace]")
    table.only(WORKSPACE_KEYS)
    chosen = {key: _overridden(table, key, environ) for key in WORKSPACE_KEYS}
    base_currency = table.given("base_currency", check.currency(chosen["base_currency"], "base_currency"))
    name = chosen["name"].text("name")
    sections = read_sections(content, folder, base_currency)
    said = table.values | {"name": name, "base_currency": base_currency}
    digested = {key: value for key, value in said.items() if key not in _NOT_DIGESTED}
    return Workspace(
        folder=folder,
        path=folder / FILE_NAME,
        name=name or folder.name or "workspace",
        base_currency=base_currency,
        book=check.book_url(chosen["book"], "book", folder),
        lake=check.kept_at(chosen["lake"], "lake", folder),
        landing=check.kept_at(chosen["landing"], "landing", folder),
        engine=check.engine(chosen["engine"], "engine"),
        entities=tuple(sections.entities.values()),
        accounts=tuple(sections.accounts.values()),
        sources=tuple(sections.sources.values()),
        ledgers=tuple(sections.ledgers.values()),
        reconciliations=tuple(sections.reconciliations.values()),
        digest=_digest(content | {"workspace": digested}),
    )


def _overridden(table: Table, key: str, environ: Mapping[str, str]) -> Table:
    """Give the table to read a key of ``[workspace]`` from: the file's, or one that the environment makes."""
    variable = f"TIEOUT_{key.upper()}"
    value = environ.get(variable, "")
    return Table({key: value}, None, f"the environment ({variable})") if value.strip() else table


def _digest(content: dict[str, Any]) -> str:
    import hashlib
    import json

    # Dates are the only values of TOML that JSON lacks; str() writes them as the text that means the same.
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _located(fault: Fault, text: str) -> str:
    if fault.place is None:
        return fault.sentence
    places = toml_places(text)
    first = f" (first on line {line_of(places, fault.first)})" if fault.first else ""
    return f"{FILE_NAME} line {line_of(places, fault.place)}: {fault.sentence}{first}"
