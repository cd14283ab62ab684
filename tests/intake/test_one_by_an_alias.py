"""Laws 2 and 5: what a later delivery proves to be one is counted once, though it was told under two names before."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_stripe_money import opened_for_stripe
from tieout import pipeline
from tieout.store import schema

HEAD = "created_utc,currency,gross,fee,net,reporting_category,automatic_payout_id"
TELLS = "2026-10-26 10:13:20,eur,100.00,3.00,97.00,charge,po_1"
#: By its balance transaction, by its charge, by both.
REPORTS = {
    "transaction": f"balance_transaction_id,{HEAD}\ntxn_1,{TELLS}\n",
    "charge": f"source_id,{HEAD}\nch_1,{TELLS}\n",
    "both": f"source_id,balance_transaction_id,{HEAD}\nch_1,txn_1,{TELLS}\n",
}


def charge(**said: Any) -> dict[str, Any]:
    return {"identity": "ch_1", "external_id": "ch_1", "amount": 10_000, "booked_on": "2026-10-26"} | said


def line(**said: Any) -> dict[str, Any]:
    return (
        {"identity": "txn_1", "namespace": "line", "external_id": "txn_1", "amount": 10_000}
        | {"booked_on": "2026-10-26"}
        | said
    )


BOTH = charge(aliases=["line:txn_1"])


@pytest.mark.parametrize("order", some_of([*itertools.permutations(REPORTS)], 3))
def test_reports_with_other_columns_are_one_record_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    desk = opened_for_stripe(tmp_path / "workspace")
    try:
        for name in order:
            desk.deliver_bytes(REPORTS[name].encode(), "payouts", f"{name}.csv")
        assert desk.records("amount", "fee", "net") == [(10_000, 300, 9_700)]
        assert desk.findings() == []
    finally:
        desk.store.close()


@pytest.mark.parametrize("order", [*itertools.permutations([charge(), line(), BOTH])])
@pytest.mark.parametrize("cut", some_of([(1, 1, 1), (2, 1), (1, 2), (3,)], 2))
def test_rows_of_one_are_one_in_any_order_and_packing(
    desk: Desk, order: tuple[dict[str, Any], ...], cut: tuple[int, ...]
) -> None:
    rows = iter(order)
    for size in cut:
        desk.deliver(*itertools.islice(rows, size))
    assert desk.records("amount") == [10_000]
    assert desk.findings() == []


def test_what_was_joined_stays_so_when_each_delivery_is_read_again(desk: Desk) -> None:
    outcomes = [desk.deliver(row) for row in (charge(), line(), BOTH)]
    for outcome in outcomes:
        pipeline.replay(desk.store, desk.workspace, outcome.delivery_id, "looked again")
        assert desk.records("amount") == [10_000]
    assert desk.findings() == []


def test_nothing_that_was_told_of_either_is_lost(desk: Desk) -> None:
    desk.deliver(charge(payment_id="pi_1"))
    told = desk.deliver(line(settlement_id="po_1", fee=300, net=9_700))
    desk.deliver(BOTH)
    assert desk.records("payment_id", "settlement_id", "fee", "net") == [("pi_1", "po_1", 300, 9_700)]
    gone = desk.query("select delivery_id from {superseded} where reason = 'withdrawn'")
    assert gone == [{"delivery_id": told.delivery_id}]


def test_two_lines_that_no_name_joins_stay_two(desk: Desk) -> None:
    desk.deliver(charge(), line(external_id="txn_2", identity="txn_2"))
    desk.deliver(BOTH)
    assert desk.records("amount") == [10_000, 10_000]


def test_a_delivery_that_cannot_be_read_again_leaves_a_question(desk: Desk) -> None:
    desk.deliver(charge())
    told = desk.deliver(line())
    with desk.store.book.writing() as connection:
        mine = schema.delivery.c.delivery_id == told.delivery_id
        connection.execute(
            sa.update(schema.delivery).where(mine).values(state="erased", wrapped_key=None, reason="law")
        )
    desk.deliver(BOTH)
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "ch_1" in note
    assert "txn_1" in note
    assert told.delivery_id[:12] in note
