"""Withdrawing a delivery: what it alone told counts no more, and nothing is destroyed; laws 1, 2, 11 and 18."""

import random
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.depth import some_of
from tests.intake.conftest import Desk, charge, coffee
from tieout.config import load_workspace
from tieout.errors import WrongUse
from tieout.intake.accept import accept
from tieout.intake.recount import recount
from tieout.intake.verify import verify
from tieout.intake.withdraw import withdraw
from tieout.store import schema

WHY = "somebody else's file"


def taken_back(desk: Desk, delivery_id: str) -> Any:
    outcome = withdraw(desk.store, desk.workspace, delivery_id, WHY)
    list(recount(desk.store, desk.workspace))
    return outcome


def back(desk: Desk, delivery_id: str) -> Any:
    return accept(desk.store, desk.workspace, delivery_id, replay="it was ours after all", withdrawn=True)


def row_of(desk: Desk, delivery_id: str) -> Any:
    table = schema.delivery
    with desk.store.book.reading() as connection:
        return connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()


def statement(number: int, opening: str, closing: str, **more: Any) -> dict[str, Any]:
    day = f"2026-10-{number:02d}"
    said = {"number": str(number), "opening": opening, "closing": closing, "from_on": day, "to_on": day}
    return {"statement": said | more}


def test_what_it_alone_told_counts_no_more(desk: Desk) -> None:
    delivery = desk.deliver(charge("a"), charge("b"), {"fault": "expected a decimal, got 'ten'"}).delivery_id
    outcome = taken_back(desk, delivery)
    assert (outcome.state, outcome.withdrawn) == ("withdrawn", 2)
    assert desk.records("external_id") == []
    assert desk.query("select * from {quarantine}") == []
    row = row_of(desk, delivery)
    assert (row.state, row.reason) == ("withdrawn", f"withdrawn by tester: {WHY}")
    assert verify(desk.store, desk.workspace).faults == []


def test_nothing_is_destroyed_and_a_replay_brings_it_back(desk: Desk) -> None:
    delivery = desk.deliver(charge("a"), {"fault": "expected a decimal, got 'ten'"}, coffee()).delivery_id
    before = desk.records("record_id", "external_id", "amount", "source_id")
    counts = row_of(desk, delivery)
    taken_back(desk, delivery)
    row = row_of(desk, delivery)
    with desk.store.landing.open(row.path, desk.store.vault.unwrap(row.wrapped_key), row.bytes) as stream:
        assert b'"identity": "a"' in stream.read()
    assert back(desk, delivery).state == "accepted"
    assert desk.records("record_id", "external_id", "amount", "source_id") == before
    assert len(desk.query("select * from {quarantine}")) == 1
    again = row_of(desk, delivery)
    assert (again.rows_in, again.rows_new, again.rows_quarantined, again.reason) == (
        (counts.rows_in, counts.rows_new, counts.rows_quarantined, None)
    )
    assert verify(desk.store, desk.workspace).faults == []


def test_what_others_told_stays_theirs(desk: Desk) -> None:
    wrong = desk.deliver(charge("a"), charge("b"), source="hook").delivery_id
    right = desk.deliver(charge("a"), charge("c"), source="psp").delivery_id
    assert desk.records("external_id", "source_id") == [("a", "hook"), ("b", "hook"), ("c", "psp")]
    assert taken_back(desk, wrong).withdrawn == 1
    assert desk.records("external_id", "source_id", "delivery_id") == [("a", "psp", right), ("c", "psp", right)]
    assert verify(desk.store, desk.workspace).faults == []


def test_a_record_of_one_account_moves_to_the_source_that_tells_of_it_still(desk: Desk) -> None:
    entry = charge("e", account_number="DE1", kind="bank_entry")
    wrong = desk.deliver(entry, source="intraday").delivery_id
    right = desk.deliver(entry, source="bank").delivery_id
    assert desk.records("external_id", "source_id") == [("e", "intraday")]
    taken_back(desk, wrong)
    assert desk.records("external_id", "source_id", "delivery_id") == [("e", "bank", right)]
    assert verify(desk.store, desk.workspace).faults == []


def test_what_it_corrected_is_as_others_told_it(desk: Desk) -> None:
    desk.deliver(charge("a", 1000))
    wrong = desk.deliver(charge("a", 2000), source="hook").delivery_id
    assert desk.records("amount") == [2000]
    taken_back(desk, wrong)
    assert desk.records("amount") == [1000]


def test_under_the_right_source_it_comes_in_after_all(desk: Desk) -> None:
    rows = charge("a"), charge("b")
    wrong = desk.deliver(*rows, source="hook").delivery_id
    taken_back(desk, wrong)
    right = desk.deliver(*rows, source="psp").delivery_id
    assert desk.records("external_id", "source_id", "delivery_id") == [("a", "psp", right), ("b", "psp", right)]
    assert verify(desk.store, desk.workspace).faults == []


def test_its_statements_and_balances_go_and_the_chain_says_what_is_missing(desk: Desk) -> None:
    deliveries = [
        desk.deliver(
            statement(n, f"{n - 1}.00", f"{n}.00"), coffee(amount=100, booked_on=f"2026-10-{n:02d}"), source="bank"
        )
        for n in (1, 2, 3)
    ]
    assert desk.findings() == []
    taken_back(desk, deliveries[1].delivery_id)
    assert [reason for reason, _ in desk.findings()] == ["incomplete"]
    assert len(desk.query("select * from {balances}")) == 4
    back(desk, deliveries[1].delivery_id)
    assert desk.findings() == []


def test_what_it_booked_is_announced_again(desk: Desk) -> None:
    announced = {
        "kind": "bank_entry",
        "amount": 100,
        "booked_on": "2026-10-01",
        "account_number": "DE1",
        "text": "rent",
    }
    day = {"number": "1", "opening": "0", "closing": "1.00", "from_on": "2026-10-01", "to_on": "2026-10-01"}
    pending = {"identity": "p1", "external_id": "p1", "namespace": "announced", "status": "pending"}
    booked = {"identity": "p1", "external_id": "p1", "namespace": "entry"}
    desk.deliver({"statement": day | {"final": False}}, announced | pending, source="intraday")
    stood = desk.records("status")
    wrong = desk.deliver({"statement": day}, announced | booked, source="bank").delivery_id
    assert desk.records("status") == ["booked"]
    taken_back(desk, wrong)
    assert desk.records("status") == stood == ["pending"]


def test_a_refused_delivery_can_be_withdrawn(desk: Desk) -> None:
    delivery = desk.deliver({"refuse": "expected paper, got stone"}).delivery_id
    assert desk.findings() != []
    taken_back(desk, delivery)
    assert desk.findings() == []
    assert row_of(desk, delivery).state == "withdrawn"
    assert verify(desk.store, desk.workspace).faults == []


def test_the_same_again_does_nothing(desk: Desk) -> None:
    delivery = desk.deliver(charge("a")).delivery_id
    taken_back(desk, delivery)
    assert withdraw(desk.store, desk.workspace, delivery, "once more") is None
    assert row_of(desk, delivery).reason == f"withdrawn by tester: {WHY}"


def test_the_same_bytes_of_the_same_source_do_not_bring_it_back(desk: Desk) -> None:
    delivery = desk.deliver(charge("a")).delivery_id
    taken_back(desk, delivery)
    outcome = desk.deliver(charge("a"))
    assert (outcome.repeat, outcome.state) == (True, "withdrawn")
    assert desk.records("external_id") == []


def test_what_reads_deliveries_again_by_itself_leaves_it_alone(desk: Desk) -> None:
    delivery = desk.deliver(charge("a")).delivery_id
    taken_back(desk, delivery)
    assert accept(desk.store, desk.workspace, delivery, replay="what came since settles it") is None
    assert desk.records("external_id") == []


def test_a_doubt_about_equal_rows_ends_with_it(desk: Desk) -> None:
    first = desk.deliver(coffee(), coffee(), source="bank").delivery_id
    desk.deliver(coffee(), source="intraday")
    assert [reason for reason, _ in desk.findings()] == ["conflict"]
    taken_back(desk, first)
    assert desk.findings() == []
    assert desk.records("text") == ["coffee"]


def test_one_that_was_not_read_yet_cannot_be_withdrawn(desk: Desk) -> None:
    import io

    from tieout.intake.receive import receive

    landed = receive(desk.store, "psp", io.BytesIO(b"{}"), "paper.jsonl").delivery_id
    with pytest.raises(WrongUse, match="was not read yet, so nothing of it counts"):
        withdraw(desk.store, desk.workspace, landed, WHY)


def test_its_source_may_be_gone_from_the_workspace(desk: Desk) -> None:
    delivery = desk.deliver(charge("a"), source="hook").delivery_id
    desk.deliver(charge("a"), charge("b"))
    text = (desk.folder / "tieout.toml").read_text()
    (desk.folder / "tieout.toml").write_text(text.replace('[[source]]\nid = "hook"\nformat = "paper"\n', ""))
    desk.workspace = load_workspace(desk.folder, {})
    assert [source.id for source in desk.workspace.sources] == ["psp", "bank", "intraday", "camt"]
    taken_back(desk, delivery)
    assert desk.records("external_id", "source_id") == [("a", "psp"), ("b", "psp")]
    assert verify(desk.store, desk.workspace).faults == []


_PAPERS: list[tuple[str, list[dict[str, Any]]]] = [
    ("psp", [charge("a"), charge("b")]),
    ("hook", [charge("a"), charge("c")]),
    ("psp", [charge("b", 700), charge("d")]),
    ("bank", [statement(1, "0", "3.00"), coffee(amount=100), coffee(amount=200)]),
    ("bank", [statement(2, "3.00", "4.00"), coffee(amount=100, booked_on="2026-10-02")]),
    ("intraday", [coffee(amount=100), coffee(amount=100)]),
]


def standing(desk: Desk) -> Any:
    columns = ("external_id", "source_id", "amount", "kind", "status", "booked_on", "text", "delivery_id")
    rows = [(*row[:-1], row_of(desk, row[-1]).name) for row in desk.records(*columns)]
    kinds = desk.query("select amount, kind, booked_on from {balances} order by all")
    found = [(reason, re.sub(r"delivery [0-9a-f]{12}", "delivery", note)) for reason, note in desk.findings()]
    return sorted(rows, key=str), kinds, sorted(found)


def _brought(folder: Path, order: list[int], wrong: set[int], seed: int) -> Any:
    desk = Desk(folder, seed=seed)
    try:
        ids = {n: desk.deliver(*_PAPERS[n][1], source=_PAPERS[n][0], name=f"{n}.jsonl").delivery_id for n in order}
        for n in wrong:
            taken_back(desk, ids[n])
        assert verify(desk.store, desk.workspace).faults == []
        return standing(desk)
    finally:
        desk.store.close()


@pytest.mark.parametrize("seed", some_of(range(60), 4))
def test_it_is_as_if_it_had_never_come(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    order = draw.sample(range(len(_PAPERS)), len(_PAPERS))
    wrong = set(draw.sample(order, draw.randint(1, 3)))
    never = _brought(tmp_path / "never", [n for n in order if n not in wrong], set(), 0)
    assert _brought(tmp_path / "withdrawn", order, wrong, 1) == never
