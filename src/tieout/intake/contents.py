"""
Which files hold the same bytes: a file in a container may have come before, by itself, in another one, or beside itself.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import sqlalchemy as sa

from tieout.errors import BadInput
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed import WriteableBuffer

    from tieout.store.book import Book

__all__ = ["Contents", "Digesting", "copies"]

_AT_ONCE = 1 << 20


@dataclass(slots=True)
class Contents:
    """
    The fingerprints of what deliveries hold, by delivery and file; the name of a file that is no member of a ZIP is empty.

    :ivar known: those that were asked for before, each with when its delivery landed; the incoming one's among them.
    """

    book: Book
    own: str
    known: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)

    def same(self, member: str, of_delivery: str, of_member: str) -> bool:
        """Whether a file of the incoming delivery holds the same bytes as another, of itself or of an earlier one."""
        mine = self._of(self.own)[1].get(member)
        return mine is not None and mine == self._of(of_delivery)[1].get(of_member)

    def fingerprints(self, files: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str, int, str]]:
        """Give (delivery, file, when it landed, fingerprint) of each (delivery, file) whose fingerprint is known."""
        for delivery_id, member in files:
            sequence, held = self._of(delivery_id)
            if member in held:
                yield delivery_id, member, sequence, held[member]

    def _of(self, delivery_id: str) -> tuple[int, Mapping[str, str]]:
        if delivery_id not in self.known:
            table = schema.delivery
            query = sa.select(table).where(table.c.delivery_id == delivery_id)
            with self.book.reading() as connection:
                row = connection.execute(query).first()
            self.known[delivery_id] = (0, {}) if row is None else (row.sequence, _fingerprints(row))
        return self.known[delivery_id]


def copies(connection: sa.Connection, deliveries: Iterable[str]) -> set[str]:
    """Name the other deliveries that hold a file of the same bytes as one of some."""
    held: defaultdict[str, set[str]] = defaultdict(set)
    for row in connection.execute(sa.select(schema.delivery).where(schema.delivery.c.state == "accepted")):
        for fingerprint in _fingerprints(row).values():
            held[fingerprint].add(row.delivery_id)
    some = set(deliveries)
    return {one for holders in held.values() if holders & some for one in holders} - some


def _fingerprints(row: sa.Row[Any]) -> Mapping[str, str]:
    """Give the fingerprint of each file of a delivery, as the book has it."""
    told = row.member_fingerprints
    found: Mapping[str, str] = json.loads(told) if told else {"": row.fingerprint}
    return found


class Digesting:
    """A file that is digested while it is read; one that its reader jumps about in is digested before."""

    def __init__(self, content: BinaryIO) -> None:
        """Take a file that stands at its beginning."""
        self._sha256 = hashlib.sha256()
        self.stream = content
        if content.seekable():
            while block := content.read(_AT_ONCE):
                self._sha256.update(block)
            content.seek(0)
        else:
            self.stream = cast("BinaryIO", io.BufferedReader(_Passing(content, self._sha256), _AT_ONCE))

    def digest(self) -> str | None:
        """Digest the whole content, reading what nobody read; None: it is damaged."""
        try:
            if not self.stream.seekable():
                while self.stream.read(_AT_ONCE):
                    pass
        except BadInput:
            return None
        return self._sha256.hexdigest()


class _Passing(io.RawIOBase):
    """What is read of a stream, digested on its way."""

    def __init__(self, stream: BinaryIO, sha256: hashlib._Hash) -> None:
        self._stream, self._sha256 = stream, sha256

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        part = self._stream.read(len(view))
        self._sha256.update(part)
        view[: len(part)] = part
        return len(part)
