"""
Keys of JSON lines that a mapping reads and no row has: absent by right, or misspelt.

A key that only optional fields read may be absent all day. It is said only where the file has one that is written nearly
alike and that nothing reads: then one of the two is probably a slip, and its values would be lost without a word.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlglot import exp

from tieout.formats.tabular.names import OTHER_KEYS, Names
from tieout.formats.tabular.parsing import ExpressionFault, parse
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["misspelt"]

# How alike two names are that differ by a letter or two.
_ALIKE = 0.8


def misspelt(mapping: Mapping, header: tuple[str, ...], absent: Collection[str]) -> list[Problem]:
    """
    Say which keys that no row has may be meant for others.

    :param header: the keys of the file, those that the mapping reads among them.
    :param absent: keys that the mapping reads and no row has.
    """
    readers = dict(_read(mapping)) if absent else {}
    names = Names(tuple(readers))
    unread = [key for key in header if key != OTHER_KEYS and key not in absent and not names.has(key)]
    found = []
    for key in (key for key in header if key in absent):
        near = _nearest(key, unread)
        if near is None or key not in readers:
            continue
        table, _, field = readers[key].partition(".")
        place = f"{mapping.origin} line {line}" if (line := mapping.lines.get(readers[key])) else mapping.origin
        message = (
            f"{place}: [{table}] {field} reads the key {key!r}, which no row has, and nothing reads {near!r}, which rows"
            f" have: if that is meant, correct the mapping and replay the delivery; else name {near!r} in `details`"
        )
        found.append(Problem(message=message, reason="incomplete"))
    return found


def _read(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """Give every key that the mapping reads, and the key of the mapping that does."""
    for name in mapping.identify:
        yield name, "mapping.identify"
    for name in mapping.details or ():
        yield name, "mapping.details"
    for name, text in {"mapping.where": mapping.where or "true", **_fields(mapping)}.items():
        try:
            columns = [column.name for column in parse(text).find_all(exp.Column)]
        except ExpressionFault:
            continue  # said when it is compiled
        yield from ((column, name) for column in columns)


def _fields(mapping: Mapping) -> dict[str, str]:
    return {f"fields.{name}": text for name, text in mapping.fields.items()}


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _nearest(key: str, unread: list[str]) -> str | None:
    """Find the name that is nearly alike, the same letters in another order included; what counts on is another name."""
    letters = _letters(key)
    digits = [letter for letter in letters if letter.isdigit()]
    spelt = {_letters(name): name for name in reversed(unread) if [c for c in _letters(name) if c.isdigit()] == digits}
    turned = next((word for word in spelt if sorted(word) == sorted(letters)), None)
    near = [turned] if turned is not None else get_close_matches(letters, list(spelt), n=1, cutoff=_ALIKE)
    return spelt[near[0]] if near else None
