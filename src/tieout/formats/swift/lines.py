"""
Lines of a SWIFT statement message become fields: ``:61:``, ``:86:`` and the others, each with its place.

Files arrive with and without the SWIFT blocks (``{1:...}{2:...}{4:`` before, ``-}`` behind a message), with any line
ending (``joined.py`` has FinTS' own), any 8-bit encoding (``letters.py``), blanks before tags and a bank's own lines between messages. What is not a field of a
statement message belongs to the text of the field before it: ``:26:37`` is a wrapped time of day, not a tag. What is
neither that nor looks like an envelope is given as ``other``: it may be another file that somebody joined to this one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from tieout.errors import BadInput
from tieout.formats.swift.joined import plain_blocks
from tieout.formats.swift.letters import Letters, decoded, marked_blocks

__all__ = ["FIELD_CHARACTERS_MAX", "LINE_BYTES_MAX", "Field", "Unreadable", "fields", "tags"]

#: The longest line that is read; SWIFT allows 65 characters, real files a few hundred.
LINE_BYTES_MAX = 64 * 1024
#: The longest field, over all its lines; SWIFT allows 390 characters, real files a few thousand.
FIELD_CHARACTERS_MAX = 256 * 1024

_READ_BYTES = 64 * 1024
_CONTROL = r"\s\x00-\x1f\ufeff"
_ANY_TAG = re.compile(rf"[{_CONTROL}]*:(\d\d[A-Z]?|NS):")
_TAG = re.compile(
    rf"[{_CONTROL}]*:(13D?|20|21|25P?|28[CD]?|34F|60[FM]?|61|62[FM]?|64F?|65F?|86|90[CD]|NS|940):",
)
_TRAILER = re.compile(rf"[{_CONTROL}]*-(?:\}}.*|XXX|\$)?[{_CONTROL}]*", re.DOTALL)
_TAG_BEGUN = re.compile(r":(?:\d\d?[A-Z]?)?")
_BLOCK = re.compile(rf"[{_CONTROL}$]*\{{[1-5S]:")
_TEXT_BLOCK = re.compile(r"\{4:")
_INLINE_TRAILER = re.compile(r"-\}(?=\s*(?:$|[{$\x03]))")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# A time of day that was wrapped before its colon looks like one of these tags: `...T16` / `:20:37 Uhr`.
_WRAPPED_TIME = re.compile(r":(?:13|20|21|25|28):[0-5]\d(?!\d)")
_HOUR = re.compile(r"(?:^|\D)(?:[01]?\d|2[0-3])$")
_FULL_LINE = 55
# A bank's code, a message type, a number, a line of words: no SWIFT line has more than 65 characters. CSV has signs in it.
# A field that we do not know is a dialect, and a ruled line says nothing, however long.
_ENVELOPE = re.compile(rf"[{_CONTROL}$]*+(?:[\w ./-]{{0,65}}|[-=_*. ]*+|:\d\d[A-Z]?:.*)[{_CONTROL}$]*+", re.DOTALL)
_BEHIND_TRAILER = re.compile(
    rf"[{_CONTROL}]*-(?:\}}[{_CONTROL}$]*(?=[^{_CONTROL}$])(?!\{{[1-5S]:)(?P<other>.*))?", re.DOTALL
)

_MARKS = frozenset("{-")
# Only these fields run over several lines; what follows another one is the bank's own envelope.
_WRAPPING = frozenset({"61", "86", "NS", "25P"})


class Unreadable(BadInput):
    """The file breaks a limit of the reader; carries the line where."""

    def __init__(self, message: str, line: int) -> None:
        """Keep the line beside the message."""
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field of a message, or a mark between messages.

    :ivar tag: the tag without colons; ``"{"`` is a SWIFT block header, ``"-"`` the end of a message, ``"bic"`` a bank's
        code on a line of its own before a message, ``"other"`` the first of some lines that are nothing of these,
        ``"end"`` the end of the file.
    :ivar line: the line of its tag, from 1.
    :ivar column: the character column where its content starts, from 1.
    :ivar lines: its content, line by line, without the tag; of ``end`` it says
        what the file stops within: ``("line",)``, ``("tag",)`` or, after a line end, nothing.
    """

    tag: str
    line: int
    column: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The content of the first line, without blanks around it."""
        return self.lines[0].strip()


def tags(data: bytes) -> list[str]:
    """List the tags at the start of the lines of a piece of a file, in order, known to us or not."""
    lines = decoded(data.removeprefix(b"\xef\xbb\xbf")).splitlines()
    return [found[1] for line in lines if (found := _ANY_TAG.match(line))]


def fields(stream: BinaryIO, letters: Letters | None = None) -> Iterator[Field]:
    """
    Read a stream field by field, in order; memory holds one field.

    :param letters: turns the file's bytes into text; None: as where nobody says how it is written.
    :raises Unreadable: a line or a field is longer than any statement's.
    """
    growing: _Growing | None = None
    previous, number, cut, other = "", 0, "", False
    for number, text, ended in _physical_lines(stream, letters or Letters()):
        cut = "" if ended or not text.strip() else "tag" if _TAG_BEGUN.fullmatch(text) else "line"
        for tag, column, content in _pieces(text, previous if growing and growing.wraps else ""):
            if tag == "":
                if growing and growing.wraps:
                    growing.add(content, number)
                elif not _ENVELOPE.fullmatch(content):
                    yield from () if other else [Field("other", number, column, (content,))]
                    other = True
                elif growing is None or growing.tag in _MARKS:
                    yield from _bank(content, number)
                continue
            if growing:
                yield growing.field
            growing, other = _Growing(tag, number, column, [content]), False
            if tag == "-" and (behind := _BEHIND_TRAILER.fullmatch(content)) and behind["other"]:
                yield Field("other", number, column + behind.start("other"), (behind["other"],))
                other = True
        previous = text
    if growing:
        yield growing.field
    yield Field("end", number, 1, (cut,))


@dataclass(slots=True)
class _Growing:
    """A field of which further lines may follow."""

    tag: str
    line: int
    column: int
    lines: list[str]
    characters: int = 0

    @property
    def wraps(self) -> bool:
        return self.tag in _WRAPPING

    @property
    def field(self) -> Field:
        return Field(self.tag, self.line, self.column, tuple(self.lines))

    def add(self, text: str, number: int) -> None:
        """Add a line, within the limit."""
        self.lines.append(text)
        self.characters += len(text) + 1
        if self.characters > FIELD_CHARACTERS_MAX:
            message = f"expected at most {FIELD_CHARACTERS_MAX} characters in the field :{self.tag}: of line {self.line}, got more"
            raise Unreadable(message, number)


def _bank(text: str, number: int) -> Iterator[Field]:
    """Between messages only a bank's own code is of use."""
    if _BIC.fullmatch(text.strip()):
        yield Field("bic", number, 1, (text.strip(),))


def _pieces(text: str, previous: str) -> list[tuple[str, int, str]]:
    """Split a line into (tag, column, content); the tag is empty where it only continues what came before."""
    found = _TAG.match(text)
    if found and not _continues_time(text, previous):
        return _with_trailer(found[1], found.end() + 1, text[found.end() :])
    if _TRAILER.fullmatch(text):
        return [("-", 1, text), *_blocks(text)]
    if _BLOCK.match(text):
        return _blocks(text)
    return _with_trailer("", 1, text)


def _with_trailer(tag: str, column: int, content: str) -> list[tuple[str, int, str]]:
    """Cut the end of a message off the line of a field where a bank wrote both on one line."""
    found = _INLINE_TRAILER.search(content) if "-}" in content else None
    if not found:
        return [(tag, column, content)]
    rest = content[found.start() :]
    return [(tag, column, content[: found.start()]), ("-", column + found.start(), rest), *_blocks(rest)]


def _blocks(text: str) -> list[tuple[str, int, str]]:
    """Find the SWIFT blocks that open a message on this line, and a field that follows them."""
    if not any(block in text for block in ("{1:", "{2:", "{4:")):
        return []
    pieces = [("{", 1, text)]
    opened = _TEXT_BLOCK.search(text)
    field = _TAG.match(text, opened.end()) if opened else None
    if field:
        pieces += _with_trailer(field[1], field.end() + 1, text[field.end() :])
    return pieces


def _continues_time(text: str, previous: str) -> bool:
    """Whether what looks like a tag is the rest of a time of day that was wrapped at the end of a full line."""
    full = len(previous.rstrip("\r\n")) >= _FULL_LINE
    return full and bool(_WRAPPED_TIME.match(text)) and bool(_HOUR.search(previous))


def _physical_lines(stream: BinaryIO, letters: Letters) -> Iterator[tuple[int, str, bool]]:
    """Yield (number, text, whether the line ends); any of CR, LF and CRLF ends a line."""
    number, rest = 0, b""
    for block in plain_blocks(marked_blocks(iter(partial(stream.read, _READ_BYTES), b""))):
        held = rest + block
        lines = held.splitlines(keepends=True)
        # A CR at the end of a block may be half of a CRLF; a line without an end may go on.
        rest = b"" if held.endswith(b"\n") else lines.pop()
        for line in (*lines, rest):
            _check_length(line, number + 1)
        for line in lines:
            number += 1
            yield number, _plain(line, number, letters), True
    if rest:
        yield number + 1, _plain(rest, number + 1, letters), rest.endswith(b"\r")


def _plain(line: bytes, number: int, letters: Letters) -> str:
    # A NUL is a blank that fills a record of fixed length; no text that is kept may hold one.
    text = letters.text(line.rstrip(b"\r\n"), number).replace("\0", " ")
    return text.lstrip("\ufeff") if number == 1 else text


def _check_length(line: bytes, number: int) -> None:
    if len(line) > LINE_BYTES_MAX:
        message = f"expected a line of at most {LINE_BYTES_MAX} bytes, got a longer one"
        raise Unreadable(message, number)
