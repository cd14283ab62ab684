"""
Which book a landing belongs to: its id stands in the book and in a file beside the landing, and the two must agree.

The file is also a checkpoint of the audit log: how many entries it had, and the digest of the last; its own digest stands
in it, so that a changed byte shows. A book that lacks that entry is an older copy, whose newer deliveries and files it does not know; a book with another id, or none, is another
book. Both are refused before anything is written, because what they do not name would look like the rest of a crash.

Files of the lake carry the book's ``mark`` in their names. A folder that is bound anew gets another one, so that only
what this book wrote since is ever swept.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken
from tieout.store import schema
from tieout.store.book import append_audit
from tieout.store.files import durable_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tieout.store.book import Book

__all__ = ["Binding", "Unnamed", "refuse_new_book", "unnamed"]

_NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Unnamed:
    """
    Files of the landing and the lake that no row of the book names, as sorted paths relative to them.

    Drafts that never finished arriving are not among them.
    """

    landing: list[str]
    lake: list[str]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.landing or self.lake)


@dataclass(frozen=True, slots=True)
class Binding:
    """A book and the folders that it names files of."""

    book: Book
    landing: Path
    lake: Path
    entropy: Callable[[int], bytes]

    @property
    def path(self) -> Path:
        """Give the file beside the landing."""
        return self.landing.with_name(f"{self.landing.name}.bound.json")

    def check(self) -> str | None:
        """
        Prove that the book is the one that the folders belong to; writes nothing.

        :return: the book's mark; None: it was never bound.
        :raises Broken: it is another book, or an older copy.
        """
        return self._own(self._said())[1]

    def bind(self, at: int, actor: str) -> str:
        """
        Bind the folders to the book where they are not, and move the checkpoint on.

        :param at: microseconds since 1970.
        :return: the book's mark.
        :raises Broken: the folders belong to another book, or to a newer copy of this one.
        """
        said = self._said()
        own, mark = self._own(said)
        with self.book.reading() as connection:
            again = own is not None and said is None and _last(connection)[0] > 0
        if mark is None or again:
            mark = self._enter(at, actor, again=again)
        self.advance()
        return mark

    def advance(self) -> None:
        """
        Move the checkpoint on to the last entry of the audit log.

        :raises Broken: the book is not (any more) the one that the folders belong to.
        """
        said = self._said()
        own, _ = self._own(said)
        with self.book.reading() as connection:
            entries, digest = _last(connection)
        if own is None:
            return
        now = _sealed({"book": own, "entries": entries, "digest": digest})
        if now == said:
            return
        draft = self.path.with_name(f"{self.path.name}.{self.entropy(8).hex()}")
        try:
            with durable_file(draft) as file:
                file.write(_written(now))
            draft.rename(self.path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self.path.parent)

    def _said(self) -> dict[str, Any] | None:
        """Read the file beside the landing; None where there is none."""
        try:
            written = self.path.read_bytes()
            said: dict[str, Any] = json.loads(written)
            plain = {name: said[name] for name in ("book", "entries", "digest")}
            # Earlier versions wrote no digest of it.
            whole = written in {_written(plain), _written(_sealed(plain))}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise Broken(self._changed()) from None
        if not whole:
            raise Broken(self._changed())
        return said

    def _changed(self) -> str:
        return (
            f"{self.path} was changed: expected the id of a book, its last audit entry and their digest, as tieout wrote"
            " them; restore it, or delete it if the book is the right one: it is written anew"
        )

    def _own(self, said: dict[str, Any] | None) -> tuple[str | None, str | None]:
        """
        Give the book's id and mark, proven against what the file says.

        The file is read before the book is asked: what it says was committed before it was written.
        """
        log = schema.audit
        with self.book.reading() as connection:
            own, mark = _about(connection)
            entries, _ = _last(connection)
            held = None
            if said is not None:
                held = connection.scalar(sa.select(log.c.digest).where(log.c.sequence == said["entries"]))
        if said is None:
            if own is None and entries == 0:
                refuse_new_book(self.book, self.landing, self.lake, self._shown())
        elif own is not None and said["book"] != own and said["entries"] and held == said["digest"]:
            raise Broken(self._changed())  # this very book's past under another name
        elif said["book"] != own:
            if found := unnamed(self.book, self.landing, self.lake):
                message = (
                    f"the book {self._shown()} is {'a new one' if entries == 0 else 'another one'} than {self.path} names,"
                    f" and {_lying(found, self.landing, self.lake)} that it does not name: nothing was written;"
                    f" {_RESTORE}"
                )
                raise Broken(message)
        elif said["entries"] and held != said["digest"]:
            raise Broken(self._older(said["entries"], entries))
        return own, mark

    def _older(self, then: int, now: int) -> str:
        is_older = f"is an older copy: its audit log has {now} entries, it had {then}"
        what = (
            is_older
            if now < then
            else f"has another past: entry {then} of its audit log is not the one that stood there"
        )
        found = unnamed(self.book, self.landing, self.lake)
        lying = f"; {_lying(found, self.landing, self.lake)} that it does not name" if found else ""
        return (
            f"the book {self._shown()} {what} (says {self.path}){lying}: nothing was written; {_RESTORE}."
            f" If the newer book is lost for good, delete {self.path.name}: work goes on with this one, and files that it"
            " does not name stay where they are"
        )

    def _shown(self) -> str:
        return self.book.engine.url.render_as_string(hide_password=True)

    def _enter(self, at: int, actor: str, *, again: bool) -> str:
        """Write the book's id where it has none, and its mark; a second process finds those of the first."""
        about = schema.about
        with self.book.writing() as connection:
            own, mark = _about(connection)
            if mark is not None and not again:
                return mark
            fresh = self.entropy(4).hex()
            if own is None:
                connection.execute(sa.insert(about).values(name="book_id", value=self.entropy(16).hex()))
            connection.execute(sa.delete(about).where(about.c.name == "mark"))
            connection.execute(sa.insert(about).values(name="mark", value=fresh))
            if again:
                append_audit(
                    connection, at=at, actor=actor, action="bind folder", subject="book", reason=None,
                    body={"mark": fresh, "before": mark},
                )  # fmt: skip
        return fresh


_RESTORE = "restore the book that they belong to, or choose another workspace folder"


def _written(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _sealed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Add the digest of what is said."""
    return {**said, "sha256": hashlib.sha256(_written(said)).hexdigest()}


def refuse_new_book(book: Book | None, landing: Path, lake: Path, shown: str) -> None:
    """
    Refuse to begin a book beside folders that are filled: what lies there would belong to nobody.

    :param book: None: there is none yet.
    :raises Broken: something lies there.
    """
    if found := unnamed(book, landing, lake):
        message = (
            f"expected the book {shown} of what lies here, got {'none' if book is None else 'an empty one'}:"
            f" {_lying(found, landing, lake)} that no book names: nothing was written; {_RESTORE}"
        )
        raise Broken(message)


def unnamed(book: Book | None, landing: Path, lake: Path) -> Unnamed:
    """List what lies in the landing and the lake, and no row of the book names."""
    known: set[str] = set()
    landed: set[str] = set()
    lying = [_files(landing), _files(lake)]  # before the book is asked: what is committed meanwhile is named
    if book is not None and any(lying):
        with book.reading() as connection:
            known = set(connection.scalars(sa.select(schema.lake_file.c.path)))
            known |= set(connection.scalars(sa.select(schema.run_file.c.path)))
            landed = set(connection.scalars(sa.select(schema.delivery.c.path)))
    arrived = {path for path in lying[0] if not path.startswith("arriving/")}
    return Unnamed(sorted(arrived - landed), sorted(lying[1] - known))


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} if root.is_dir() else set()


def _lying(found: Unnamed, landing: Path, lake: Path) -> str:
    """Say in words what lies there."""
    some = [str(landing / path) for path in found.landing] or [str(lake / path) for path in found.lake]
    more = ", ..." if len(some) > _NAMED_MAX else ""
    return (
        f"there lie {len(found.landing)} landed deliveries and {len(found.lake)} lake files"
        f" ({', '.join(some[:_NAMED_MAX])}{more})"
    )


def _about(connection: sa.Connection) -> tuple[str | None, str | None]:
    about = schema.about
    said = {row.name: row.value for row in connection.execute(sa.select(about))}
    return said.get("book_id"), said.get("mark")


def _last(connection: sa.Connection) -> tuple[int, str]:
    """Give the last entry of the audit log: its number and digest."""
    log = schema.audit
    row = connection.execute(sa.select(log.c.sequence, log.c.digest).order_by(log.c.sequence.desc()).limit(1)).first()
    return (row.sequence, row.digest) if row else (0, "")
