"""
The book: the transactional database behind everything that is decided.

SQLite by default (WAL, ``synchronous=FULL``), PostgreSQL by URL; others are not claimed. Readers see committed
state; a writer holds the one write lock of its database from the start of its transaction, so that two writers
queue instead of failing half-way.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import DBAPIError

from tieout.errors import Broken, Transient, WrongUse
from tieout.model.texts import storable
from tieout.store import schema
from tieout.store.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Book", "append_audit", "audit_digest", "book_exists", "check_audit", "hold_worklist", "open_book"]

_BUSY_WAIT_MS = 60_000
_SWITCHES_MAX = 100
_PAUSE_S = 0.005  # SQLite's waiting writers look every few milliseconds
# One lock for all writers of a PostgreSQL book: the log and the heads are one sequence anyway. The work list, which can
# be made again at any time, has its own: nobody waits for its hundred thousand rows.
_WRITE_LOCK = 7_141_820_501_132_577_861
_LIST_LOCK = 7_141_820_501_132_577_862


class Book:
    """A connection pool to one book, at the newest schema."""

    def __init__(self, engine: sa.Engine) -> None:
        """Wrap an engine; use :func:`open_book`."""
        self.engine = engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this book is a file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one consistent state."""
        with _translated(self.engine), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """Give a connection outside any transaction, for work that takes several on the same one."""
        with _translated(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, on: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """
        Give a connection that holds the write lock; commits at the end, rolls back when the body raises.

        :param on: a connection from :meth:`connected`; None: a new one.
        :raises Transient: the database is busy or went away; nothing was written.
        """
        with nullcontext(on) if on is not None else self.connected() as connection:
            connection.execution_options(writing=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITE_LOCK)))
                yield connection

    def give_way(self) -> None:
        """Let other writers of a SQLite book have their turn, between two transactions of one long piece of work."""
        if self.is_sqlite:
            time.sleep(_PAUSE_S)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@contextmanager
def _translated(engine: sa.Engine) -> Iterator[None]:
    """Name a database's failures by what the caller should do about them; bulk work speaks to the driver directly."""
    driver: Any = engine.dialect.dbapi
    try:
        yield
    except (DBAPIError, driver.Error) as error:
        told = error.orig if isinstance(error, DBAPIError) else error
        if _is_other_schema(told):
            raise WrongUse(_OTHER_VERSION.format(str(told).strip().splitlines()[0])) from error
        if isinstance(told, driver.OperationalError):
            said = str(told).strip()
            if _NO_SUCH.search(said):
                message = f"expected the database that [workspace] book names, got: {said}: make it, or mend the URL"
                raise WrongUse(message) from error
            advice = next((advice for words, advice in _ADVICE.items() if words in said), "try again")
            message = f"the book did not answer ({said}): nothing was written, {advice}"
            raise Transient(message) from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            message = "the connection to the book was lost: nothing was written, try again"
            raise Transient(message) from error
        raise


_OTHER_VERSION = (
    "the book was made by another version of tieout: its tables are not those that this one expects ({}). Nothing was"
    " written. Use the version that made it; or give the workspace a new book (move its folder .tieout away, or name"
    " another [workspace] book) and run `tieout ingest` again: the old book keeps what was decided in it"
)
#: How PostgreSQL says that there is no such database or user, which trying again does not mend.
_NO_SUCH = re.compile(r'(database|role) "[^"]*" does not exist')
#: How SQLite says what trying again does not mend, and what does.
_ADVICE = {
    "readonly database": "let its file and folder be written",
    "unable to open database file": "let its folder be written",
    "disk is full": "make room on its disk, then try again",
}
#: How PostgreSQL names a missing table and a missing column.
_MISSING = {"42P01", "42703"}


def _is_other_schema(error: BaseException | None) -> bool:
    """Whether a statement failed because the tables are not those that it was written for."""
    if isinstance(error, sqlite3.OperationalError):
        return re.search(r"no such (table|column|index)|has no column named", str(error)) is not None
    return getattr(error, "sqlstate", None) in _MISSING


def hold_worklist(connection: sa.Connection) -> None:
    """Let nobody else write the work list until the end of this transaction; a writer of SQLite holds it already."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LIST_LOCK)))


def book_exists(url: str) -> bool:
    """Say whether there is a book, without making one."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return True  # opening it says what is wrong
    if parsed.get_backend_name() == "sqlite" and parsed.database and not Path(parsed.database).exists():
        return False
    engine = _engine(url)
    try:
        return _revision(engine) is not None
    finally:
        engine.dispose()


def open_book(url: str, *, though_moved: bool = False) -> Book:
    """
    Open a book, creating or migrating its tables when they are missing or old.

    :param url: ``sqlite:////absolute/path/book.db`` or ``postgresql+psycopg://user@host/name``.
    :param though_moved: also one that moved away, to look at what is left there.
    :raises WrongUse: another kind of database, a newer schema than this program knows, or a book that moved away.
    """
    engine = _engine(url)
    revision = _revision(engine)
    if revision != schema.HEAD_REVISION:
        _migrate(engine, revision)
    book = Book(engine)
    with book.reading() as connection:
        moved = connection.scalar(sa.select(schema.about.c.value).where(schema.about.c.name == "moved_to"))
    if moved and not though_moved:
        message = f"this book was moved to {moved}: set [workspace] book to it in tieout.toml"
        raise WrongUse(message)
    return book


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        message = f"expected a book URL such as sqlite:///.tieout/book.db, got {url!r}"
        raise WrongUse(message) from None
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"))
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        message = f"expected the book in a SQLite file or in PostgreSQL, got {parsed.render_as_string()}"
        raise WrongUse(message)
    make_folder(Path(parsed.database).resolve().parent)
    engine = sa.create_engine(parsed)
    engine.dialect.statement_compiler = _WithHints
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


class _WithHints(SQLiteCompiler):
    """Writes ``INDEXED BY``, which SQLite has and SQLAlchemy does not write by itself."""

    def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:
        del table
        return text


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_WAIT_MS}")  # first: the next ones may have to wait
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL; SQLite does not wait for another process that is just doing so, but for its lock it does."""
    for _ in range(_SWITCHES_MAX):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _revision(engine: sa.Engine) -> str | None:
    """Say which migration a database stands at; None when it has none of our tables."""
    with _translated(engine), engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.scalar(sa.text("select version_num from alembic_version"))
        return None if found is None else str(found)


def _migrate(engine: sa.Engine, revision: str | None) -> None:
    """Bring the tables to the newest schema; two processes at once do it once."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with Book(engine).writing() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            message = (
                f"the book's schema {revision} is newer than this tieout ({schema.HEAD_REVISION}):"
                " install the version that made it"
            )
            raise WrongUse(message) from None


def append_audit(
    connection: sa.Connection,
    *,
    at: int,
    actor: str,
    action: str,
    subject: str,
    reason: str | None,
    body: dict[str, Any],
) -> None:
    """
    Write one entry of the audit log, in the caller's write transaction.

    :param at: microseconds since 1970.
    :param body: what the action rests on and what it produced; JSON.
    """
    table = schema.audit
    latest = connection.execute(
        sa.select(table.c.sequence, table.c.digest).order_by(table.c.sequence.desc()).limit(1),
    ).first()
    row = {
        "sequence": latest.sequence + 1 if latest else 1,
        "at": at,
        # As it will be kept: the digest is of that.
        "actor": storable(actor),
        "action": action,
        "subject": storable(subject),
        "reason": None if reason is None else storable(reason),
        "body": storable(json.dumps(body, sort_keys=True, ensure_ascii=False)),
        "previous": latest.digest if latest else "",
    }
    connection.execute(sa.insert(table).values(**row, digest=audit_digest(row)))


def audit_digest(row: dict[str, Any]) -> str:
    """Digest an entry of the audit log with everything but its own digest; the one before is part of it."""
    text = json.dumps({key: row[key] for key in sorted(row) if key != "digest"}, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_audit(connection: sa.Connection) -> int:
    """
    Read the audit log from its beginning and prove that nothing was changed or removed.

    :return: how many entries stand in it.
    :raises Broken: an entry differs from its digest, or the chain has a hole.
    """
    previous, count = "", 0
    for entry in connection.execute(sa.select(schema.audit).order_by(schema.audit.c.sequence)).mappings():
        row, count = dict(entry), count + 1
        if row["sequence"] != count or row["previous"] != previous or row["digest"] != audit_digest(row):
            message = f"the audit log was changed at entry {row['sequence']}: expected its digest to follow {count - 1}"
            raise Broken(message)
        previous = row["digest"]
    return count
