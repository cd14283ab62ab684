"""
Banks print entries of the same shape over and over: each shape is studied once, and then only its values are read.

A *shape* is an element's markup without its texts. libxml2 writes the element out (every markup character inside
a text is escaped there, comments and CDATA sections are gone), one regular expression parts texts from markup, and
the markup finds the plan that was made for it: which text is the amount, which ones are references. Walking the
sixty elements of a rich entry one by one in Python takes several times as long.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Place", "Shapes", "first_text", "join_texts", "line_of", "local_name", "texts", "where"]

#: The most shapes remembered; beyond it all are forgotten, so that a hostile file costs time and not memory.
SHAPES_MAX = 1024
#: The longest markup worth remembering.
MARKUP_MAX = 16_384

_split_texts = re.compile(">([^<]+)<").split


class Place(NamedTuple):
    """
    Where one text stands in an element.

    :ivar path: the names down to it: ``Refs/EndToEndId``.
    :ivar exact: the same, with a number on every repeated element but the first: ``RmtInf/Strd[2]/CdtrRefInf/Ref``.
    :ivar number: which of the element's texts it is, from 0.
    :ivar currency: what its ``Ccy`` attribute says, upper case, without blanks.
    """

    path: str
    exact: str
    number: int
    currency: str | None


def local_name(element: etree._Element) -> str:
    """Give an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def line_of(element: etree._Element) -> int:
    """Give the line where an element starts, from 1."""
    line: Any = element.sourceline  # the stubs do not know its type
    return int(line or 1)


def _places(element: etree._Element) -> Iterator[Place]:
    """Walk an element once and name the place of each text, in the order in which texts are written."""
    paths: list[tuple[str, str, Counter[str]]] = [("", "", Counter())]
    index = 0
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "end":
            paths.pop()
            index += node is not element and bool(node.tail)
            continue
        path, exact = "", ""
        if node is not element:
            above, exactly, seen = paths[-1]
            name = local_name(node)
            seen[name] += 1
            path = f"{above}/{name}" if above else name
            numbered = f"{name}[{seen[name]}]" if seen[name] > 1 else name
            exact = f"{exactly}/{numbered}" if exactly else numbered
        paths.append((path, exact, Counter()))
        if node.text:
            currency = node.get("Ccy")
            yield Place(path, exact, index, currency.strip().upper() if currency else None)
            index += 1


Plan = TypeVar("Plan")


class Shapes(Generic[Plan]):
    """
    Remembers, for one kind of element, the plan of every shape met so far.

    :param make_plan: turns the places of a shape's texts into a plan.
    """

    __slots__ = ("_make_plan", "_plans")

    def __init__(self, make_plan: Callable[[list[Place]], Plan]) -> None:
        """Start with no shape known."""
        self._make_plan = make_plan
        self._plans: dict[str, Plan] = {}

    def read(self, element: etree._Element) -> tuple[Plan, list[str]]:
        """Give the element's plan and its texts without blanks around them, in the order that the plan counts them."""
        written = etree.tostring(element, encoding="unicode", with_tail=False)
        pieces = _split_texts(written)
        values = [value.strip() for value in pieces[1::2]]
        if "&" in written:
            values = [unescape(value) for value in values]
        # A line break cannot stand in the markup itself (inside attributes it is escaped): the key is unambiguous.
        markup = "\n".join(pieces[::2])
        plan = self._plans.get(markup)
        if plan is None:
            plan = self._make_plan(list(_places(element)))
            if len(self._plans) >= SHAPES_MAX:
                self._plans.clear()
            if len(markup) <= MARKUP_MAX:
                self._plans[markup] = plan
        return plan, values


def where(places: Sequence[Place], *paths: str) -> tuple[int, ...]:
    """Give the indexes of the texts at these paths: by path as listed, then in document order."""
    return tuple(place.number for path in paths for place in places if place.path == path)


def first_text(values: Sequence[str], indexes: Sequence[int]) -> str | None:
    """Give the first of these texts that is not blank."""
    for index in indexes:
        if values[index]:
            return values[index]
    return None


def join_texts(values: Sequence[str], indexes: Sequence[int]) -> str | None:
    """Join the lines of a remittance text with blanks, as the bank wrapped them."""
    return " ".join([values[index] for index in indexes if values[index]]) or None


def texts(element: etree._Element) -> dict[str, str]:
    """
    Give an element's texts by exact path, for what occurs seldom (balances, accounts).

    A currency attribute stands beside its amount, as ``Amt/@Ccy``. The element's own text is at ``""``.
    """
    found: dict[str, str] = {}
    pieces = _split_texts(etree.tostring(element, encoding="unicode", with_tail=False))
    values = [unescape(value) for value in pieces[1::2]]
    for place in _places(element):
        text = values[place.number].strip()
        if text:
            found.setdefault(place.exact, text)
            if place.currency:
                found.setdefault(f"{place.exact}/@Ccy", place.currency)
    return found
