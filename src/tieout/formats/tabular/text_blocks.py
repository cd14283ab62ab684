"""
A stream of bytes in any encoding as blocks of UTF-8 text with plain line ends.

A byte that its encoding does not know becomes a byte that is not UTF-8, so that there is one check for both, later,
where the row is known. CR, LF and CRLF all end a line; inside quoted values they become LF.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, BinaryIO

from tieout.formats.tabular.raw import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCK_BYTES", "utf8_blocks"]

#: How much is read at a time: memory grows with it, not with the file.
BLOCK_BYTES = 12 * 2**20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_BYTES = 4
#: Without a mark, Python's own decoders would refuse or take the order of the machine.
_UNMARKED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_OLD_WORKBOOK = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP = b"PK\x03\x04"
_UTF8 = {"utf-8", "ascii"}


def _mark_bad(error: UnicodeError) -> tuple[str, int]:
    """Stand in for bytes that cannot be decoded: a lone surrogate, which encodes to a byte that is not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return "\udc80", error.end
    raise error


codecs.register_error("tieout-mark", _mark_bad)


def utf8_blocks(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """
    Give the text of a stream as UTF-8, line ends as LF, in blocks cut anywhere.

    :raises Unreadable: the stream is empty, or a workbook.
    """
    first = _read(stream, max(BLOCK_BYTES, _MARK_BYTES))
    if not first:
        message = "expected a table, got an empty file"
        raise Unreadable(message)
    if first.startswith(_OLD_WORKBOOK):
        message = (
            "expected a table as text, got a workbook of an old Excel (.xls): save it as .xlsx or CSV, and bring that"
        )
        raise Unreadable(message)
    if first.startswith(_ZIP):
        message = (
            "expected a table as text, got a workbook (.xlsx) or another packed file: save it as CSV, or read it by a"
            ' mapping with format = "xlsx"'
        )
        raise Unreadable(message)
    for mark, name in _MARKS:
        if first.startswith(mark):
            first, encoding = first[len(mark) :], name
            break
    name = codecs.lookup(encoding).name
    decoder = None if name in _UTF8 else codecs.getincrementaldecoder(_UNMARKED.get(name, name))("tieout-mark")
    carry, ending = b"", False
    while not ending:
        # One block ahead: the last one must be known as such.
        block, first = first, _read(stream, BLOCK_BYTES)
        ending = not first
        text = carry + (block if decoder is None else _decoded(decoder, block, ending=ending))
        # A CR at the end may be half of a CRLF.
        carry = b"\r" if not ending and text.endswith(b"\r") else b""
        text = text[:-1] if carry else text
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            yield text


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, *, ending: bool) -> bytes:
    try:
        return decoder.decode(block, ending).encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        message = f"expected text in the file's encoding, got what it cannot decode ({error})"
        raise Unreadable(message) from None


def _read(stream: BinaryIO, wanted: int) -> bytes:
    """Read a full block, however little the stream gives at once."""
    block = stream.read(wanted)
    if len(block) == wanted or not block:
        return block
    parts, size = [block], len(block)
    while size < wanted:
        more = stream.read(wanted - size)
        if not more:
            break
        parts.append(more)
        size += len(more)
    return b"".join(parts)
