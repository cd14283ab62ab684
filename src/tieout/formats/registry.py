"""
Which formats there are, and which one a file is.

Ours and other people's formats stand in one entry-point group, ``tieout.formats``: the name is the format's id, the
value an object (or a class without arguments) with ``id``, ``system``, ``identify`` and ``read``. The mappings that
ship (``mappings/NAME.toml``, whose id is NAME) are formats too. A format is loaded when it is asked for, or when a file
has to be recognised.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from tieout.errors import Broken, WrongUse

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from tieout.formats.reading import Format, Head

__all__ = ["GROUP", "claims", "format_ids", "format_of", "identify"]

#: The entry-point group that formats are named in.
GROUP = "tieout.formats"

# A file that is known by a mark in its first bytes (a namespace, a tag, an object's name) is told for certain and at
# once; tables are known by their columns, which takes a look at the whole header. Marks are tried first.
_BY_COLUMNS = ("adyen.", "stripe.balance", "stripe.payout_reconciliation")


_MAPPINGS = "tieout.formats.mappings"


@cache
def _entries() -> dict[str, EntryPoint | Traversable]:
    """Every format that is installed, by id, in the order in which they are tried."""
    formats: dict[str, EntryPoint | Traversable] = {}
    for entry in entry_points(group=GROUP):
        known = formats.setdefault(entry.name, entry)
        if known != entry:
            message = f"expected one format {entry.name!r}, got two: {known} and {entry}"
            raise Broken(message)
    mappings = {file.name.removesuffix(".toml"): file for file in files(_MAPPINGS).iterdir() if _is_toml(file)}
    ordered = [*sorted(formats, key=_place), *sorted(mappings.keys() - formats.keys())]
    return {name: formats.get(name) or mappings[name] for name in ordered}


def _is_toml(file: Traversable) -> bool:
    return file.name.endswith(".toml")


def _place(format_id: str) -> tuple[bool, int, str]:
    """Say when a format is tried: marks before columns, ids of more parts first, then by the alphabet."""
    return format_id.startswith(_BY_COLUMNS), -format_id.count("."), format_id


def format_ids() -> tuple[str, ...]:
    """Name every format that is installed, in the order in which they are tried on a file."""
    return tuple(_entries())


@cache
def format_of(format_id: str) -> Format:
    """
    Give the format of an id, as tieout.toml names it.

    :raises WrongUse: there is none; the sentence names the nearest one.
    :raises Broken: it is installed and cannot be loaded.
    """
    entry = _entries().get(format_id)
    if entry is None:
        near = get_close_matches(format_id.lower(), format_ids(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(format_ids()))}"
        message = f"expected a format that tieout knows, got {format_id!r}; {hint}"
        raise WrongUse(message)
    try:
        found = _loaded(entry)
    except Exception as error:
        message = f"expected to load the format {format_id!r}, got {type(error).__name__}: {error} ({entry})"
        raise Broken(message) from error
    if getattr(found, "id", None) != format_id:
        message = f"expected the format {format_id!r}, got {getattr(found, 'id', None)!r} from {entry}"
        raise Broken(message)
    return found


def _loaded(entry: EntryPoint | Traversable) -> Format:
    if isinstance(entry, EntryPoint):
        loaded = entry.load()
        return cast("Format", loaded() if isinstance(loaded, type) else loaded)
    from tieout.formats.tabular import MappingFormat, parse_mapping

    return MappingFormat(parse_mapping(entry.read_text(encoding="utf-8"), entry.name))


def identify(head: Head) -> tuple[Format, str] | None:
    """
    Say which format a file is, with its version (``camt.053.001.08``); None if no format claims it.

    The first that claims it in the order of :func:`format_ids` is the answer.

    :raises Broken: a format cannot be loaded.
    """
    for format_id in format_ids():
        found = format_of(format_id)
        version = found.identify(head)
        if version is not None:
            return found, version
    return None


def claims(head: Head) -> list[tuple[Format, str]]:
    """Name every format that claims a file: more than one means that one of them claims too much."""
    formats = (format_of(format_id) for format_id in format_ids())
    return [(found, version) for found in formats if (version := found.identify(head)) is not None]
