"""
The truth is about the records that the product reads: every line of it finds its record, and adds up.
"""

import json
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli.office import typed
from tests.shared import DEMO_SEED, demo_read_in
from tests.simulation.conftest import MONTHS, positions
from tieout.model.kinds import KINDS
from tieout.model.normal import normal
from tieout.simulation.company import make_company

pytestmark = pytest.mark.slow

UNITS = {"EUR": 100, "USD": 100, "JPY": 1, "KWD": 1000}
#: Troubles that leave a reference which joins once it is normalised.
JOINED = {"plain", "other_spelling", "late_reference", "corrected_document", "paid_in_three_parts"}


@dataclass(frozen=True)
class Read:
    """A company whose files were read."""

    folder: Path
    records: list[dict[str, Any]]
    positions: list[dict[str, Any]]

    def truth(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.folder / "truth" / f"{name}.parquet").to_pylist()
        return found


@pytest.fixture(scope="session", params=[1, pytest.param(4, marks=pytest.mark.deep)])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    seed = request.param
    if seed == DEMO_SEED:
        folder = demo_read_in(tmp_path_factory)
    else:
        folder = tmp_path_factory.mktemp("read")
        make_company(folder, seed=seed, month=MONTHS[seed])
        answer = typed("--workspace", folder, "ingest")
        assert answer.status in {0, 1}, answer.err
    target = folder / "records.parquet"
    assert typed("--workspace", folder, "export", "records", "--to", target).status == 0
    rows = pq.read_table(target).to_pylist()
    records = [row | {"source": row["source_id"], "account": row["account_id"]} for row in rows]
    return Read(folder, records, positions(folder / "truth"))


def minor(record: dict[str, Any], name: str) -> int:
    """Give an amount in minor units; what has no net of its own is net."""
    value = record[name] if record[name] is not None else record["amount"]
    return int(value * UNITS[record["currency"]])


def key(of: dict[str, Any], amount: int) -> tuple[object, ...]:
    names = ("source", "kind", "external_id", "settlement_id", "booked_on", "currency")
    return (*(of[name] for name in names), amount)


def test_what_cannot_be_read_is_what_was_spoiled_and_nothing_else_needs_a_person(read: Read) -> None:
    place = read.folder
    answer = typed("--workspace", place, "quarantine")
    lines = (read.folder / "truth" / "unreadable.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(lines) == 3
    for line in lines:
        _, file, _, _, content = line.split(",", 4)
        assert file in answer.out
        assert content.strip('"').split(",")[0] in answer.out
    assert typed("--workspace", place, "exceptions").out.strip() == "no exceptions"


def test_every_position_is_about_one_record_and_every_record_has_a_position(read: Read) -> None:
    gross: defaultdict[tuple[object, ...], list[Any]] = defaultdict(list)
    nets: defaultdict[tuple[object, ...], list[Any]] = defaultdict(list)
    for record in read.records:
        gross[key(record, minor(record, "amount"))].append(record["record_id"])
        nets[key(record, minor(record, "net"))].append(record["record_id"])
    told = set()
    for position in read.positions:
        is_net = position["claim"] == "settlement" and position["kind"] != "payout"
        found = (nets if is_net else gross)[key(position, position["amount"])]
        assert len(found) == 1, position
        told.update(found)
    silent = Counter((r["source"], r["kind"]) for r in read.records if r["record_id"] not in told)
    # What the ERP posted on its clearing accounts is in no reconciliation.
    assert {kind for _, kind in silent} == {"journal_line"}


def test_every_claim_of_a_record_has_one_expectation(read: Read) -> None:
    names = ("reconciliation", "claim", "source", "external_id", "settlement_id", "kind", "amount", "booked_on")
    told = Counter(tuple(p[name] for name in names) for p in read.positions if p["external_id"] is not None)
    assert [each for each, count in told.items() if count > 1] == []
    claims = {(p["kind"], p["claim"]) for p in read.positions}
    assert {(kind, claim) for kind, claim in claims if claim not in KINDS[kind].claims} == set()


def test_signs_are_those_of_the_kinds(read: Read) -> None:
    wrong = [
        r
        for r in read.records
        if (KINDS[r["kind"]].sign == "+" and r["amount"] < 0) or (KINDS[r["kind"]].sign == "-" and r["amount"] > 0)
    ]
    assert wrong == []
    assert {r["kind"] for r in read.records} >= {
        "charge", "refund", "dispute", "dispute_reversal", "fee", "conversion", "reserve_hold", "reserve_release", "adjustment",
        "payout", "payout_reversal", "balance_transfer", "bank_entry", "bank_detail", "invoice", "credit_note", "bill",
        "journal_line",
    }  # fmt: skip


def test_what_ties_together_has_equal_sums_unless_something_was_taken_off(read: Read) -> None:
    off = {"bank_charge_deducted", "cash_discount", "short_within_tolerance", "over_within_tolerance", "payout_converted",
           "booked_in_base_currency"}  # fmt: skip
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    troubles: dict[tuple[str, str], str] = {}
    sides: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for position in read.positions:
        payout = position["kind"] == "payout" and position["claim"] == "settlement"
        if position["expected"] != "matched" or not (
            payout or position["claim"] in {"document", "payment", "bank", "booking"}
        ):
            continue
        group = position["reconciliation"], position["group_id"]
        # What leaves a platform arrives at the bank: both signs, one sum.
        sums[group] += position["allocated"] * (1 if position["side"] == "left" and not payout else -1)
        sides[group].add(position["side"])
        troubles[group] = position["trouble"]
    assert {group for group, both in sides.items() if both != {"left", "right"}} == set()
    signed = {group: total for group, total in sums.items() if not group[0].startswith("payouts")}
    assert {troubles[group] for group, total in signed.items() if total} <= off
    for reconciliation in ("payouts-stripe", "payouts-adyen"):
        mine = [total for group, total in sums.items() if group[0] == reconciliation and troubles[group] not in off]
        assert mine


def test_plain_pairs_can_be_found_by_a_reference_and_the_amount(read: Read) -> None:
    by_id = {(r["source"], r["kind"], r["external_id"]): r for r in read.records}
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for position in read.positions:
        if position["reconciliation"] == "receivables" and position["trouble"] in JOINED:
            record = by_id[position["source"], position["kind"], position["external_id"]]
            groups[position["group_id"]].append(record)
    assert len(groups) > 500
    for group in groups.values():
        [paper] = [r for r in group if r["source"].startswith("erp")]
        [line] = [r for r in group if not r["source"].startswith("erp")]
        assert words(paper) & words(line)


def words(record: dict[str, Any]) -> set[str]:
    return {normal(each) for each in json.loads(record["references"])}


def test_what_is_undecidable_has_candidates_that_no_reference_tells_apart(read: Read) -> None:
    undecidable = [position for position in read.positions if not position["decidable"]]
    assert undecidable
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for position in undecidable:
        groups[position["group_id"]].append(position)
    for group in groups.values():
        # Two of one side for what the other side has once, or two for two.
        assert len(group) > 2 or group[0]["reconciliation"] == "receivables"


def test_balances_are_openings_and_movements(read: Read) -> None:
    declared = tomllib.loads((read.folder / "tieout.toml").read_text(encoding="utf-8"))["account"]
    balance = {a["id"]: Decimal(a["opening"]["amount"]) for a in declared}
    moved: defaultdict[tuple[str, Any], Decimal] = defaultdict(Decimal)
    for record in read.records:
        if record["kind"] not in {"bank_detail", "invoice", "credit_note", "bill"}:
            moved[record["account"], record["booked_on"]] += Decimal(minor(record, "net")) / UNITS[record["currency"]]
    expected = read.truth("balances")
    assert {row["account"] for row in expected} >= {a["id"] for a in declared if a["kind"] != "ledger"}
    for passed in read.truth("transit"):  # of what is on its way no file has a line of its own
        moved[passed["account"], passed["moved_on"]] += Decimal(passed["amount"]) / UNITS[passed["currency"]]
    for account in {row["account"] for row in expected}:
        told = {
            row["day"]: Decimal(row["closing"]) / UNITS[row["currency"]]
            for row in expected
            if row["account"] == account
        }
        total = balance[account]
        for day in sorted({day for each, day in moved if each == account} | set(told)):
            total += moved[account, day]
            if day in told:
                assert total == told[day], (account, day)


def test_payments_end_where_their_lines_lead(read: Read) -> None:
    states = Counter(row["state"] for row in read.truth("payments"))
    assert set(states) == {
        "captured", "refunded", "partially_refunded", "returned", "dispute_lost", "dispute_won",
    }  # fmt: skip
    charges = {r["external_id"] for r in read.records if r["kind"] == "charge"}
    assert {row["external_id"] for row in read.truth("payments")} == charges


def test_fees_are_what_the_platforms_kept(read: Read) -> None:
    told: defaultdict[tuple[str, bool], int] = defaultdict(int)
    for row in read.truth("fees"):
        told[row["account"], row["what"] == "fee_tax"] += row["amount"]
    accounts = {account for account, _ in told}
    kept: defaultdict[tuple[str, bool], int] = defaultdict(int)
    for record in read.records:
        if record["account"] in accounts:
            # A line that is all tax says so: it is input VAT, no cost.
            is_tax = record["tax"] is not None and record["kind"] == "fee"
            kept[record["account"], is_tax] += minor(record, "amount") - minor(record, "net")
            kept[record["account"], is_tax] -= minor(record, "amount") if record["kind"] == "fee" else 0
    assert {key: amount for key, amount in told.items() if amount} == {key: n for key, n in kept.items() if n}
    assert {account for account, is_tax in told if is_tax} == {a for a in accounts if a.startswith("stripe")}


def test_cash_in_transit_is_what_no_bank_has_booked(read: Read) -> None:
    waiting = read.truth("in_transit")
    assert {row["trouble"] for row in waiting} == {"in_transit_at_month_end", "payout_missing_at_bank"}
    said = "\n".join(str(r["text"]) + str(r["references"]) for r in read.records if r["kind"] == "bank_entry")
    assert [row["external_id"] for row in waiting if row["external_id"] in said] == []
