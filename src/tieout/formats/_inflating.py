"""
Compressed bytes become plain ones, block by block, counted on the way so that a small file cannot become an endless one.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from tieout.errors import BadInput
from tieout.formats._zip_directory import unreadable

if TYPE_CHECKING:
    from typing import IO

    from _typeshed import WriteableBuffer

__all__ = ["GZIP", "OUTPUT_MAX", "RATIO_FREE_BYTES", "RATIO_MAX", "GzipReader", "MemberReader", "Meter"]

#: What a gzip file begins with.
GZIP = b"\x1f\x8b"
#: How many times larger than the container its content may be (statements reach 50, blank tables 100) ...
RATIO_MAX = 250
#: ... once this much has come out.
RATIO_FREE_BYTES = 64 << 20
#: The most that may come out of one container.
OUTPUT_MAX = 64 << 30

# Small, because zlib copies what is left of a block whenever a part of a gzip file ends.
_BLOCK = 32 << 10
_NO_MEMBER = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class Meter:
    """
    Counts what goes into a container's expansion and what comes out.

    :param name: the container, for messages.
    :param taken: bytes that are known to go in (the size of a ZIP file).
    :ivar beyond: which limit was passed: then nothing more of the container is to be read.
    """

    def __init__(self, name: str, taken: int = 0) -> None:
        """Begin at nothing."""
        self.name, self.taken, self.given = name, taken, 0
        self.beyond: str | None = None

    def give(self, count: int) -> None:
        """
        Count bytes that came out.

        :raises BadInput: they go beyond a limit.
        """
        self.given += count
        if self.given > OUTPUT_MAX:
            self.beyond = f"expected at most {OUTPUT_MAX >> 30} GiB in {self.name}, got more"
        elif self.given > RATIO_FREE_BYTES and self.given > RATIO_MAX * self.taken:
            self.beyond = (
                f"expected {self.name} to grow at most {RATIO_MAX} times when unpacked,"
                f" got {self.given >> 20} MiB out of {self.taken} bytes: a decompression bomb"
            )
        if self.beyond is not None:
            raise BadInput(self.beyond)


class GzipReader(io.RawIOBase):
    """The content of a gzip file of one or several parts, as a stream that can only be read on."""

    def __init__(self, stream: BinaryIO, meter: Meter) -> None:
        """Begin with the first part."""
        self._stream, self._meter = stream, meter
        self._waiting = b""
        self._part: zlib._Decompress | None = None
        self._parts = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Unpack the next bytes; none at the end of the last part."""
        view = memoryview(buffer)
        while True:
            self._waiting = block = self._waiting or self._next_block()
            if self._part is None and not self._begins(block):
                return 0
            plain = self._unpacked(len(view))
            if plain:
                self._meter.give(len(plain))
                view[: len(plain)] = plain
                return len(plain)
            if not block and self._part is not None:
                message = f"expected the whole of {self._meter.name}, got a gzip file that ends too early"
                raise BadInput(message)

    def _next_block(self) -> bytes:
        block = self._stream.read(_BLOCK)
        self._meter.taken += len(block)
        return block

    def _begins(self, block: bytes) -> bool:
        """Begin the next part, if there is one; zeros behind the last one fill up a tape or a block."""
        rest = block
        if self._parts:
            rest = block.lstrip(b"\0")
            while block and not rest:
                block = self._next_block()
                rest = block.lstrip(b"\0")
        if not rest:
            return False
        if self._parts and rest[:1] != GZIP[:1]:
            message = f"expected nothing behind the gzip content of {self._meter.name}, got {rest[:8]!r}"
            raise BadInput(message)
        self._waiting = rest
        self._part = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._parts += 1
        return True

    def _unpacked(self, most: int) -> bytes:
        """Unpack up to ``most`` bytes; what a part leaves over is the beginning of the next."""
        part = self._part
        if part is None:
            return b""
        try:
            plain = part.decompress(self._waiting, most)
        except zlib.error as error:
            message = f"expected gzip content in {self._meter.name}, got damaged bytes: {error}"
            raise BadInput(message) from error
        self._waiting = part.unused_data if part.eof else part.unconsumed_tail
        if part.eof:
            self._part = None
        return plain


class MemberReader(io.RawIOBase):
    """
    One file of a ZIP file, as a stream that can only be read on.

    :param where: the member and its container, for messages.
    """

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter, where: str) -> None:
        """Open the member; the archive's directory has been checked."""
        self._meter, self._where = meter, where
        self._file: IO[bytes] = io.BytesIO()
        if fault := unreadable(info):
            message = f"{fault}: {where}"
            raise BadInput(message)
        try:
            self._file = archive.open(info)
        except _NO_MEMBER as error:
            raise self._damaged(error) from error

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Unpack the next bytes; the checksum is compared at the end."""
        view = memoryview(buffer)
        try:
            plain = self._file.read(len(view))
        except _NO_MEMBER as error:
            raise self._damaged(error) from error
        self._meter.give(len(plain))
        view[: len(plain)] = plain
        return len(plain)

    def close(self) -> None:
        """Let go of the member."""
        if not self.closed:
            self._file.close()
        super().close()

    def _damaged(self, error: Exception) -> BadInput:
        what = "it ends too early" if isinstance(error, EOFError) else str(error) or type(error).__name__
        return BadInput(f"expected a whole file {self._where}, got a damaged one: {what}")
