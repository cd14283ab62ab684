"""
Files in which other files come: gzip and ZIP, opened as streams and never trusted.

What a container says of itself (names, sizes, counts) is checked before it is believed, and what comes out is counted
while it is read, so that a file of a few kilobytes cannot fill memory or run for ever. A workbook (XLSX) is a ZIP file
too, but it is one table and no container.

Limits: :data:`MEMBERS_MAX`, :data:`RATIO_MAX` beyond :data:`RATIO_FREE_BYTES`, :data:`OUTPUT_MAX`, one level.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

from tieout.errors import BadInput
from tieout.formats._inflating import GZIP, OUTPUT_MAX, RATIO_FREE_BYTES, RATIO_MAX, GzipReader, MemberReader, Meter
from tieout.formats._peek import HEAD_BYTES, peek
from tieout.formats._zip_directory import MEMBERS_MAX, ZIP, is_office, open_zip, read_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

__all__ = [
    "HEAD_BYTES",
    "MEMBERS_MAX",
    "OUTPUT_MAX",
    "RATIO_FREE_BYTES",
    "RATIO_MAX",
    "SPOOL_MAX",
    "open_members",
    "with_head",
]

#: The largest file that is put aside because its reader must jump about in it (XLSX, Parquet, ZIP from a pipe).
SPOOL_MAX = 4 << 30
_IN_MEMORY = 32 << 20
_BUFFER = 1 << 20
_PARQUET = b"PAR1"


def with_head(stream: BinaryIO, size: int = HEAD_BYTES) -> tuple[bytes, BinaryIO]:
    """
    Look at the beginning of a file without losing it: (up to ``size`` bytes, a stream that begins with them).

    :param size: at most 64 KiB.
    """
    head, whole = peek(stream)
    return head[:size], whole


def open_members(stream: BinaryIO, name: str) -> Iterator[tuple[str | None, BinaryIO]]:
    """
    Open what a file holds: each file of a ZIP by its name, in the order of names; else one file without a name.

    A member is read before the next is asked for, and is closed then. Folders and what macOS adds are left out.
    Members that are workbooks or Parquet can seek; of the others, only files that came plain from a stream that can.

    :param name: what to call the file in messages.
    :raises BadInput: the container is broken, plays tricks with paths or goes beyond a limit; while a member is read
        also because that one is damaged, encrypted or another container: the others can be read all the same.
    """
    head, whole = with_head(stream)
    if head.startswith(GZIP):
        with _buffered(GzipReader(whole, Meter(name))) as content, _member(content, name) as member:
            yield None, member
    elif head.startswith(ZIP):
        if whole.seekable():
            yield from _zip_members(whole, name)
        else:
            with _spooled(whole, name) as file:
                yield from _zip_members(file, name)
    elif head.startswith(_PARQUET) and not whole.seekable():
        with _spooled(whole, name) as file:
            yield None, file
    else:
        yield None, whole


def _zip_members(file: BinaryIO, name: str) -> Iterator[tuple[str | None, BinaryIO]]:
    """Open the members of a ZIP file; a workbook is itself the only one."""
    start = file.tell()
    with open_zip(file, name) as archive:
        if not is_office(archive):
            meter = Meter(name, file.seek(0, io.SEEK_END))
            for info in read_members(archive, name):
                where = f"{info.filename!r} in {name}"
                with ExitStack() as opened:
                    try:
                        content = opened.enter_context(_buffered(MemberReader(archive, info, meter, where)))
                        member = opened.enter_context(_member(content, where))
                    except BadInput as error:
                        member = opened.enter_context(_buffered(_Unreadable(error)))
                    yield info.filename, member
                if meter.beyond is not None:
                    raise BadInput(meter.beyond)
            return
    file.seek(start)
    yield None, file


class _Unreadable(io.RawIOBase):
    """A member that cannot be opened: whoever reads it hears why."""

    def __init__(self, error: BadInput) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        del buffer
        raise self._error


def _buffered(reader: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(reader, _BUFFER))


def _member(stream: BinaryIO, where: str) -> BinaryIO:
    """Refuse a container in a container, and make a file seekable whose reader must jump about in it."""
    head, whole = with_head(stream)
    if head.startswith(GZIP):
        raise _nested(where, "gzip")
    if head.startswith(ZIP):
        file = _spooled(whole, where)
        with open_zip(file, where) as archive:
            office = is_office(archive)
        if not office:
            file.close()
            raise _nested(where, "ZIP")
        file.seek(0)
        return file
    return _spooled(whole, where) if head.startswith(_PARQUET) else whole


def _nested(where: str, what: str) -> BadInput:
    return BadInput(f"expected files in the container, got another container ({what}): {where}")


def _spooled(stream: BinaryIO, where: str) -> BinaryIO:
    """Put a file aside: in memory while it is small, else in a nameless file that is gone when it is closed."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever asked for it closes it
    while block := stream.read(_BUFFER):
        if file.tell() + len(block) > SPOOL_MAX:
            file.close()
            message = f"expected at most {SPOOL_MAX >> 30} GiB of a file that is not read in one go, got more: {where}"
            raise BadInput(message)
        file.write(block)
    file.seek(0)
    return cast("BinaryIO", file)
