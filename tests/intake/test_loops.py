"""Law 1 at any size: nothing that intake asks of its engine is a loop over all pairs of rows."""

from pathlib import Path

import duckdb
import pytest

from tests.intake.conftest import Desk, charge, coffee
from tests.intake.loops import watched
from tests.intake.test_doubts import CHAINED
from tests.intake.test_line_and_thing import BALANCE, report
from tests.intake.test_stripe_money import opened_for_stripe
from tieout.intake.accept import accept
from tieout.store import engine


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a generator of what is found
    """Give what statements loop over all pairs, of connections that are made from now on."""
    engine._waiting.clear()
    with watched(monkeypatch) as found:
        yield found
    engine._waiting.clear()


def test_a_choice_of_two_names_in_a_join_is_found(loops: dict[str, set[str]]) -> None:
    con = duckdb.connect()
    con.execute("create temp table a as select range as x, range as y from range(100)")
    con.execute("select * from a join a b on b.x = a.x")
    assert loops == {}
    con.execute("select * from a join a b on b.x = a.x or b.x = a.y")
    assert len(loops) == 1


def test_what_is_told_again_corrected_and_read_again(tmp_path: Path, loops: dict[str, set[str]]) -> None:
    desk = Desk(tmp_path / "w")
    rows = [charge(f"ch_{n}", aliases=[f"charge:txn_{n}"], payment_id=f"pi_{n}") for n in range(30)]
    first = desk.deliver(*rows)
    desk.deliver(*rows, charge("ch_30"))
    desk.deliver(*(row | {"amount": 2_000 + n} for n, row in enumerate(rows)))
    desk.deliver(*(charge(f"txn_{n}", aliases=[f"charge:ch_{n}"]) for n in range(30)))
    accept(desk.store, desk.workspace, first.delivery_id, replay="read again")
    desk.store.close()
    assert loops == {}


def test_what_only_counting_tells_apart(tmp_path: Path, loops: dict[str, set[str]]) -> None:
    desk = Desk(tmp_path / "w")
    ids = [
        desk.deliver(*rows, source="bank").delivery_id
        for rows in (
            [coffee()] * 2,
            [CHAINED[1], coffee(), CHAINED[3], coffee()],
            [CHAINED[2], coffee()],
            [coffee()] * 3,
        )
    ]
    accept(desk.store, desk.workspace, ids[0], replay="read again")
    desk.store.close()
    assert loops == {}


def test_what_two_reports_name_otherwise(tmp_path: Path, loops: dict[str, set[str]]) -> None:
    desk = opened_for_stripe(tmp_path / "w")
    told = [report(BALANCE, "ch_1"), report(BALANCE, "ch_1=txn_1", net="90.00"), report(BALANCE, "txn_1", "txn_2")]
    for number, (source, content) in enumerate(told):
        desk.deliver_bytes(content, source, f"{number}.csv")
    desk.store.close()
    assert loops == {}
