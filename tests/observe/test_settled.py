"""What settlements say of a platform that reports no balance: of either sign, and not what they do not say."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.observe.small_world import SmallWorld
from tieout.config import load_workspace

pytestmark = pytest.mark.slow


def _line(number: str, amount: int, batch: str, day: int, **more: str) -> dict[str, str]:
    return {"number": number, "amount": str(amount), "batch": batch, "day": f"2026-10-{day:02}", **more}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a small world of payouts."""
    made = SmallWorld(tmp_path / "small", "payouts")
    with closing(made.store):
        yield made


def _first_batch(world: SmallWorld) -> None:
    world.put("psp", _line("c1", 100, "BT-10001", 1), _line("PO-10001", -100, "BT-10001", 2, kind="payout"))


def _second_batch(world: SmallWorld, over: int) -> None:
    """Carry something over: below zero, it is owed."""
    kind = "charge" if over > 0 else "refund"
    world.put("psp", _line("x2", over, "BT-10002", 3, kind=kind))
    world.put("psp", _line("bt2", -over, "BT-10002", 4, kind="balance_transfer"))


def _third_batch(world: SmallWorld, over: int, day: int = 4) -> None:
    world.put("psp", _line("bt3", over, "BT-10003", day, kind="balance_transfer"), _line("c3", 200, "BT-10003", 8))
    world.put("psp", _line("PO-10003", -200 - over, "BT-10003", 9, kind="payout"))


def _broken(world: SmallWorld, as_of: str | None = None) -> list[str]:
    return [fault for fault in world.proof("psp-eur", as_of).faults if "settlement" in fault]


@pytest.mark.parametrize("over", [30, -30])
def test_a_balance_carried_over_opens_the_next_settlement_below_zero_as_above(world: SmallWorld, over: int) -> None:
    _third_batch(world, over)
    _second_batch(world, over)
    _first_batch(world)
    world.go()
    assert _broken(world) == []
    proof = world.proof("psp-eur")
    assert (proof.closing, proof.reported, proof.since, proof.carried) == (0, 0, 0, 0)
    assert _broken(world, "2026-10-04") == []


@pytest.mark.parametrize("over", [30, -30])
def test_while_its_other_half_is_absent_it_is_on_its_way(world: SmallWorld, over: int) -> None:
    _first_batch(world)
    _second_batch(world, over)
    world.go(journal=True)
    assert _broken(world) == []
    assert world.proof("psp-eur").carried == over * 100
    listed = [(r["kind"], Decimal(r["outstanding"])) for r in world.table("in_transit") if r["external_id"] == "bt2"]
    assert listed == [("balance_transfer", Decimal(over))]
    held = {holding.account_id: holding for holding in world.cash().holdings}["psp-eur"]
    assert (held.balance, held.in_transit) == (0, (100 + over) * 100)
    assert world.books()["1460"] == 100 + over


@pytest.mark.parametrize("over", [30, -30])
def test_its_other_half_may_come_days_later(world: SmallWorld, over: int) -> None:
    _first_batch(world)
    _second_batch(world, over)
    world.go()
    _third_batch(world, over, day=7)
    world.go()
    assert _broken(world) == []
    assert {row["external_id"] for row in world.table("matches") if row["claim"] == "transfer"} >= {"bt2", "bt3"}
    assert not [row for row in world.table("in_transit") if row["kind"] == "balance_transfer"]


def test_what_came_along_is_not_the_other_half_of_what_is_carried_over_later(world: SmallWorld) -> None:
    """A settlement that pays out does not end with what came."""
    _third_batch(world, 30)
    world.put("psp", _line("x4", 30, "BT-10004", 11), _line("bt4", -30, "BT-10004", 12, kind="balance_transfer"))
    world.go()
    assert not [
        row for row in world.table("matches") if row["external_id"] in {"bt3", "bt4"} and row["claim"] == "transfer"
    ]


@pytest.mark.parametrize(("over", "opened"), [(30, 20), (30, 0), (-30, -20), (-30, 30), (0, 30)])
def test_a_settlement_that_opens_with_something_else_is_a_fault(world: SmallWorld, over: int, opened: int) -> None:
    _first_batch(world)
    if over:
        _second_batch(world, over)
    if opened:
        _third_batch(world, opened)
    else:
        world.put("psp", _line("c3", 200, "BT-10003", 8), _line("PO-10003", -200, "BT-10003", 9, kind="payout"))
    world.go()
    assert _broken(world) == [
        "settlement BT-10003 of 09 Oct 2026 does not open with what the one before it carried over"
    ]


@pytest.mark.parametrize("batch", ["PO-20001", ""])
def test_a_payout_that_names_no_lines_says_nothing_of_what_is_left(world: SmallWorld, batch: str) -> None:
    world.put("psp", _line("c1", 200, "", 1), _line("PO-20001", -120, batch, 2, kind="payout"))
    world.put("bank", {"number": "b1", "amount": "120", "text": "PO-20001", "day": "2026-10-03"})
    world.go(journal=True)
    proof = world.proof("psp-eur")
    assert (proof.closing, proof.reported, proof.closes) == (8000, None, False)
    assert any(fault.startswith("nobody reports a balance of psp-eur") for fault in proof.faults)
    held = {holding.account_id: holding for holding in world.cash().holdings}["psp-eur"]
    assert (held.balance, held.in_transit) == (8000, 0)
    assert world.books()["1361"] == 80


def test_beside_settlements_of_lines_it_is_a_movement_that_somebody_must_vouch_for(world: SmallWorld) -> None:
    """Its lines may be late: what is here does not say that all of them are."""
    _first_batch(world)
    world.put("psp", _line("c5", 200, "", 3), _line("PO-20001", -120, "PO-20001", 4, kind="payout"))
    world.go()
    proof = world.proof("psp-eur")
    assert (proof.closing, proof.rolled, proof.since) == (8000, 0, 8000)
    assert [fault for fault in proof.faults if "payout" in fault] == [
        "payout PO-20001 names no lines that it paid out, and nobody reports a balance: whether those lines are all here nobody says"
    ]
    world.put("psp", _line("PO-20001R", 120, "PO-20001", 6, kind="payout_reversal"))
    world.go()
    assert not [fault for fault in world.proof("psp-eur").faults if "payout" in fault]


def test_money_sent_to_a_platform_has_no_lines_that_could_be_missing(world: SmallWorld) -> None:
    _first_batch(world)
    world.put("psp", _line("TU-30001", 50, "", 3, kind="top_up"), _line("TU-30002", 40, "TU-30002", 4, kind="top_up"))
    world.go()
    proof = world.proof("psp-eur")
    assert (proof.closing, proof.rolled, proof.since) == (9000, 0, 9000)
    assert [fault for fault in proof.faults if "payout" in fault] == []


def test_money_sent_to_a_platform_is_in_transit_until_it_is_there(world: SmallWorld) -> None:
    world.put("psp", _line("TU-30001", 50, "", 8, kind="top_up"))
    world.put("bank", {"number": "b1", "amount": "-50", "text": "TU-30001", "day": "2026-10-06"})
    world.go(journal=True)

    def moving(day: str) -> int:
        return {holding.account_id: holding for holding in world.cash(day).holdings}["psp-eur"].in_transit

    assert [moving(f"2026-10-{day:02}") for day in (5, 6, 7, 8)] == [0, 5000, 5000, 0]
    assert world.books()["1460"] == 0


@pytest.fixture
def unopened(world: SmallWorld) -> SmallWorld:
    """Take back what is declared of how the platform's account opened."""
    told = world.folder / "tieout.toml"
    declared = 'ledger_account = "1361"\nopening = { on = "2026-09-30", amount = "0.00" }\n'
    assert declared in told.read_text()
    told.write_text(told.read_text().replace(declared, 'ledger_account = "1361"\n'))
    world.workspace = load_workspace(world.folder)
    return world


def test_a_ledger_with_lines_and_no_opening_says_what_to_declare(unopened: SmallWorld) -> None:
    _first_batch(unopened)
    unopened.go()
    assert [fault for fault in unopened.proof("psp-eur").faults if "ledger" in fault] == [
        "the ledger says nothing of account 1361 up to 2026-10-02"
    ]
    unopened.put("gl", {"number": "g1", "amount": "100", "account": "1361"})
    unopened.go()
    fault = next(fault for fault in unopened.proof("psp-eur").faults if "ledger" in fault)
    assert fault.startswith(
        "the ledger has lines on account 1361, and nobody says what it opened with: declare opening"
    )
    told = unopened.folder / "tieout.toml"
    ledger = 'kind = "ledger"\nnumber = "1361"\ncurrency = "EUR"\nopening = { on = "2026-09-30", amount = "0.00" }\n'
    told.write_text(told.read_text() + f'\n[[account]]\nid = "gl-1361"\nsource = "gl"\n{ledger}')
    unopened.workspace = load_workspace(unopened.folder)
    assert unopened.proof("psp-eur").ledger.balance == 10_000


def test_a_sum_with_a_balance_that_nobody_knows_is_not_known(unopened: SmallWorld) -> None:
    unopened.put("psp", _line("c1", 200, "", 1), _line("PO-20001", -120, "", 2, kind="payout"))
    unopened.put("bank", {"number": "b1", "amount": "7", "day": "2026-10-03"})
    unopened.go()
    found = unopened.cash()
    held = {holding.account_id: holding for holding in found.holdings}
    assert (held["psp-eur"].balance, held["psp-eur"].in_transit, held["psp-eur"].total) == (None, 12_000, None)
    assert held["bank-eur"].total == 700
    assert found.totals == [
        {"currency": "EUR", "balance": None, "reserve": "0.00", "in_transit": "120.00", "total": None}
    ]
