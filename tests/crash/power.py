"""
What a disk holds after the power went: only what was synced, and by luck some of what was not.

Replays the watcher's journal (power.c) into a model of a disk that promises no more than POSIX does: the content of a
file survives from its own fsync on, a name survives from the fsync of its folder on, and nothing orders the rest. A
rename is one step: it happened or it did not.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

__all__ = ["Disk", "Event", "Kind", "Luck", "read_journal"]

_HEAD = struct.Struct("=8q")
#: What a disk writes at once.
_SECTOR = 512


class Kind(IntEnum):
    """What happened; the numbers are power.c's."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    RENAME = 5
    LINK = 6
    UNLINK = 7
    MKDIR = 8
    NOTE = 9
    SYNC_FOLDER = 10
    RMDIR = 11


class Luck(IntEnum):
    """What becomes of that which was not synced."""

    NONE = 0
    NAMES_ONLY = 1
    SOME_OF_EACH = 2


@dataclass(frozen=True, slots=True)
class Event:
    """
    One thing that happened below the watched folder.

    :ivar call: its number among the write boundaries, to be killed at.
    :ivar offset: of a write; the new length of a truncation.
    :ivar path: of a note: its text.
    :ivar second: the new name of a rename or link.
    """

    kind: Kind
    call: int
    inode: int
    offset: int
    mode: int
    path: str
    second: str
    data: bytes


def read_journal(path: Path) -> list[Event]:
    """Read the watcher's journal; an entry that a kill cut off ends it."""
    return list(_events(path.read_bytes()))


def _events(raw: bytes) -> Iterator[Event]:
    at = 0
    while at + _HEAD.size <= len(raw):
        kind, call, inode, offset, mode, *lengths = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        if at + sum(lengths) > len(raw):
            return
        parts = []
        for length in lengths:
            parts.append(raw[at : at + length])
            at += length
        yield Event(Kind(kind), call, inode, offset, mode, parts[0].decode(), parts[1].decode(), parts[2])


@dataclass(slots=True, eq=False)
class _File:
    """
    A file: what is on the disk for certain, and what was asked for since.

    :ivar pending: (offset, data), or (length, None) for a truncation.
    """

    mode: int
    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        self.durable = _applied(self.durable, self.pending)
        self.pending = []

    def after_cut(self, luck: Luck, draw: random.Random) -> bytes:
        if luck is not Luck.SOME_OF_EACH:
            return self.durable
        return _applied(self.durable, [part for whole in self.pending for part in _some(whole, draw)])


def _some(step: tuple[int, bytes | None], draw: random.Random) -> Iterator[tuple[int, bytes | None]]:
    """Let each sector of a write reach the disk or not."""
    offset, data = step
    if data is None:
        if draw.random() < 0.5:
            yield step
        return
    for begin in range(0, len(data), _SECTOR):
        if draw.random() < 0.5:
            yield offset + begin, data[begin : begin + _SECTOR]


def _applied(content: bytes, steps: list[tuple[int, bytes | None]]) -> bytes:
    new = bytearray(content)
    for offset, data in steps:
        if data is None:
            del new[offset:]
        if len(new) < offset:
            new.extend(bytes(offset - len(new)))
        if data is not None:
            new[offset : offset + len(data)] = data
    return bytes(new)


@dataclass(slots=True, eq=False)
class _Naming:
    """One change of names: what it takes away and what it puts there; None stands for a folder."""

    gone: str | None
    put: str | None
    node: _File | None
    done: bool = False

    def folders(self) -> set[str]:
        return {str(Path(path).parent) for path in (self.gone, self.put) if path}

    def apply(self, names: dict[str, _File | None]) -> None:
        if self.gone:
            names.pop(self.gone, None)
        if self.put:
            names[self.put] = self.node


class Disk:
    """The folder ``root`` as a disk knows it; fed with events, cut at any moment."""

    def __init__(self, root: Path) -> None:
        self._root = str(root.resolve())
        self._now: dict[str, _File | None] = {}
        self._durable: dict[str, _File | None] = {}
        self._pending: list[_Naming] = []
        self._inodes: dict[int, _File] = {}

    def feed(self, event: Event) -> None:
        """Let one thing happen."""
        match event.kind:
            case Kind.CREATE:
                file = self._inodes[event.inode] = _File(event.mode)
                self._name(_Naming(None, event.path, file))
            case Kind.WRITE:
                self._inodes[event.inode].pending.append((event.offset, event.data))
            case Kind.TRUNCATE:
                self._inodes[event.inode].pending.append((event.offset, None))
            case Kind.SYNC:
                self._inodes[event.inode].sync()
            case Kind.SYNC_FOLDER:
                self._sync_folder(event.path)
            case Kind.NOTE:
                pass
            case _:
                self._name(self._naming(event))

    def _naming(self, event: Event) -> _Naming:
        match event.kind:
            case Kind.RENAME:
                return _Naming(event.path, event.second, self._now[event.path])
            case Kind.LINK:
                return _Naming(None, event.second, self._now[event.path])
            case Kind.MKDIR:
                return _Naming(None, event.path, None)
            case _:
                return _Naming(event.path, None, None)

    def _name(self, change: _Naming) -> None:
        change.apply(self._now)
        self._pending.append(change)

    def _sync_folder(self, folder: str) -> None:
        for change in self._pending:
            if folder in change.folders():
                change.apply(self._durable)
                change.done = True
        self._pending = [change for change in self._pending if not change.done]

    def cut(self, target: Path, luck: Luck, draw: random.Random) -> None:
        """Write into ``target`` what a power cut at this moment leaves."""
        names = dict(self._durable)
        for change in self._pending:
            if luck is Luck.NAMES_ONLY or (luck is Luck.SOME_OF_EACH and draw.random() < 0.5):
                change.apply(names)
        for name in sorted(names):
            place = target / Path(name).relative_to(self._root)
            if not place.parent.is_dir():
                continue  # its folder's own name was lost, and everything in it
            node = names[name]
            if node is None:
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(node.after_cut(luck, draw))
                place.chmod(node.mode)
