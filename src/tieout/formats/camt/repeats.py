"""
Entries that look exactly like one that was read before are read without the parser.

A rich entry is two thousand characters of markup around thirty texts, and a bank prints the same markup over and over.
Once the parser has read an entry, its markup (every character outside its texts) is remembered with its plan. Where
the next entry follows directly, has exactly that markup, and nothing can hide in its texts, it is well-formed and
means what the first one meant: its texts are taken by position. The parser gets a comment with as many lines instead,
and so still knows where it is.

Everything else (comments, CDATA, character references, encodings in which markup is not ASCII) goes to the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

from tieout.formats.camt.shapes import MARKUP_MAX, SHAPES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.formats.camt.plans import EntryPlan

__all__ = ["Repeats"]

#: A text that is not blank, and holds nothing that XML forbids or that could be mistaken for markup.
_TEXT = ">([^<>\\s\x00-\x1f\ufffe\uffff][^<>\x00-\x08\x0b-\x1f\ufffe\uffff]*+)<"
_split_texts = re.compile(_TEXT).split
#: A reference that is not one of the five which need no definition.
_strange_reference = re.compile("&(?!(?:amp|lt|gt|quot|apos);)").search
_starts_entry = re.compile(r"\s*<(?:[\w.-]+:)?Ntry[ >]").match
_closing_tag = re.compile(rb"</(?:[\w.-]+:)?Ntry[ \t\r\n]*>").search
_declared = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']").match
_BOM = b"\xef\xbb\xbf"
#: Encodings in which each byte below 128 is its ASCII character, wherever it stands, as Python names them.
_CODECS = {
    "utf-8": "utf-8",
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
}
#: The most lines of unseen entries before the parser must hear of them: libxml2 takes no comment above 10 million bytes.
_UNSEEN_MAX = 1_000_000
#: When an expression of its own for one markup has paid for itself, and how many a document may have.
_OFTEN, _COMPILED_MAX = 500, 32


@dataclass(slots=True)
class _Known:
    """
    A markup that was met before.

    :ivar above: the lines before the entry's first tag.
    :ivar count: how often it was met again.
    :ivar match: takes the texts of an entry that has exactly this markup; made when it was met often.
    """

    plan: EntryPlan
    above: int
    count: int = 0
    match: Callable[[str], re.Match[str] | None] | None = None


def _codec(head: bytes) -> str | None:
    """Say how texts are decoded, from the beginning of the file; None where only the parser should."""
    start = head.removeprefix(_BOM)
    found = _declared(start)
    if found is None:
        return "utf-8" if not start.startswith(b"<?xml") or b"?>" in start else None
    codec = _CODECS.get(found[1].decode("ascii").lower())
    return codec if codec == "utf-8" or not head.startswith(_BOM) else None


class Repeats:
    """
    Remembers the markup of the entries of one document, and reads those that repeat it.

    :ivar line: the line where the next piece of the document starts, from 1.
    """

    def __init__(self, head: bytes) -> None:
        """Begin with nothing known; ``head`` is the beginning of the document."""
        self.line = 1
        self._codec = _codec(head)
        self._known: dict[tuple[str, ...], _Known] = {}
        self._latest: _Known | None = None
        self._compiled = 0
        self._closing: bytes | None = None
        self._unseen = (0, 0)
        self._shift = (0, 0)

    def end_of_piece(self, data: bytes, start: int) -> int:
        """Give the place behind the next entry's closing tag; -1 where there is none."""
        if self._closing is None:
            found = _closing_tag(data, start)
            if found is None:
                return -1
            self._closing = found[0]
        end = data.find(self._closing, start)
        return end + len(self._closing) if end >= 0 else -1

    def read(self, piece: bytes) -> tuple[EntryPlan, list[str], int] | None:
        """
        Read an entry of known markup: its plan, its texts as the plan counts them, and its line.

        :param piece: from the end of the entry before to the end of this one.
        :return: None where the parser must read it.
        """
        if self._codec is None:
            return None
        try:
            text = piece.decode(self._codec)
        except UnicodeDecodeError:
            return None
        found = self._recognise(text)
        if found is None:
            return None
        known, texts = found
        values = list(map(str.strip, texts))
        if "&" in text:
            if _strange_reference(text):
                return None
            values = list(map(unescape, values))
        line, lines = self.line + known.above, text.count("\n")
        self.line += lines
        column = len(piece) - piece.rfind(b"\n") - 1
        self._unseen = (self._unseen[0] + lines, column if lines else self._unseen[1] + column)
        return known.plan, values, line

    def _recognise(self, text: str) -> tuple[_Known, Sequence[str]] | None:
        """Find the markup of an entry and its texts; most entries look like the one before."""
        latest = self._latest
        if latest is not None and latest.match is not None:
            same = latest.match(text)
            if same is not None:
                return latest, same.groups()
        pieces = _split_texts(text)
        known = self._latest = self._known.get(tuple(pieces[::2]))
        if known is None:
            return None
        known.count += 1
        if known.count == _OFTEN and self._compiled < _COMPILED_MAX:
            self._compiled += 1
            known.match = re.compile(_TEXT.join(map(re.escape, pieces[::2]))).fullmatch
        return known, pieces[1::2]

    def learn(self, piece: bytes, plan: EntryPlan, values: Sequence[str], line: int) -> None:
        """
        Remember the markup of an entry that the parser has read, if its texts by position are what the parser found.

        :param piece: from the end of the entry before to the end of this one.
        """
        if self._codec is None or len(piece) > MARKUP_MAX:
            return
        try:
            text = piece.decode(self._codec)
        except UnicodeDecodeError:
            return
        pieces = _split_texts(text)
        above = line - self.line
        blank = text[: len(text) - len(text.lstrip())]
        same = [unescape(value.strip()) for value in pieces[1::2]] == values
        if same and _starts_entry(text) and above == blank.count("\n"):
            if len(self._known) >= SHAPES_MAX:
                self._known.clear()
            self._known[tuple(pieces[::2])] = _Known(plan, above)

    def pass_over(self, piece: bytes) -> None:
        """Count the lines of what the parser has read."""
        self.line += piece.count(b"\n")

    @property
    def is_far_ahead(self) -> bool:
        """Whether the parser should hear of the entries that it did not see."""
        return self._unseen[0] >= _UNSEEN_MAX

    def stand_in(self) -> bytes:
        """Give what the parser reads instead of the entries that it did not see: a comment with their lines."""
        lines, column = self._unseen
        if not lines and not column:
            return b""
        written = b"<!--" + b"\n" * lines + b"-->"
        self._unseen = (0, 0)
        before = 0 if lines or self._shift[0] != self.line else self._shift[1]
        self._shift = (self.line, before + column - (3 if lines else 7))
        return written

    def column(self, line: int, column: int) -> int:
        """Give the column in the document of what the parser has met at this line and column."""
        return column + self._shift[1] if line == self._shift[0] else column
