"""
Where each key of a TOML text stands: the line numbers that tomllib does not keep.

Only asked when a fault is to be shown, and only of a text that tomllib has already read, so the scanner below
checks nothing: it follows the grammar of TOML 1.0 and remembers on which line every key begins. On a text that
is not TOML it stops early; it never raises.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable

__all__ = ["Place", "line_of", "toml_places"]

#: The way to a value: names of keys, and numbers (from 0) of elements: ``("source", 1, "format")``.
Place = tuple[str | int, ...]

#: Deeper than any sensible file; what lies deeper has the line of what holds it.
_DEPTH_MAX = 64

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANKS = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def toml_places(text: str) -> dict[Place, int]:
    """
    Every key and list element of a TOML text with its line.

    :returns: place to line, from 1; the whole file is ``()`` on line 1. Elements of ``[[array]]`` tables stand
        on the line of their header, a table that dotted keys imply on the line of the first of them.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.places


def line_of(places: dict[Place, int], place: Place) -> int:
    """Give the line of a place, or of the nearest thing around it that was written down."""
    while place not in places and place:
        place = place[:-1]
    return places.get(place, 1)


class _Scanner:
    """Owns the position in the text, and what was seen so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[Place, int] = {(): 1}
        self._newlines = [found.start() for found in re.finditer("\n", text)]
        self._elements: dict[Place, int] = {}  # how many [[tables]] an array has so far

    def document(self) -> None:
        """Read headers and ``key = value`` lines until the end, or until it is not TOML."""
        table: Place = ()
        while self._gap() < len(self.text):
            double = self._take("[[")
            if double or self._take("["):
                table = self._header(double=double)
                going = self._take("]")
                self._take("]")
            else:
                going = self._pair(table, 0)
            if not going:
                return

    def _header(self, *, double: bool) -> Place:
        begin, names = self.at, self._names()
        table: Place = ()
        for name in names[:-1] if double else names:
            table = self._note((*table, name), begin)
            if table in self._elements:
                table = (*table, self._elements[table] - 1)
        if double and names:
            array = self._note((*table, names[-1]), begin)
            number = self._elements.get(array, 0)
            self._elements[array] = number + 1
            table = self._note((*array, number), begin)
        return table

    def _pair(self, table: Place, depth: int) -> bool:
        begin, names = self.at, self._names()
        for name in names:
            table = self._note((*table, name), begin)
        return bool(names) and self._take("=") and self._value(table, depth)

    def _value(self, place: Place, depth: int) -> bool:
        self._skip(_BLANKS)
        if depth < _DEPTH_MAX and self._take("{"):
            return self._inside("}", lambda _: self._pair(place, depth + 1))
        if depth < _DEPTH_MAX and self._take("["):
            return self._inside("]", lambda number: self._element((*place, number), depth + 1))
        found = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None and found.end() > found.start()

    def _element(self, place: Place, depth: int) -> bool:
        self._note(place, self.at)
        return self._value(place, depth)

    def _inside(self, close: str, one: Callable[[int], bool]) -> bool:
        """Read comma-separated things up to the closing bracket."""
        number = 0
        self._gap()
        while not self._take(close):
            if not one(number):
                return False
            number += 1
            self._gap()
            if not self._take(",") and not self.text.startswith(close, self.at):
                return False
            self._gap()
        return True

    def _names(self) -> list[str]:
        """Read ``a."b c".d``; nothing if there is no key here."""
        names: list[str] = []
        self._skip(_BLANKS)
        while found := _KEY.match(self.text, self.at):
            names.append(_plain(found[0]))
            self.at = found.end()
            self._skip(_BLANKS)
            if not self._take("."):
                break
            self._skip(_BLANKS)
        return names[:_DEPTH_MAX]

    def _note(self, place: Place, at: int) -> Place:
        self.places.setdefault(place, bisect_left(self._newlines, at) + 1)
        return place

    def _take(self, word: str) -> bool:
        taken = self.text.startswith(word, self.at)
        self.at += len(word) if taken else 0
        return taken

    def _gap(self) -> int:
        """Pass blanks, line ends and comments."""
        self._skip(_GAP)
        return self.at

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at


def _plain(key: str) -> str:
    """Take the quotes off a key; tomllib knows the escapes."""
    if key[0] not in "\"'":
        return key
    try:
        return str(tomllib.loads(f"key = {key}")["key"])
    except ValueError:
        return key
