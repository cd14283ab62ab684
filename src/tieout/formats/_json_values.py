"""
The values of a JSON file, one by one with the line where each starts: a document, an array's elements, or JSON lines.

Memory stays with the largest value, not with the file. A page of a list (``{"object": "list", "data": [...]}``) is one value
too, as long as it is within the limit; a longer one is given element by element. Numbers with a point keep their text (a float never sees an
amount); a number of more than 18 digits is text as well. Limits: one value has at most 64 MiB of text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tieout.errors import BadInput
from tieout.model.texts import storable

__all__ = ["VALUE_MAX", "Twice", "Value", "json_values", "key_twice"]

#: The most characters of one value (a page of an API has less than a hundredth of it).
VALUE_MAX = 64 << 20

_BLOCK = 1 << 20
# Half of an escaped pair, which alone is no character, or a NUL: no store can hold them.
_UNSTORABLE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_BLANKS = re.compile(r"[ \t\r\n]*")
_LIST = re.compile(r"""\{\s*"object"\s*:\s*"list"\s*,""")
_TOO_DEEP = "expected JSON nested as an API answers it, got more levels than can be read"


@dataclass(frozen=True, slots=True)
class Value:
    """
    One value of the file, or what is wrong with one line of JSON lines.

    :ivar line: where it starts, from 1.
    :ivar content: what ``json.loads`` gives (dict, list, str, int, bool, None).
    :ivar fault: one sentence, where the line is no JSON; ``content`` is None then.
    :ivar page: it is only the frame of a page whose elements came before, with the first and the last of them as its data.
    :ivar twice: somewhere in it an object has a key twice: ask ``key_twice`` of each part that is used.
    """

    line: int
    content: object
    fault: str | None = None
    twice: bool = False
    page: bool = False


class _TooLong(BadInput):
    """A value is longer than any is taken for."""


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= 19 else text  # what int64 may hold


class Twice(dict[str, object]):
    """An object of which one key stands twice: nobody knows which value was meant."""

    key = ""


def key_twice(value: object) -> str | None:
    """Give the key that stands twice in an object, or in one inside it; None where there is none."""
    if isinstance(value, Twice):
        return value.key
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for each in inside if (key := key_twice(each)) is not None), None)


class _Text:
    """The file as text: what has been read and not used yet, and how many lines came before."""

    def __init__(self, stream: BinaryIO) -> None:
        first = stream.read(_BLOCK)
        encoding = json.detect_encoding(first[:4]) if first else "utf-8"
        if first.startswith(codecs.BOM_UTF8):
            encoding = "utf-8-sig"
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._decoded = 0
        self._twice = False
        self._json = json.JSONDecoder(
            parse_float=str, parse_int=_integer, parse_constant=str, object_pairs_hook=self._object
        )
        self.buffer, self.at, self.line, self.ended = "", 0, 1, False
        self._take(first)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._twice, keys = True, [key for key, _ in pairs]
        doubtful = Twice(found)
        doubtful.key = next(key for number, key in enumerate(keys) if key in keys[:number])
        return doubtful

    def _value(self, content: object, begin: int, end: int, line: int) -> Value:
        """Hand over what was decoded from a part of the text."""
        twice, self._twice = self._twice, False
        return Value(line, _sound(content) if _UNSTORABLE.search(self.buffer, begin, end) else content, twice=twice)

    def _take(self, data: bytes) -> None:
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            message = (
                f"expected {error.encoding} text, got byte 0x{error.object[error.start]:02x} near line {self.line}"
            )
            raise BadInput(message) from None
        self.ended = not data
        self.buffer, self.at = self.buffer[self.at :] + text, 0

    def more(self) -> bool:
        """Read on, at least as much again as waits to be used; False at the end of the file."""
        if self.ended:
            return False
        if len(self.buffer) - self.at > VALUE_MAX:
            message = (
                f"expected values of at most {VALUE_MAX >> 20} MiB, got a longer one that starts in line {self.line}"
            )
            raise _TooLong(message)
        self._take(self._stream.read(max(_BLOCK, len(self.buffer) - self.at)))
        return True

    def begins_list(self) -> bool:
        """Whether a page of a list starts here."""
        return _LIST.match(self.buffer, self.at) is not None

    def skip(self, until: int) -> None:
        """Use the text up to a position."""
        self.line += self.buffer.count("\n", self.at, until)
        self.at = until

    def peek(self) -> str:
        """Pass over blanks and say the next character, empty at the end."""
        while True:
            found = _BLANKS.match(self.buffer, self.at)
            self.skip(found.end() if found else self.at)
            if self.at < len(self.buffer) or not self.more():
                return self.buffer[self.at : self.at + 1]

    def value(self) -> Value:
        """Read the value that starts here."""
        while True:
            try:
                self._twice = False
                content, end = self._json.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError as error:
                if not (_may_be_cut(error) and self.more()):
                    message = (
                        f"expected JSON, got {error.msg[:1].lower()}{error.msg[1:]} in line {self._line_of(error.pos)}"
                    )
                    raise BadInput(message) from None
                continue
            except RecursionError:
                raise BadInput(_TOO_DEEP) from None
            if end < len(self.buffer) or not self.more():
                found = self._value(content, self.at, end, self.line)
                self.skip(end)
                return found

    def line_of_json(self) -> Value:
        """Read the rest of this line as one value; a fault is the line's alone."""
        end = self.buffer.find("\n", self.at)
        while end < 0 and self.more():
            end = self.buffer.find("\n", self.at)
        begin, end, line = self.at, end if end >= 0 else len(self.buffer), self.line
        text = self.buffer[begin:end]
        self.skip(min(end + 1, len(self.buffer)))
        self._twice = False
        try:
            return self._value(self._json.decode(text), begin, end, line)
        except json.JSONDecodeError as error:
            fault = f"expected one JSON object in the line, got {text[:40]!r} ({error.msg} at character {error.colno})"
        except RecursionError:
            fault = _TOO_DEEP
        return Value(line, None, fault)

    def _line_of(self, position: int) -> int:
        return self.line + self.buffer.count("\n", self.at, position)


def _sound(content: object) -> object:
    """The same value, with an escape for what cannot be kept: two identifiers stay two."""
    if isinstance(content, str):
        return storable(content)
    if isinstance(content, list):
        return [_sound(each) for each in content]
    if isinstance(content, dict):
        sound = type(content)((str(_sound(key)), _sound(each)) for key, each in content.items())
        if isinstance(content, Twice) and isinstance(sound, Twice):
            sound.key = str(_sound(content.key))
        return sound
    return content


def _may_be_cut(error: json.JSONDecodeError) -> bool:
    """Whether the fault may only be that the rest was not read yet: a string is open, or the text ends there."""
    return error.msg.startswith(("Unterminated", "Invalid \\")) or error.pos >= len(error.doc) - 12


def json_values(stream: BinaryIO) -> Iterator[Value]:
    """
    Yield a file's values: a document, the elements of an array, or every line of JSON lines.

    JSON lines are told by their first line: it is a whole value by itself. There a bad line is one ``fault`` and the
    next line goes on; anywhere else nothing after a fault can be trusted.

    :raises BadInput: the file is empty, no JSON, cut off, not in its encoding, or a value is too long.
    """
    text = _Text(stream)
    opening = text.peek()
    if not opening:
        message = "expected JSON, got an empty file"
        raise BadInput(message)
    if opening == "[":
        yield from _elements(text)
        return
    begun, whole = text.line, True
    for first in _value_or_page(text):
        yield first
        whole = whole and not first.page
    if begun != text.line or not whole:
        yield from _documents(text)
        return
    while text.peek():
        yield text.line_of_json()


def _documents(text: _Text) -> Iterator[Value]:
    """The values of a file in which values span lines, one after the other."""
    while text.peek():
        yield from _value_or_page(text)


def _value_or_page(text: _Text) -> Iterator[Value]:
    """The value that starts here; of a page that is too long for one, its elements, and then its frame."""
    try:
        found = text.value()
    except _TooLong:
        if not text.begins_list():
            raise
        yield from _page(text)
    else:
        yield found


def _page(text: _Text) -> Iterator[Value]:
    """The elements of a page of a list, one by one, and then the page without them."""
    frame: dict[str, object] = {}
    line, mark = text.line, text.peek()
    while mark != "}":
        text.skip(text.at + 1)
        text.peek()
        key = text.value().content
        _expect(text, ":", "behind a key of the list")
        if not isinstance(key, str) or key in frame:
            message = (
                f"expected every key of the list of line {line} once, as text, got {key!r:.60} in line {text.line}"
            )
            raise BadInput(message)
        if key == "data" and text.peek() == "[":
            ends: list[object] = []
            for element in _array(text):
                ends = [ends[0] if ends else element.content, element.content]
                yield element
            frame[key] = ends
        else:
            frame[key] = text.value().content
        mark = text.peek()
        if mark not in {",", "}"}:
            message = f"expected ',' or '}}' in the list in line {text.line}, got {mark or 'the end'!r}"
            raise BadInput(message)
    text.skip(text.at + 1)
    yield Value(line, frame, page=True)


def _expect(text: _Text, sign: str, where: str) -> None:
    """Pass over a sign, and over the blanks around it."""
    got = text.peek()
    if got != sign:
        message = f"expected {sign!r} {where} in line {text.line}, got {got or 'the end'!r}"
        raise BadInput(message)
    text.skip(text.at + 1)
    text.peek()


def _elements(text: _Text) -> Iterator[Value]:
    """The elements of one array, and nothing behind it."""
    yield from _array(text)
    if text.peek():
        message = f"expected the end of the file after the array, got {text.peek()!r} in line {text.line}"
        raise BadInput(message)


def _array(text: _Text) -> Iterator[Value]:
    """The elements of one array."""
    text.skip(text.at + 1)
    if text.peek() == "]":
        text.skip(text.at + 1)
    else:
        while True:
            yield text.value()
            mark = text.peek()
            text.skip(text.at + 1)
            if mark == "]":
                break
            if mark != ",":
                message = (
                    f"expected ',' or ']' after the array's element in line {text.line}, got {mark or 'the end'!r}"
                )
                raise BadInput(message)
            text.peek()
