"""
What two records that a person put together have in common: which key of a rule would have said so.

Only a hint: whether a key holds for all other records is found out by performing it.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

from tieout.matching.grammar.rules import FIELDS, LETTERS, Drop, Key
from tieout.model.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["agreeing_keys", "strength"]

_IDENTIFIERS = tuple(field for field in FIELDS if field not in {"text", "counterparty"})
#: Shorter ones say nothing.
_SHORTEST = 3
_TOKEN_MIN = 4
_PREFIX_MIN = 6
_CHECK_MAX = 2
_JOINED = 4
_WORDS_MAX = 200
_WORD = re.compile(r"[^\W_]+")
_HEAD = re.compile(r"[A-Z]+(?=.)")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "ss", "ẞ": "SS"})


def agreeing_keys(left: dict[str, Any], right: dict[str, Any]) -> set[Key]:
    """
    Name the keys by which two records agree.

    :param left, right: their fields, by name.
    """
    found: set[Key] = set()
    for mine, theirs in product(_IDENTIFIERS, _IDENTIFIERS):
        for one, other in product(_values(left, mine), _values(right, theirs)):
            found |= {Key((mine,), (theirs,), *how) for how in _agreements(one, other)}
    for mine, theirs in (*((one, "text") for one in _IDENTIFIERS), *(("text", one) for one in _IDENTIFIERS)):
        whole, text = (left, right) if theirs == "text" else (right, left)
        field = mine if theirs == "text" else theirs
        words = {word for said in _values(text, "text") for word in _words(said)}
        if words & {normal(said) for said in _values(whole, field) if len(normal(said)) >= _TOKEN_MIN}:
            found.add(Key((mine,), (theirs,), "token"))
    return found


def strength(key: Key) -> int:
    """Rank a key: the lower, the stronger evidence it is."""
    return ("exact", "normalised", "token", "prefix", "name").index(key.how) * 2 + key.rewritten


def _values(record: dict[str, Any], field: str) -> list[str]:
    value = record[field]
    return [one for one in (value if isinstance(value, list) else [value]) if one]


def _agreements(one: str, other: str) -> Iterator[tuple[Any, ...]]:
    """Say how two identifiers agree: the further arguments of a key."""
    if one == other:
        yield ("exact",)
    mine, theirs = normal(one), normal(other)
    if len(mine) < _SHORTEST or len(theirs) < _SHORTEST:
        return
    if mine == theirs:
        yield ("normalised",)
        return
    for drop in _drops(mine, theirs):
        yield ("normalised", drop)
    if normal(one.translate(_GERMAN)) == normal(other.translate(_GERMAN)):
        yield ("normalised", (Drop(), Drop()), LETTERS[0])
    if (len(mine) >= _TOKEN_MIN and mine in _words(other)) or (len(theirs) >= _TOKEN_MIN and theirs in _words(one)):
        yield ("token",)
    if min(len(mine), len(theirs)) >= _PREFIX_MIN and (mine.startswith(theirs) or theirs.startswith(mine)):
        yield ("prefix",)


def _drops(mine: str, theirs: str) -> Iterator[tuple[Drop, Drop]]:
    """Say what must be left out of which side, so that both are the same."""
    for long, short, place in ((mine, theirs, 0), (theirs, mine, 1)):
        rests = []
        if long.endswith(short):
            rests.append(Drop(prefix=long[: -len(short)].rstrip("0")))
        if long.startswith(short):
            rest = long[len(short) :]
            rests.append(Drop(suffix=rest))
            if len(rest) <= _CHECK_MAX and rest.isdigit() and len(short) >= _TOKEN_MIN:
                rests.append(Drop(last=len(rest)))
        for drop in rests:
            if drop != Drop():
                yield (drop, Drop()) if place == 0 else (Drop(), drop)
    heads = [found[0] if (found := _HEAD.match(one)) else "" for one in (mine, theirs)]
    if all(heads) and mine[len(heads[0]) :].lstrip("0") == theirs[len(heads[1]) :].lstrip("0"):
        yield Drop(prefix=heads[0]), Drop(prefix=heads[1])


def _words(text: str) -> set[str]:
    """Give the words of a text, and up to four neighbouring ones written together, in their normal form."""
    words = _WORD.findall(text.upper())[:_WORDS_MAX]
    together = ("".join(words[at : at + n]) for n in range(1, _JOINED + 1) for at in range(len(words) - n + 1))
    return {normal(word) for word in together if len(word) >= _TOKEN_MIN}
