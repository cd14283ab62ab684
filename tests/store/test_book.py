"""The book: one schema on both databases, and a log that shows every change."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tieout.errors import Broken, Transient, WrongUse
from tieout.model.texts import storable
from tieout.store import schema
from tieout.store.book import Book, append_audit, check_audit, open_book
from tieout.store.moving import move_book


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    book = open_book(request.getfixturevalue("fresh_postgres") if request.param == "postgresql" else url)
    yield book
    book.close()


def note(book: Book, count: int) -> None:
    for number in range(count):
        with book.writing() as connection:
            append_audit(connection, at=number, actor="me", action="test", subject="é", reason=None, body={"n": number})


def test_the_migrations_build_exactly_the_tables_that_the_program_knows(book: Book) -> None:
    with book.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_a_new_book_is_not_migrated_when_it_is_opened_again(book: Book) -> None:
    with book.reading() as connection:
        assert connection.scalar(sa.text("select version_num from alembic_version")) == schema.HEAD_REVISION


def test_a_failed_transaction_leaves_nothing(book: Book) -> None:
    with pytest.raises(RuntimeError), book.writing() as connection:
        connection.execute(sa.insert(schema.about).values(name="a", value="b"))
        raise RuntimeError
    with book.reading() as connection:
        assert connection.execute(sa.select(schema.about)).all() == []


def test_the_audit_log_holds(book: Book) -> None:
    note(book, 3)
    with book.reading() as connection:
        assert check_audit(connection) == 3


@pytest.mark.parametrize("odd", ["a\0b", "a\ud83db", "\udc00\0"])
def test_what_a_database_cannot_keep_is_written_and_found_as_an_escape(book: Book, odd: str) -> None:
    with book.writing() as connection:
        append_audit(connection, at=1, actor=odd, action="test", subject=odd, reason=odd, body={odd: odd})
        connection.execute(sa.insert(schema.about).values(name=odd, value="found"))
    with book.reading() as connection:
        assert check_audit(connection) == 1
        (entry,) = connection.execute(sa.select(schema.audit)).all()
        assert entry.reason == entry.actor == entry.subject == storable(odd)
        assert connection.scalar(sa.select(schema.about.c.value).where(schema.about.c.name == odd)) == "found"


def test_every_text_of_the_book_is_one_that_every_database_keeps() -> None:
    columns = [column for table in schema.metadata.tables.values() for column in table.columns]
    assert [str(column) for column in columns if isinstance(column.type, sa.String)] == []


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit set actor = 'you' where sequence = 2",
        "update audit set body = '{}' where sequence = 3",
        "delete from audit where sequence = 2",
        "delete from audit where sequence = 1",
        "update audit set at = at + 1 where sequence = 1",
    ],
)
def test_a_changed_or_removed_entry_is_found(book: Book, tampering: str) -> None:
    note(book, 3)
    with book.writing() as connection:
        connection.execute(sa.text(tampering))
    with book.reading() as connection, pytest.raises(Broken, match="audit log was changed"):
        check_audit(connection)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "oracle://x"])
def test_another_database_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(WrongUse, match="expected"):
        open_book(url)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    book = open_book(url)
    with book.writing() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    book.close()
    with pytest.raises(WrongUse, match="newer than this tieout"):
        open_book(url)


def test_a_book_moves_whole_and_the_old_one_refuses(book: Book, tmp_path: Path) -> None:
    old_url = f"sqlite:///{tmp_path / 'old.db'}"
    old = open_book(old_url)
    note(old, 5)
    move_to = book.engine.url.render_as_string(hide_password=False)
    counts = move_book(old, move_to, 1, "me")
    assert counts["audit"] == 5
    with book.reading() as connection:
        assert check_audit(connection) == 6
    with pytest.raises(WrongUse, match="was moved to"):
        open_book(old_url)
    old.close()


def test_a_book_does_not_move_onto_another(tmp_path: Path) -> None:
    one, two = (open_book(f"sqlite:///{tmp_path / name}") for name in ("one.db", "two.db"))
    note(one, 1)
    note(two, 1)
    with pytest.raises(WrongUse, match="expected an empty database"):
        move_book(one, f"sqlite:///{tmp_path / 'two.db'}", 1, "me")
    with one.reading() as connection:
        assert connection.execute(sa.select(schema.about)).all() == []


def test_a_book_does_not_move_onto_itself_nor_wait_for_itself(book: Book) -> None:
    open_again = book.engine.url.render_as_string(hide_password=False)
    with book.writing() as connection:
        connection.execute(sa.insert(schema.about).values(name="book_id", value="one"))
    with pytest.raises(WrongUse, match="expected another database to move the book to, got the one that it is in"):
        move_book(book, open_again, 1, "me")


@pytest.fixture
def killed(book: Book, tmp_path: Path) -> Iterator[tuple[Book, str]]:
    """Give a book, and the URL of where it was moved to by a command that was killed before it set its mark."""
    old = open_book(f"sqlite:///{tmp_path / 'old.db'}")
    note(old, 5)
    move_to = book.engine.url.render_as_string(hide_password=False)
    with old.writing() as connection:
        connection.execute(sa.insert(schema.about).values(name="book_id", value="one"))
    move_book(old, move_to, 1, "me")
    with old.writing() as connection:
        connection.execute(sa.delete(schema.about).where(schema.about.c.name == "moved_to"))
    yield old, move_to
    old.close()


def test_a_move_that_was_killed_before_its_mark_is_finished_by_the_same_again(
    killed: tuple[Book, str], book: Book
) -> None:
    old, move_to = killed
    counts = move_book(old, move_to, 2, "me")
    assert (counts["audit"], counts["about"]) == (5, 1)
    with book.reading() as connection:
        assert check_audit(connection) == 6  # it was moved once
    with pytest.raises(WrongUse, match="was moved to"):
        open_book(old.engine.url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("there", "a copy of this book that stands further on than this one: to work with that one, set"),
        ("here", "a copy of this book that lacks what was written here since: drop its tables first, or name another"),
        ("both", "a copy of this book that lacks what was written here since"),
        ("beside the log", "a copy of this book whose table head is not as it is here: drop its tables first"),
    ],
)
def test_a_move_is_not_finished_where_work_went_on(killed: tuple[Book, str], book: Book, where: str, said: str) -> None:
    old, move_to = killed
    if where in {"there", "both"}:
        note(book, 1)
    if where in {"here", "both"}:
        note(old, 1)
    if where == "beside the log":
        with old.writing() as connection:
            connection.execute(sa.insert(schema.head).values(name="worklist", version=7))
    with pytest.raises(WrongUse, match=said):
        move_book(old, move_to, 2, "me")
    open_book(old.engine.url.render_as_string(hide_password=False)).close()


def test_a_book_does_not_move_back_onto_what_it_left(tmp_path: Path) -> None:
    old, new = (f"sqlite:///{tmp_path / name}.db" for name in ("one", "two"))
    one = open_book(old)
    move_book(one, new, 1, "me")
    two = open_book(new)
    with pytest.raises(WrongUse, match=r"got one whose book was moved to .*two.db: drop its tables first"):
        move_book(two, old, 2, "me")
    one.close()
    two.close()


def test_a_book_moves_to_no_folder_that_is_mistyped(tmp_path: Path) -> None:
    one = open_book(f"sqlite:///{tmp_path / 'one.db'}")
    with pytest.raises(WrongUse, match="expected a folder that is there"):
        move_book(one, f"sqlite:///{tmp_path / 'typo' / 'two.db'}", 1, "me")
    one.close()
    assert not (tmp_path / "typo").exists()


def test_a_database_that_is_not_there_is_wrong_use(fresh_postgres: str) -> None:
    with pytest.raises(WrongUse, match=r'expected the database .* "nowhere" does not exist: make it, or mend the URL'):
        open_book(str(sa.make_url(fresh_postgres).set(database="nowhere").render_as_string(hide_password=False)))


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("attempt to write a readonly database", "let its file and folder be written"),
        ("database or disk is full", "make room on its disk, then try again"),
        ("database is locked", "try again"),
    ],
)
def test_a_book_that_cannot_be_written_says_what_helps(said: str, advice: str, tmp_path: Path) -> None:
    book = open_book(f"sqlite:///{tmp_path}/book.db")
    with pytest.raises(Transient, match=f"nothing was written, {advice}$"), book.reading():
        raise sqlite3.OperationalError(said)
    book.close()
