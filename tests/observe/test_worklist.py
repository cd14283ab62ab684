"""The work list: pages hold every row once, in order, whatever is filtered and however it is sorted; on both books."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.worklist import rows
from tieout.observe.work import worklist
from tieout.observe.work.worklist import Cursor, Wanted
from tieout.store import schema
from tieout.store.book import Book, open_book
from tieout.store.moving import move_book

COUNT = 1_500
EPOCH = dt.date(1970, 1, 1)
INVENTED = rows(COUNT)

FILTERS = [
    Wanted(),
    Wanted(state="resolved"),
    Wanted(reason="ambiguous"),
    Wanted(source_id="source-1"),
    Wanted(account_id="source-0/account-2", currency="USD"),
    Wanted(entity_id="entity-1", reconciliation="reconciliation-3"),
    Wanted(text="gLoBeX"),
    Wanted(text="mÜLLER & sö", reason="conflict"),
    Wanted(text="TX-00000042"),
    Wanted(text="100%_"),
    Wanted(text="R & S\u00d6HNE 1"),
    Wanted(text="M\u00fc_ller"),
    Wanted(text="stra\u00dfe"),
    Wanted(first=dt.date(2025, 1, 1), last=dt.date(2025, 6, 30)),
    Wanted(known_at=dt.datetime.fromtimestamp(1_793_000_000, dt.UTC) + dt.timedelta(microseconds=700)),
]


def fill(book: Book) -> None:
    with book.writing() as connection:
        connection.execute(sa.insert(schema.worklist), INVENTED)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    book = open_book(f"sqlite:///{tmp_path_factory.mktemp('book')}/book.db")
    fill(book)
    yield book
    book.close()


def expected(wanted: Wanted, sort: str, *, descending: bool) -> list[str]:
    """Filter and sort the slow and obvious way."""

    def fits(row: dict[str, Any]) -> bool:
        names = ("state", "reason", "reconciliation", "source_id", "account_id", "entity_id", "currency")
        if any(getattr(wanted, n) is not None and getattr(wanted, n) != row[n] for n in names):
            return False
        day = None if row["booked_day"] is None else EPOCH + dt.timedelta(row["booked_day"])
        if day is not None and ((wanted.first and day < wanted.first) or (wanted.last and day > wanted.last)):
            return False
        if wanted.known_at and row["opened_at"] > wanted.known_at.timestamp() * 1_000_000:
            return False
        text = f"{row['external_id']} {row['settlement_id']} {row['counterparty']}".lower()
        return wanted.text is None or wanted.text.lower() in text

    key = worklist.SORTS[sort]
    found = [row for row in INVENTED if fits(row)]
    found.sort(key=lambda r: (r[key] is not None, r[key] or 0, r["exception_id"]), reverse=descending)
    return [row["exception_id"] for row in found]


def walked(book: Book, wanted: Wanted, sort: str, *, descending: bool) -> list[str]:
    """Turn all pages forwards, and check each by turning back from it."""
    found: list[str] = []
    cursor: Cursor | None = None
    before: list[str] = []
    while True:
        page = worklist.page(book, wanted, sort, descending=descending, cursor=cursor)
        ids = [row.exception_id for row in page.rows]
        assert page.more_before == (cursor is not None)
        if cursor is not None:
            back = Cursor(page.rows[0].place, ids[0], backwards=True)
            returned = worklist.page(book, wanted, sort, descending=descending, cursor=back)
            assert [row.exception_id for row in returned.rows] == before
            assert returned.more_behind
            assert returned.more_before == (len(found) > len(before))
        found += ids
        before = ids
        if not page.more_behind:
            return found
        cursor = Cursor(page.rows[-1].place, ids[-1])


def check(book: Book) -> None:
    known = {row["exception_id"]: row for row in INVENTED}
    for wanted in FILTERS:
        truth: list[str] = []
        for sort in worklist.SORTS:
            for descending in (True, False):
                truth = expected(wanted, sort, descending=descending)
                assert walked(book, wanted, sort, descending=descending) == truth, (wanted, sort, descending)
        total = worklist.total(book, wanted)
        assert total.count == len(truth)
        assert total.weight == sum(known[name]["weight"] or 0 for name in truth)
        reasons = worklist.by_reason(book, wanted)
        assert sum(row.count for row in reasons) == total.count
        assert sum(row.weight for row in reasons) == total.weight


def test_pages_of_a_short_list_hold_every_row_once_in_order(sqlite: Book) -> None:
    check(sqlite)


@pytest.mark.parametrize("near", [60, 400, 2_000])
def test_pages_hold_every_row_once_in_order(sqlite: Book, near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "_NEAR_ROWS", near)
    monkeypatch.setattr(worklist, "_MANY", 0)
    check(sqlite)


@pytest.mark.slow
def test_pages_hold_every_row_once_in_order_on_postgresql(fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    book = open_book(fresh_postgres)
    fill(book)
    check(book)
    monkeypatch.setattr(worklist, "_NEAR_ROWS", 200)
    monkeypatch.setattr(worklist, "_MANY", 0)
    check(book)
    book.close()


def test_no_page_reads_the_whole_table(sqlite: Book) -> None:
    for wanted in FILTERS:
        cursor = Cursor(500, "8000000000000000")
        for sort in worklist.SORTS:
            column = schema.worklist.c[worklist.SORTS[sort]]
            narrow = worklist._is_narrow(wanted)
            ask = worklist._by_parts if narrow else lambda *a, **k: [worklist._at_once(*a, **k)]
            for query in ask(wanted, column, cursor, falling=True):
                with sqlite.reading() as connection:
                    text = str(query.limit(51).compile(sqlite.engine, compile_kwargs={"literal_binds": True}))
                    plan = str(connection.exec_driver_sql(f"explain query plan {text}").fetchall())
                assert "SEARCH worklist USING" in plan
                assert "SCAN" not in plan
                if narrow:
                    assert "TEMP B-TREE" not in plan, plan
                else:
                    assert "ix_worklist_filter" in plan


def test_the_rows_near_a_place_are_read_in_their_order(sqlite: Book) -> None:
    for sort, name in worklist.SORTS.items():
        column = schema.worklist.c[name]
        query = worklist._near(Wanted(text="globex"), column, Cursor(500, "8000000000000000"), falling=True)
        with sqlite.reading() as connection:
            text = str(query.limit(51).compile(sqlite.engine, compile_kwargs={"literal_binds": True}))
            plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {text}")]
        assert any(
            f"SEARCH worklist USING INDEX ix_worklist_{'weight' if sort == 'value' else 'booked'}" in p for p in plan
        )
        assert sum("TEMP B-TREE" in step for step in plan) <= 1, plan  # of the thousand, not of the list


def test_what_is_there_to_choose_from(sqlite: Book) -> None:
    found = worklist.choices(sqlite)
    assert found["currency"] == ["CHF", "EUR", "JPY", "USD"]
    assert len(found["source_id"]) > 10
    assert worklist.choices(sqlite, most=2)["currency"] == ["CHF", "EUR"]


def test_items_are_found_by_id_and_by_record(sqlite: Book) -> None:
    row = random.Random(3).choice(INVENTED)
    one = worklist.item(sqlite, row["exception_id"])
    assert one is not None
    assert (one.external_id, one.amount, one.counterparty) == (row["external_id"], row["amount"], row["counterparty"])
    assert [i.exception_id for i in worklist.open_records(sqlite, [row["record_id"]])] == [row["exception_id"]]
    assert worklist.item(sqlite, "nobody") is None


def test_very_long_names_fit_the_index_and_are_found_by_their_beginning(tmp_path: Path) -> None:
    book = open_book(f"sqlite:///{tmp_path}/book.db")
    _long(book)
    book.close()


@pytest.mark.slow
def test_very_long_names_fit_the_index_on_postgresql(fresh_postgres: str) -> None:
    book = open_book(fresh_postgres)
    _long(book)
    book.close()


def _long(book: Book) -> None:
    draw = random.Random(1)
    long = "".join(chr(draw.randrange(0x4E00, 0x9FFF)) for _ in range(5_000))
    row = rows(1)[0] | {"state": "open", "counterparty": long, "external_id": long[::-1]}
    with book.writing() as connection:
        connection.execute(sa.insert(schema.worklist), [row])
    assert worklist.total(book, Wanted(text=long[:50])).count == 1


def test_a_moved_book_has_its_work_list(sqlite: Book, tmp_path: Path) -> None:
    source = open_book(f"sqlite:///{tmp_path}/old.db")
    fill(source)
    counts = move_book(source, f"sqlite:///{tmp_path}/new.db", 1, "tester")
    assert counts["worklist"] == COUNT
    target = open_book(f"sqlite:///{tmp_path}/new.db")
    assert worklist.total(target, Wanted(text="globex")) == worklist.total(sqlite, Wanted(text="globex"))
    source.close()
    target.close()
