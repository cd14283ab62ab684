"""
The landing: every delivery, unaltered, before anything reads it.

Each delivery is one file, encrypted with a key of its own, named by the fingerprint of what came in. The key stands in
the book, wrapped by the workspace's key file; to destroy the key is to destroy the delivery, wherever copies lie.

Layout of a landed file: 8 bytes of magic, then frames of one MiB of plain text, each AES-256-GCM with the frame's
number as nonce (a key serves one file only) and "is it the last" as additional data, so that frames can be neither
swapped nor cut off, and any place can be read without reading what stands before.
"""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from tieout.errors import Broken
from tieout.store.files import durable_file, make_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from tieout.store.fingerprints import Fingerprints

__all__ = ["Landed", "Landing", "Vault"]

_MAGIC = b"tieout\x00\x01"
_FRAME = 1 << 20
_TAG = 16
_KEY_BYTES = 32


class Vault:
    """
    Wraps the key of each delivery with the workspace's key file (AES key wrap with padding, RFC 5649).

    The key file holds 32 random bytes and must be readable by its owner only.
    """

    def __init__(self, path: Path, entropy: Callable[[int], bytes], *, make: bool = True) -> None:
        """
        Open the key file, or make one.

        :param make: False where deliveries were landed already: another key would open none of them.
        :raises Broken: the file can be read by others, or is not a key (or a folder), or is missing.
        """
        self._path = path
        if not path.exists():
            if not make:
                message = (
                    f"the key file {path} is missing: expected the one that deliveries were landed with; restore it"
                )
                raise Broken(message)
            _make_key_file(path, entropy)
        if path.is_dir():
            message = f"expected the key file at {path}, got a folder: move it away, or restore the file"
            raise Broken(message)
        if path.stat().st_mode & 0o077:
            message = f"{path} can be read by others: expected mode 0600; run `chmod 600 {path}`"
            raise Broken(message)
        self._key = path.read_bytes()
        if len(self._key) != _KEY_BYTES:
            message = f"{path} is not a key file: expected {_KEY_BYTES} bytes, got {len(self._key)}"
            raise Broken(message)

    @property
    def key_id(self) -> str:
        """Name the key file's content without revealing it."""
        return hashlib.sha256(b"tieout key id" + self._key).hexdigest()[:16]

    def wrap(self, key: bytes) -> bytes:
        """Protect the key of a delivery for keeping it in the book."""
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

        return aes_key_wrap_with_padding(self._key, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """
        Give back the key of a delivery.

        :raises Broken: it was wrapped by another key file.
        """
        from cryptography.hazmat.primitives.keywrap import (
            InvalidUnwrap,
            aes_key_unwrap_with_padding,
        )

        try:
            return aes_key_unwrap_with_padding(self._key, wrapped)
        except InvalidUnwrap:
            message = f"{self._path} is not the key file that this workspace's deliveries were landed with"
            raise Broken(message) from None


@dataclass(frozen=True, slots=True)
class Landed:
    """
    A delivery that is safe on disk.

    :ivar path: relative to the landing.
    :ivar fingerprint: of the plain bytes (store.fingerprints).
    :ivar size: how many plain bytes.
    :ivar key: the key of this delivery, not wrapped.
    """

    path: str
    fingerprint: str
    size: int
    key: bytes


class Landing:
    """The folder of landed deliveries."""

    def __init__(self, root: Path, entropy: Callable[[int], bytes], fingerprints: Fingerprints) -> None:
        """Use a folder, which need not exist yet; ``entropy`` gives random bytes."""
        self.root = root
        self.fingerprints = fingerprints
        self._entropy = entropy

    def land(self, stream: BinaryIO) -> Landed:
        """
        Keep a delivery: when this returns, it survives a power cut.

        The name carries a random part, so that two processes landing the same bytes do not overwrite each other.
        """
        key = self._entropy(_KEY_BYTES)
        cipher = _cipher(key)
        digest, count, number = hashlib.sha256(), 0, 0
        draft = self.root / "arriving" / self._entropy(16).hex()
        # Hashing takes as long as everything else together, so it runs beside it.
        with durable_file(draft, mode=0o600) as file, ThreadPoolExecutor(1, thread_name_prefix="hash") as beside:
            file.write(_MAGIC)
            frame = _read_exactly(stream, _FRAME)
            while True:
                following = _read_exactly(stream, _FRAME)
                hashed = beside.submit(digest.update, frame)
                count += len(frame)
                file.write(cipher.encrypt(_nonce(number), frame, _last(not following)))
                hashed.result()
                if not following:
                    break
                frame, number = following, number + 1
        name = self.fingerprints.of(digest.hexdigest())
        relative = f"{name[:2]}/{name}-{draft.name[:8]}"
        final = self.root / relative
        make_folder(final.parent)
        draft.rename(final)
        sync_folder(final.parent)
        return Landed(relative, name, count, key)

    def open(self, path: str, key: bytes, size: int) -> BinaryIO:
        """
        Read a landed delivery: a seekable stream of its plain bytes.

        :raises Broken: the file is missing, or was changed (while reading).
        """
        target = self.root / path
        try:
            file = target.open("rb")
        except FileNotFoundError:
            message = f"the landed delivery {target} is missing: restore it from a backup"
            raise Broken(message) from None
        return io.BufferedReader(_Plain(file, _cipher(key), size, target), _FRAME)

    def remove(self, path: str) -> None:
        """Delete a landed file (a repeat, or one whose key was destroyed)."""
        (self.root / path).unlink(missing_ok=True)


class _Plain(io.RawIOBase):
    """The plain bytes of a landed file, decrypted frame by frame."""

    def __init__(self, file: IO[bytes], cipher: AESGCM, size: int, path: Path) -> None:
        self._file = file
        self._cipher = cipher
        self._size = size
        self._path = path
        self._at = 0
        self._number = -1
        self._frame = b""
        if file.read(len(_MAGIC)) != _MAGIC:
            message = f"{path} is not a landed delivery: its first bytes were changed"
            raise Broken(message)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the typeshed wants any buffer; io gives this one
        if self._at >= self._size:
            if self._size == 0:
                self._load(0)  # an empty delivery still proves that it is whole
            return 0
        number, skip = divmod(self._at, _FRAME)
        self._load(number)
        part = memoryview(self._frame)[skip : skip + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _load(self, number: int) -> None:
        if number == self._number:
            return
        from cryptography.exceptions import InvalidTag

        self._file.seek(len(_MAGIC) + number * (_FRAME + _TAG))
        sealed = self._file.read(_FRAME + _TAG)
        last = (number + 1) * _FRAME >= self._size
        try:
            self._frame = self._cipher.decrypt(_nonce(number), sealed, _last(last))
        except (InvalidTag, ValueError):
            message = f"the landed delivery {self._path} was changed near byte {number * _FRAME}"
            raise Broken(message) from None
        self._number = number

    def close(self) -> None:
        self._file.close()
        super().close()


def _make_key_file(path: Path, entropy: Callable[[int], bytes]) -> None:
    """Make the key file; where a second process was quicker, its key is the key."""
    draft = path.with_name(f"{path.name}.{entropy(8).hex()}")
    with durable_file(draft, mode=0o600) as file:
        file.write(entropy(_KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
        sync_folder(path.parent)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _last(last: bool) -> bytes:  # noqa: FBT001 - a single private flag
    return b"last" if last else b"more"


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    """Read a full frame unless the stream ends: pipes and sockets give less than asked for."""
    parts = []
    while count > 0 and (part := stream.read(count)):
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
