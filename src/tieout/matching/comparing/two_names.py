"""
Two names: whether they are two parties', and whether they speak for one. In between nobody knows.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from tieout.matching.comparing.columns import LEGAL_FORMS
from tieout.matching.planning.points import CUT_MIN
from tieout.model.normal import normal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["names_agree", "names_of_two"]

_WORD = re.compile(r"[^\W_]+")
_LEGAL = frozenset(LEGAL_FORMS.split("|"))
#: A legal form of so few letters may be a name, or a part of one.
_MAY_BE_A_NAME = 2
_JOINING = frozenset({"UND", "AND"})
_TITLES = frozenset({"HERR", "FRAU", "MR", "MRS", "THE"})
_NO_NAME = _LEGAL | _JOINING | _TITLES | {"AKTIENGESELLSCHAFT", "GESELLSCHAFT"}


def names_of_two(ones: list[str], others: list[str]) -> list[bool]:
    """
    Say of each pair of names whether they are two parties': no word of the one is, or begins, a word of the other.

    Names of which nothing is left but marks, single letters and legal forms speak against nobody.
    """
    return [
        bool(one and other) and not any(_begins(a, b) for a in one for b in other)
        for one, other in zip(map(_name_words, ones), map(_name_words, others), strict=True)
    ]


def names_agree(one: str, other: str) -> bool:
    """
    Say whether two names speak for one party: all words of the one are words of the other, in any order, or it is cut off.

    That they are not two parties' is less: they may share one word of several, or its beginning. Legal forms that end
    both are left aside; where one of them says more than the other, two letters alone may be a name (Joao Sa) and are not.
    """
    return any(_agree(one, other, fold) for fold in (normal, _german))


def _agree(one: str, other: str, fold: Callable[[str], str]) -> bool:
    mine, theirs = ([word for word in map(fold, _WORD.findall(name)) if word] for name in (one, other))
    said = [_without_ends(words) for words in (mine, theirs)]
    if not all(any(len(word) > 1 for word in words) for words, _ in said):
        return False  # marks, single letters and legal forms
    if sorted(said[0][0]) == sorted(said[1][0]):
        return True
    of_one, of_other = ([*words, *ends] if len("".join(ends)) <= _MAY_BE_A_NAME else words for words, ends in said)
    if set(of_one) <= set(theirs) or set(of_other) <= set(mine):
        return True
    short, long = sorted(map(" ".join, (mine, theirs)), key=len)
    return len(short) >= CUT_MIN and long.startswith(short)


def _without_ends(words: list[str]) -> tuple[list[str], list[str]]:
    """Give the words of a name without a title that begins it and legal forms that end it; and those forms."""
    last = len(words)
    while last and words[last - 1] in _LEGAL | _JOINING:
        last -= 1
    return words[1 if last > 1 and words[0] in _TITLES else 0 : last], words[last:]


@lru_cache(maxsize=100_000)
def _name_words(name: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(_german(name)) if len(word) > 1) - _NO_NAME


def _german(name: str) -> str:
    """Write a name in capitals without marks, German letters as two."""
    folded = unicodedata.normalize("NFKD", name.upper().replace("Ä", "AE").replace("Ö", "OE").replace("Ü", "UE"))
    return "".join(sign for sign in folded if not unicodedata.combining(sign))


def _begins(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long.startswith(short)
