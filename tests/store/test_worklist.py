"""Refreshing the work list: it says what it is given, writes only what differs, and nobody waits long; on both books."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from benchmarks.worklist import rows
from tieout.errors import WrongUse
from tieout.store import schema, worklist
from tieout.store.book import Book, open_book
from tieout.store.worklist import WANTED, refresh

COUNT = 400
TABLE = schema.worklist


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Book]:
    book = open_book(f"sqlite:///{tmp_path}/book.db")
    yield book
    book.close()


def batches(wanted: list[dict[str, Any]], most: int = 37) -> list[pa.RecordBatch]:
    found: list[pa.RecordBatch] = pa.Table.from_pylist(
        sorted(wanted, key=lambda row: str(row["exception_id"])), WANTED
    ).to_batches(most)
    return found


def listed(book: Book) -> list[dict[str, Any]]:
    with book.reading() as connection:
        query = sa.select(*schema.stored_columns(TABLE)).order_by(TABLE.c.exception_id)
        return [dict(row) for row in connection.execute(query).mappings()]


def later(before: list[dict[str, Any]], draw: random.Random) -> list[dict[str, Any]]:
    """Change some columns of some rows, take some away and add others; whatever opened is found again later."""
    words = dict.fromkeys(
        ("counterparty", "assignee", "settlement_id", "run_id", "kind", "record_id"), ("another", None)
    )
    values: dict[str, tuple[Any, ...]] = {
        **words, "note": ("", 'a "quoted" word, and\na line', "ü\\N"), "amount": (-1, -2, 0, None), "weight": (1, None, 2**62),
        "state": ("open", "resolved"), "due_day": (0, -1), "candidates": ("[]", '[{"why": "a, b"}]'),
    }  # fmt: skip
    after = [dict(row, opened_at=row["opened_at"] + 1) for row in before if draw.random() < 0.9]
    for row in after:
        if draw.random() < 0.3:
            name = draw.choice(sorted(values))
            row[name] = draw.choice(values[name])
    return after + rows(draw.randrange(40), seed=draw.randrange(1_000_000))


def refreshed_often(book: Book) -> None:
    draw, standing = random.Random(5), rows(COUNT)
    assert refresh(book, batches(standing)) == COUNT
    for _ in range(12):
        wanted = {row["exception_id"]: row for row in later(standing, draw)}
        before = {row["exception_id"]: row for row in standing}
        expected = [dict(row, opened_at=before.get(name, row)["opened_at"]) for name, row in sorted(wanted.items())]
        differ = sum(before.get(row["exception_id"]) != row for row in expected) + len(before.keys() - wanted.keys())
        assert refresh(book, batches(list(wanted.values()))) == differ
        standing = listed(book)
        assert standing == expected
        assert refresh(book, batches(list(wanted.values()))) == 0
    assert refresh(book, []) == len(standing)
    assert listed(book) == []


@pytest.mark.parametrize("most", [3, 10_000])
def test_it_says_what_it_is_given(sqlite: Book, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "ROWS_AT_ONCE", most)
    refreshed_often(sqlite)


def test_it_says_what_it_is_given_on_postgresql(fresh_postgres: str) -> None:
    book = open_book(fresh_postgres)
    refreshed_often(book)
    book.close()


def twice_and_disordered(book: Book) -> None:
    one = rows(1)[0]
    assert refresh(book, batches([one, dict(one, note="again")], most=1)) == 1
    assert [row["note"] for row in listed(book)] == [one["note"]]


def test_of_two_rows_with_one_id_the_first_counts(sqlite: Book, fresh_postgres: str) -> None:
    twice_and_disordered(sqlite)
    other = open_book(fresh_postgres)
    twice_and_disordered(other)
    other.close()


def test_rows_out_of_order_are_refused(sqlite: Book) -> None:
    disordered = pa.Table.from_pylist(sorted(rows(3), key=lambda row: str(row["exception_id"]), reverse=True), WANTED)
    with pytest.raises(ValueError, match="ordered by exception_id"):
        refresh(sqlite, disordered.to_batches())
    assert listed(sqlite) == []


def version(book: Book) -> int:
    with book.reading() as connection:
        return connection.scalar(sa.select(schema.head.c.version).where(schema.head.c.name == "worklist")) or 0


def test_a_change_is_counted_and_nothing_is_not(sqlite: Book) -> None:
    made = rows(5)
    refresh(sqlite, batches(made))
    assert version(sqlite) == 1
    refresh(sqlite, batches(made))
    assert version(sqlite) == 1
    refresh(sqlite, batches([dict(row, note="another") for row in made]))
    assert version(sqlite) == 2


def test_another_writer_gets_its_turn_between_parts(sqlite: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reader sees meanwhile are whole parts, and what another process wrote of the same id is no obstacle."""
    made = sorted(rows(100), key=lambda row: str(row["exception_id"]))
    monkeypatch.setattr(worklist, "ROWS_AT_ONCE", 30)
    seen: list[int] = []

    def turn(_seconds: float) -> None:
        seen.append(len(listed(sqlite)))
        with sqlite.writing() as connection:
            if len(seen) == 1:
                connection.execute(sa.insert(TABLE), [dict(made[-1], note="another process was here")])
            connection.execute(sa.insert(schema.about).values(name=f"turn {len(seen)}", value="had"))

    monkeypatch.setattr(time, "sleep", turn)
    assert refresh(sqlite, batches(made)) == 100
    assert seen == [30, 61, 91]
    assert listed(sqlite) == made


def test_nobody_waits_and_a_reader_sees_all_or_nothing_on_postgresql(fresh_postgres: str) -> None:
    book = open_book(fresh_postgres)
    made = batches(rows(100), most=10)

    def with_others() -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(made):
            with book.writing() as connection:
                connection.execute(sa.insert(schema.about).values(name=f"turn {number}", value="had"))
            assert listed(book) == []
            yield batch

    with book.engine.connect() as held, held.begin():
        # As a long transaction of another process holds it.
        held.execute(sa.text("select pg_advisory_xact_lock(7141820501132577861)"))
        assert refresh(book, made) == 100
    assert refresh(book, []) == 100
    assert refresh(book, with_others()) == 100
    book.close()


@pytest.mark.parametrize(
    "change", ["alter table worklist drop column due_day", "alter table worklist rename to another"]
)
def test_a_book_of_another_schema_says_so(sqlite: Book, change: str) -> None:
    with sqlite.writing() as connection:
        connection.execute(sa.text(change))
    with pytest.raises(
        WrongUse, match=r"made by another version of tieout.*due_day|worklist.*run `tieout ingest` again"
    ):
        refresh(sqlite, batches(rows(1)))
    with pytest.raises(WrongUse, match="made by another version"), sqlite.reading() as connection:
        connection.execute(sa.select(TABLE))


def test_a_book_of_another_schema_says_so_on_postgresql(fresh_postgres: str) -> None:
    book = open_book(fresh_postgres)
    with book.writing() as connection:
        connection.execute(sa.text("alter table worklist drop column due_day"))
    with pytest.raises(WrongUse, match="made by another version"), book.reading() as connection:
        connection.execute(sa.select(TABLE))
    with pytest.raises(WrongUse, match="made by another version"):
        refresh(book, batches(rows(1)))
    book.close()
