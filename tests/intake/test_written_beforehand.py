"""Thousands of rows of one commit: written in parts that nobody sees, removed where the commit never came."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from tests.intake.conftest import Desk
from tieout.intake import commit
from tieout.store import beforehand, schema
from tieout.store.sweep import sweep


class KilledError(BaseException):
    """A process ended between two transactions; nothing catches it."""


def statements(count: int) -> list[dict[str, Any]]:
    first = dt.date(2020, 1, 1)
    days = [(first + dt.timedelta(days=n)).isoformat() for n in range(count)]
    return [
        {
            "statement": {
                "statement_id": f"s{n}",
                "from_on": day,
                "to_on": day,
                "opening": f"{n}.00",
                "closing": f"{n}.00",
            }
        }
        for n, day in enumerate(days)
    ]


def rows_kept(desk: Desk) -> dict[str, int]:
    with desk.store.book.reading() as connection:
        kept = {t.name: connection.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in TABLES}
        marks = sa.select(sa.func.count()).where(schema.about.c.name.startswith("rows beforehand"))
        return kept | {"marks": connection.scalar(marks) or 0}


TABLES = (schema.exception, schema.statement)
NOTHING = {"exception": 0, "statement": 0, "marks": 0}
#: Each of 1,200 statements closes with one euro less than the next one opens with.
MANY = statements(1_200)


def test_what_was_written_beforehand_is_shown_by_the_commit(desk: Desk) -> None:
    outcome = desk.deliver(*MANY, source="bank")
    assert outcome.state == "accepted"
    kept = rows_kept(desk)
    assert kept == {"exception": len(desk.findings()), "statement": 1_200, "marks": 0}
    assert kept["exception"] >= 1_199


def test_no_transaction_writes_more_rows_than_one_may(desk: Desk) -> None:
    written: list[int] = []

    def begin(_connection: sa.Connection) -> None:
        written.append(0)

    def insert(*event: Any) -> None:
        _connection, cursor, statement, *_ = event
        if statement.lower().startswith(("insert into exception", "insert into statement")):
            written[-1] += max(cursor.rowcount, 0)

    sa.event.listen(desk.store.book.engine, "begin", begin)
    sa.event.listen(desk.store.book.engine, "after_cursor_execute", insert)
    desk.deliver(*MANY, source="bank")
    assert sum(written) == sum(rows_kept(desk).values())
    assert max(written) <= beforehand.ROWS_AT_ONCE


def test_what_a_killed_process_wrote_beforehand_is_seen_by_nobody_and_goes_after_a_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: Any) -> int:
        raise KilledError

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(commit, "_write", killed)
        desk.deliver(*MANY, source="bank")
    left = rows_kept(desk)
    assert left["marks"] == 1
    assert left["statement"] == 1_200
    assert desk.findings() == []
    assert sweep(desk.store) == []
    assert rows_kept(desk) == left

    desk.deliver(*MANY, source="bank")
    whole = rows_kept(desk)
    found = desk.findings()
    assert whole["statement"] == 2_400
    desk.clock.advance(dt.timedelta(days=2))
    (swept,) = sweep(desk.store)
    assert swept.startswith("rows of the book under ")
    assert rows_kept(desk) == {"exception": len(found), "statement": 1_200, "marks": 0}
    assert desk.findings() == found
    assert sweep(desk.store) == []


def test_who_decided_on_older_facts_takes_back_what_it_wrote(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = commit._check, iter([True, False, False])

    def check(connection: sa.Connection, change: commit.Change) -> None:
        if next(tries):
            raise commit.MovedError
        real(connection, change)

    monkeypatch.setattr(commit, "_check", check)
    assert desk.deliver(*MANY, source="bank").state == "accepted"
    assert rows_kept(desk) == {"exception": len(desk.findings()), "statement": 1_200, "marks": 0}
