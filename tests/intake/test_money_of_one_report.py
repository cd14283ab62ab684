"""Laws 2, 3 and 5: amount, fee, its tax and net are one statement of one report, whatever else is said and in which order."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk, charge
from tieout.config import load_workspace

NET_ALONE = {"fee": None, "details": '{"only_net":true}'}
WHOLE = charge("a", 10000, fee=200, net=9800, text="all of it")
NET = charge("a", 9800, net=9800, text="what arrives") | NET_ALONE
PART_OF_COSTS = charge("a", 9900, net=9800, text="some costs") | NET_ALONE | {"fee": 100}
GROSS = charge("a", 10000, net=10000, text="no costs")
SEEN = charge("a", 10000, net=None, text="an object")


@pytest.mark.parametrize(
    "told",
    some_of([*itertools.permutations([WHOLE, NET, GROSS]), [WHOLE, PART_OF_COSTS], [PART_OF_COSTS, SEEN, WHOLE]], 4),
)
def test_reports_that_agree_are_one_statement_in_any_order(tmp_path: Path, told: Sequence[dict[str, Any]]) -> None:
    desk = Desk(tmp_path / "w")
    for one in told:
        desk.deliver(one)
    assert desk.records("amount", "fee", "net", "details") == [(10000, 200, 9800, None)]
    assert desk.findings() == []
    desk.store.close()


@pytest.mark.parametrize("told", some_of([*itertools.permutations([NET, GROSS, SEEN])], 3))
def test_what_arrives_is_believed_over_a_gross_without_costs(tmp_path: Path, told: Sequence[dict[str, Any]]) -> None:
    desk = Desk(tmp_path / "w")
    for one in told:
        desk.deliver(one)
    assert desk.records("amount", "fee", "net", "details") == [(9800, None, 9800, '{"only_net":true}')]
    assert desk.findings() == []
    desk.store.close()


@pytest.mark.parametrize(
    ("later", "believed"),
    [
        (NET | {"amount": 9700, "net": 9700}, (9700, None, 9700)),
        (WHOLE | {"fee": 0, "net": 10000}, (10000, 0, 10000)),
        (GROSS | {"amount": 5000, "net": 5000}, (5000, None, 5000)),
        (WHOLE | {"amount": 5000, "fee": 0, "net": 5000}, (5000, 0, 5000)),
    ],
)
def test_a_later_report_that_contradicts_holds_as_it_is(
    tmp_path: Path, later: dict[str, Any], believed: tuple[int, int | None, int]
) -> None:
    desk = Desk(tmp_path / "w")
    assert desk.deliver(WHOLE).versions == 0
    assert desk.deliver(later).versions == 1
    assert desk.records("amount", "fee", "net") == [believed]
    desk.deliver(later | {"text": "again"}, WHOLE | {"identity": "b"})
    assert desk.records("external_id", "amount", "fee", "net") == [("a", *believed), ("a", 10000, 200, 9800)]
    desk.store.close()


def test_another_net_in_one_delivery_is_a_conflict(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w")
    desk.deliver(WHOLE, NET | {"amount": 9700, "net": 9700})
    assert desk.records("amount", "fee", "net") == [(10000, 200, 9800)]
    [(reason, note)] = desk.findings()
    assert (reason, note.partition(":")[0]) == ("conflict", "net is reported as 97.00 and as 98.00")
    desk.store.close()


HEAD = "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method"
SETTLED = (
    f"{HEAD},Creation Date,TimeZone,Type,Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),"
    "Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),"
    "Interchange (NC),Batch Number\n"
    "C,M1,P1,,visa,2026-10-01 10:00:00,CET,Settled,P1,EUR,,100.00,1,EUR,,98.00,2.00,,,,11\n"
)
ACCOUNTED = (
    f"{HEAD},Booking Date,TimeZone,Main Currency,Main Amount,Record Type,Payment Currency,Captured (PC),"
    "Settlement Currency,Payable (SC),Modification Psp Reference\n"
    "C,M1,P1,,visa,2026-10-01 10:00:00,CET,EUR,100.00,Settled,EUR,100.00,EUR,98.00,P1\n"
)
PAID_OUT = (
    "automatic_payout_id,balance_transaction_id,created,currency,gross,fee,net,reporting_category,source_id\n"
    "po_1,txn_1,2026-10-01 10:00:00,eur,100.00,2.00,98.00,charge,ch_1\n"
)
ONLY_NET = (
    "automatic_payout_id,balance_transaction_id,created,currency,net,reporting_category,source_id\n"
    "po_1,txn_1,2026-10-01 10:00:00,eur,98.00,charge,ch_1\n"
)
FORMATS = {
    "settled": "adyen.settlement_detail",
    "accounted": "adyen.payments_accounting",
    "paid": "stripe.payout_reconciliation",
}


def platforms(folder: Path) -> Desk:
    """A workspace with a source for each report."""
    desk = Desk(folder)
    toml = desk.folder / "tieout.toml"
    sources = "".join(f'\n[[source]]\nid = "{name}"\nformat = "{form}"\n' for name, form in FORMATS.items())
    toml.write_text(toml.read_text() + sources)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


@pytest.mark.parametrize(
    "told",
    [*itertools.permutations([("settled", SETTLED), ("accounted", ACCOUNTED)]),
     *itertools.permutations([("paid", PAID_OUT), ("paid", ONLY_NET)])],
)  # fmt: skip
def test_a_report_without_columns_of_costs_takes_none_off_again(
    tmp_path: Path, told: Sequence[tuple[str, str]]
) -> None:
    desk = platforms(tmp_path / "w")
    for source, text in told:
        assert desk.deliver_bytes(text.encode(), source, f"{source}.csv").rows_quarantined == 0
    assert desk.records("amount", "fee", "net") == [(10000, 200, 9800)]
    # A batch without its payout is not whole; nothing contradicts.
    assert {reason for reason, _ in desk.findings()} <= {"incomplete"}
    desk.store.close()


def test_a_report_of_what_arrives_says_so_of_its_amount(tmp_path: Path) -> None:
    desk = platforms(tmp_path / "w")
    desk.deliver_bytes(ONLY_NET.encode(), "paid", "net.csv")
    desk.deliver_bytes(ACCOUNTED.encode(), "accounted", "accounted.csv")
    found = desk.records("amount", "net", "details")
    assert [row[:2] for row in found] == [(9800, 9800), (9800, 9800)]
    assert [json.loads(row[2]).get("only_net") for row in found] == [True, True]
    desk.store.close()
