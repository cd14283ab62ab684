"""
The beginning of a stream, looked at before the stream is read from its beginning.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["HEAD_BYTES", "peek"]

#: As many bytes as ``Head`` holds.
HEAD_BYTES = 1 << 16


class _Replayed(io.RawIOBase):
    """What was taken from a stream that cannot seek, and then the rest of it."""

    def __init__(self, taken: bytes, stream: BinaryIO) -> None:
        self._taken, self._at, self._stream = taken, 0, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._at < len(self._taken):
            part = self._taken[self._at : self._at + len(view)]
            self._at += len(part)
        else:
            part = self._stream.read(len(view))
        view[: len(part)] = part
        return len(part)


def peek(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """
    Take up to 64 KiB from a stream: (those bytes, a stream that begins with them).

    A stream that can seek is set back and given back itself: XLSX and Parquet need to seek.
    """
    if stream.seekable():
        start = stream.tell()
        taken = _up_to(stream)
        stream.seek(start)
        return taken, stream
    taken = _up_to(stream)
    return taken, cast("BinaryIO", io.BufferedReader(_Replayed(taken, stream), 1 << 20))


def _up_to(stream: BinaryIO) -> bytes:
    """Read until the head is full; a pipe may give less than asked."""
    taken = b""
    while len(taken) < HEAD_BYTES:
        part = stream.read(HEAD_BYTES - len(taken))
        if not part:
            break
        taken += part
    return taken
