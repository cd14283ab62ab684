"""Laws 1 and 2: reports with fewer identifiers lose nothing, and count nothing twice beside those that have them."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_batches import SOURCES
from tieout.config import load_workspace
from tieout.intake.accept import accept

ACCOUNTING = '\n[[source]]\nid = "accounting"\nformat = "adyen.payments_accounting"\n'
HEADER = [
    "Merchant Account",
    "Psp Reference",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Batch Number",
]
#: A payment, two refunds of one amount, one of another, and the payout.
BATCH = [
    "M1,P1,2026-10-01 10:00:00,CET,Settled,C1,EUR,,20.70,0.30,,,,7",
    "M1,P1,2026-10-02 10:00:00,CET,Refunded,R1,EUR,4.00,,,,,,7",
    "M1,P1,2026-10-02 10:05:00,CET,Refunded,R2,EUR,4.00,,,,,,7",
    "M1,P1,2026-10-02 10:05:00,CET,Refunded,R3,EUR,3.00,,,,,,7",
    "M1,,2026-10-03 10:00:00,CET,MerchantPayout,TX7XT batch 7,EUR,9.70,,,,,,7",
]
NETS = [-970, -400, -400, -300, 2070]


@pytest.fixture
def platforms(desk: Desk) -> Desk:
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES + ACCOUNTING)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def batch(*without: str) -> bytes:
    kept = [i for i, name in enumerate(HEADER) if name not in without]
    return "".join(",".join(row[i] for i in kept) + "\n" for row in [HEADER, *(r.split(",") for r in BATCH)]).encode()


def emptied(name: str) -> bytes:
    at = HEADER.index(name)
    rows = [HEADER, *([*row.split(",")[:at], "", *row.split(",")[at + 1 :]] for row in BATCH)]
    return "".join(",".join(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    "report",
    [batch("Modification Reference"), emptied("Modification Reference")],
    ids=["no column", "empty"],
)
def test_refunds_of_one_payment_without_their_own_reference_are_as_many_as_reported(
    platforms: Desk, report: bytes
) -> None:
    outcome = platforms.deliver_bytes(report, "adyen", "batch.csv")
    assert outcome.rows_new == len(BATCH)
    assert platforms.records("net") == NETS
    assert platforms.findings() == []


def test_and_so_are_those_of_the_accounting_report(platforms: Desk) -> None:
    header = (
        "Merchant Account,Psp Reference,Booking Date,TimeZone,Record Type,Modification Psp Reference,Main Currency,"
        "Main Amount,Settlement Currency,Payable (SC),Commission (SC),Markup (SC),Scheme Fees (SC),Interchange (SC)"
    )
    rows = [
        header,
        "M1,P1,2026-10-01 10:00:00,CET,Settled,,EUR,10.00,EUR,9.70,0.30,,,",
        "M1,P1,2026-10-02 10:00:00,CET,Refunded,,EUR,4.00,EUR,-4.00,,,,",
        "M1,P1,2026-10-02 11:00:00,CET,Refunded,,EUR,4.00,EUR,-4.00,,,,",
    ]
    platforms.deliver_bytes("\n".join(rows).encode(), "accounting", "accounting.csv")
    assert platforms.records("net") == [-400, -400, 970]


def standing(desk: Desk) -> list[Any]:
    return desk.records("record_id", "external_id", "net", "settlement_id", "namespace", "identity", "counted")


def in_any_order(desk_of: Callable[[], Desk], source: str, *reports: bytes) -> Iterator[Desk]:
    """Deliver the reports in some orders, each in a workspace of its own; what stands is the same in all."""
    seen = []
    for order in some_of(itertools.permutations(reports), 3):
        desk = desk_of()
        for report in order:
            desk.deliver_bytes(report, source, f"payout_reconciliation_{reports.index(report)}.csv")
        seen.append(standing(desk))
        yield desk
        desk.store.close()
    assert all(rows == seen[0] for rows in seen)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Desk]:
    numbers = itertools.count()

    def opened() -> Desk:
        desk = Desk(tmp_path / str(next(numbers)))
        toml = desk.folder / "tieout.toml"
        toml.write_text(toml.read_text() + SOURCES + ACCOUNTING)
        desk.workspace = load_workspace(desk.folder, {})
        return desk

    return opened


@pytest.mark.parametrize(
    "without",
    [("Modification Reference",), ("Psp Reference",), ("Psp Reference", "Modification Reference")],
)
def test_a_batch_is_told_once_whatever_columns_its_report_has(
    fresh: Callable[[], Desk], without: tuple[str, ...]
) -> None:
    for desk in in_any_order(fresh, "adyen", batch(), batch(*without)):
        assert desk.records("net") == NETS
        assert desk.findings() == []


def test_three_reports_of_a_batch_are_one(fresh: Callable[[], Desk]) -> None:
    reports = batch("Modification Reference"), batch("Psp Reference"), batch()
    for desk in in_any_order(fresh, "adyen", *reports):
        assert desk.records("net") == NETS
        assert [name for name in desk.records("external_id") if name] == ["P1", "R1", "R2", "R3", "TX7XT"]
        assert desk.findings() == []


HEAD = "source_id,currency,gross,fee,net,reporting_category,created_utc,automatic_payout_id"
PAYOUT = [
    "ch_0,eur,10.00,0.30,9.70,charge,2026-10-01 10:00:00,po_1",
    "dp_0,eur,-10.00,15.00,-25.00,dispute,2026-10-05 10:00:00,po_1",
    "dp_1,eur,-10.00,15.00,-25.00,dispute,2026-10-05 10:00:00,po_1",
    ",eur,-2.00,0.00,-2.00,fee,2026-10-06 10:00:00,po_1",
    "po_1,eur,42.30,0.00,42.30,payout,2026-10-07 10:00:00,po_1",
]


def payout(*, transactions: bool, rows: list[str] = PAYOUT) -> bytes:
    lines = [HEAD, *rows]
    if transactions:
        lines = [f"balance_transaction_id,{HEAD}", *(f"txn_{PAYOUT.index(row)},{row}" for row in reversed(rows))]
    return "\n".join([*lines, ""]).encode()


def test_a_payout_is_told_once_with_and_without_balance_transactions(fresh: Callable[[], Desk]) -> None:
    for desk in in_any_order(fresh, "payouts", payout(transactions=False), payout(transactions=True)):
        told = desk.records("external_id", "net")
        assert told == [("ch_0", 970), ("dp_0", -2500), ("dp_1", -2500), ("po_1", 4230), ("txn_3", -200)]
        assert desk.findings() == []


@pytest.mark.parametrize(("without", "named"), [(2, 1), (1, 2)])
def test_the_larger_count_stands_and_a_conflict_says_so(fresh: Callable[[], Desk], without: int, named: int) -> None:
    fee = PAYOUT[3]
    told = payout(transactions=True, rows=[fee, PAYOUT[1]][:named]).replace(PAYOUT[1].encode(), fee.encode())
    reports = payout(transactions=False, rows=[fee] * without), told
    for desk in in_any_order(fresh, "payouts", *reports):
        assert desk.records("net") == [-200, -200]
        assert [reason for reason, _ in desk.findings()] == ["conflict"]


def test_a_webhook_of_a_dispute_is_in_doubt_with_a_report_that_does_not_name_it(fresh: Callable[[], Desk]) -> None:
    moved = {
        "id": "txn_1", "object": "balance_transaction", "amount": -1000, "fee": 1500, "net": -2500, "currency": "eur",
        "created": 1_791_194_400, "available_on": 1_791_194_400, "type": "adjustment", "reporting_category": "dispute",
        "source": "dp_0",
    }  # fmt: skip
    report = payout(transactions=False, rows=[PAYOUT[1]])
    for order in (1, -1):
        desk = fresh()
        for source, data in [("payouts", report), ("api", json.dumps(moved).encode())][::order]:
            desk.deliver_bytes(data, source, "payout_reconciliation.csv" if source == "payouts" else "object.json")
        assert desk.records("external_id", "net", "settlement_id") == [("dp_0", -2500, "po_1")]
        assert [reason for reason, _ in desk.findings()] == ["conflict"]
        desk.store.close()


def line(amount: int, **said: Any) -> dict[str, Any]:
    return {"amount": amount, "booked_on": "2026-10-01", "counted": "identity" not in said} | said


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_row_without_an_identifier_may_be_one_that_has_it(desk: Desk, order: tuple[int, ...]) -> None:
    named = {"identity": "2", "external_id": "2"}
    deliveries = [line(600), line(600, **named), line(600, text="coffee")]
    for number in order:
        desk.deliver(deliveries[number])
    # One row may be the record, nobody knows; a further one that says something else is not the first.
    assert desk.records("external_id", "text") in ([("2", None), (None, "coffee")], [("2", "coffee")])
    assert {reason for reason, _ in desk.findings()} == {"conflict"}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "other",
    [
        {"booked_on": "2026-10-02"},
        {"kind": "fee"},
        {"currency": "USD"},
        {"settlement_id": "12"},
        {"payment_id": "P2"},
        {"text": "tea"},
    ],
)
def test_what_differs_in_anything_that_both_say_is_not_alike(desk: Desk, order: int, other: dict[str, Any]) -> None:
    said = {"settlement_id": "11", "text": "coffee"} | ({"payment_id": "P1"} if "payment_id" in other else {})
    for row in [line(600, **said), line(600, identity="2", **(said | other))][::order]:
        desk.deliver(row)
    assert desk.records("amount") == [600, 600]
    assert desk.findings() == []


def test_rows_of_one_delivery_are_never_each_other(desk: Desk) -> None:
    delivery = desk.deliver(line(600), line(600, identity="2")).delivery_id
    desk.deliver(line(600, identity="2", text="again"))
    assert desk.records("amount") == [600, 600]
    replayed = accept(desk.store, desk.workspace, delivery, replay="looked again")
    assert replayed is not None
    assert (replayed.versions, replayed.withdrawn) == (0, 0)
    assert desk.records("amount") == [600, 600]


@pytest.mark.parametrize("which", [0, 1])
def test_reading_either_again_changes_nothing(desk: Desk, which: int) -> None:
    deliveries = [desk.deliver(line(600)), desk.deliver(line(600, identity="2", external_id="2"))]
    known, said = standing(desk), desk.findings()
    accept(desk.store, desk.workspace, deliveries[which].delivery_id, replay="looked again")
    assert (standing(desk), desk.findings()) == (known, said)
    assert [reason for reason, _ in said] == ["conflict"]
