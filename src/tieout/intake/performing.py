"""
A scratch workspace in which past commits are performed again, each with the texts that it was made with.

Where a commit cannot be performed (its delivery was erased), or gives something else, the rows that the book holds of it
are taken over, so that every later commit is judged on what it was decided on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn
from urllib.parse import quote

import sqlalchemy as sa

from tieout.clock import FixedClock
from tieout.errors import Broken
from tieout.intake.accept import accept
from tieout.intake.withdraw import withdraw
from tieout.store import schema
from tieout.store.book import open_book
from tieout.store.lake import Lake
from tieout.store.landing import Landing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["Scratch"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_COMMITTED = (schema.lake_file, schema.statement, schema.exception)


class Scratch:
    """Empty stores beside a real landing, which they only read."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Open them in a folder; ``store`` is the one whose commits are performed again."""
        self._real = store
        self.store = replace(
            store,
            book=open_book(f"sqlite:///{quote(str(folder))}/book.db"),
            lake=Lake(folder / "lake", store.entropy.token_bytes),
            landing=_Sealed(store.landing.root, store.entropy.token_bytes, store.landing.fingerprints),
            spill=folder / "spill",
            binding=None,
        )

    def close(self) -> None:
        """Give back the connections."""
        self.store.close()

    def perform(self, commit: Any, past: Workspace, reader_text: str | None, copy: Mapping[str, Any] | None) -> None:
        """
        Perform a commit again, as it was performed.

        :param copy: the delivery whose bytes are read instead: a redacted copy of one that was erased.
        :raises Broken: it gives something else than the book holds.
        """
        at = _EPOCH + dt.timedelta(microseconds=commit.at)
        then = replace(self.store, clock=FixedClock(at), actor=commit.actor)
        self._enter(commit, copy)
        if commit.kind == "withdraw":
            withdraw(then, past, commit.delivery_id, commit.reason)
        else:
            reason = commit.reason if commit.kind.startswith("replay") else None
            accept(then, past, commit.delivery_id, replay=reason, reader_text=reader_text, withdrawn=True)
        table = schema.ledger_commit
        with self.store.book.reading() as connection:
            found = connection.scalar(sa.select(table.c.digest).where(table.c.version == commit.version))
        if found != commit.digest:
            got = "nothing" if found is None else f"digest {found[:16]}"
            message = f"expected digest {commit.digest[:16]}, performing it again gave {got}"
            raise Broken(message)

    def _enter(self, commit: Any, copy: Mapping[str, Any] | None) -> None:
        """Enter a delivery as landed, unless an earlier commit did."""
        table = schema.delivery
        mine = table.c.delivery_id == commit.delivery_id
        with self._real.book.reading() as connection:
            row = connection.execute(sa.select(table).where(mine)).mappings().one()
        later = {"version", "format", "created_at", "reason", "member_fingerprints"}
        fresh = {name: value for name, value in row.items() if not name.startswith("rows_") and name not in later}
        fresh |= {"state": "landed"} | {name: (copy or row)[name] for name in ("path", "wrapped_key", "bytes")}
        with self.store.book.writing() as connection:
            if connection.execute(sa.select(table.c.delivery_id).where(mine)).first() is None:
                connection.execute(sa.insert(table).values(fresh))
            elif copy is not None:  # taken over with an earlier commit, as the book has it now: without a key
                content = {name: copy[name] for name in ("path", "wrapped_key", "bytes")}
                connection.execute(sa.update(table).where(mine).values(**content))

    def forget(self, version: int) -> None:
        """Take out what performing a commit wrote, and everything after it."""
        table, file, head = schema.ledger_commit, schema.lake_file, schema.head
        with self.store.book.writing() as connection:
            tokens = list(connection.scalars(sa.select(table.c.token).where(table.c.version >= version)))
            for rows in (schema.statement, schema.exception):
                connection.execute(sa.delete(rows).where(rows.c.token.in_(tokens)))
            connection.execute(sa.delete(file).where(file.c.version >= version))
            gone = sa.update(file).where(file.c.removed_version >= version)
            connection.execute(gone.values(removed_version=None))
            connection.execute(sa.delete(table).where(table.c.version >= version))
            connection.execute(sa.delete(head).where(head.c.name == "facts"))
            if version > 1:
                connection.execute(sa.insert(head).values(name="facts", version=version - 1))

    def take_over(self, commit: Any) -> None:
        """
        Take the rows of a commit from the real book, and its files from the real lake, instead of performing it.

        :raises Broken: a file is not there.
        """
        self.forget(commit.version)
        found = self._recorded(commit)
        with self.store.book.writing() as connection:
            for row in found["lake_file"]:
                self._link(row["path"])
            for table in _COMMITTED:
                rows = [dict(row) for row in found[table.name]]
                if table is schema.lake_file:
                    rows = [row | {"removed_version": None} for row in rows]
                if rows:
                    connection.execute(sa.insert(table), rows)
            self._replace(connection, commit.version, found["replaced"])
            self._keep_texts(connection)
            connection.execute(sa.insert(schema.ledger_commit).values(**commit._mapping))
            self._settle(connection, commit)
            head = schema.head
            connection.execute(sa.delete(head).where(head.c.name == "facts"))
            connection.execute(sa.insert(head).values(name="facts", version=commit.version))

    def _recorded(self, commit: Any) -> dict[str, list[Mapping[str, Any]]]:
        file = schema.lake_file
        with self._real.book.reading() as connection:

            def rows(table: sa.Table, condition: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
                return [dict(row) for row in connection.execute(sa.select(table).where(condition)).mappings()]

            return {
                "lake_file": rows(file, file.c.version == commit.version),
                "replaced": rows(file, file.c.removed_version == commit.version),
                "statement": rows(schema.statement, schema.statement.c.token == commit.token),
                "exception": rows(schema.exception, schema.exception.c.token == commit.token),
            }

    def _link(self, path: str) -> None:
        target = self.store.lake.root / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(self._real.lake.full(path))

    def _replace(self, connection: sa.Connection, version: int, replaced: list[Mapping[str, Any]]) -> None:
        """Take out the files that a commit took out: by what is in them, for their names differ."""
        file = schema.lake_file
        for row in replaced:
            same = [file.c[name] == row[name] for name in ("table_name", "version", "delivery_id", "digest")]
            connection.execute(sa.update(file).where(*same).values(removed_version=version))

    def _keep_texts(self, connection: sa.Connection) -> None:
        """Take the texts over, too: a later commit may ask how its delivery was read before."""
        table = schema.text_version
        known = set(connection.scalars(sa.select(table.c.digest)))
        with self._real.book.reading() as real:
            rows = [dict(row) for row in real.execute(sa.select(table)).mappings() if row["digest"] not in known]
        if rows:
            connection.execute(sa.insert(table), rows)

    def _settle(self, connection: sa.Connection, commit: Any) -> None:
        """Enter what became of the delivery."""
        table = schema.delivery
        mine = table.c.delivery_id == commit.delivery_id
        with self._real.book.reading() as real:
            row = dict(real.execute(sa.select(table).where(mine)).mappings().one())
        states = {"withdraw": "withdrawn", "refuse": "refused", "replay: refuse": "refused"}
        row |= {"state": states.get(commit.kind, "accepted"), "version": commit.version}
        connection.execute(sa.delete(table).where(mine))
        connection.execute(sa.insert(table).values(row))


class _Sealed(Landing):
    """A landing that is read and never written: a verification changes nothing."""

    def land(self, stream: BinaryIO) -> NoReturn:
        """Refuse: only a card number that nobody saw before asks for it."""
        del stream
        message = (
            "a full card number was found in it now: `tieout replay` keeps a copy without it and destroys the original"
        )
        raise Broken(message)

    def remove(self, path: str) -> NoReturn:
        """Refuse."""
        message = f"a verification must not delete what was landed ({path})"
        raise Broken(message)
