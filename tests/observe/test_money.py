"""Open items, cash in transit, payouts, fees and cash: each against the truth, and against a slow derivation."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.observe.slow_proof import effect
from tests.observe.test_exports import NONE_HERE, read_back
from tests.observe.traded import DAYS, Traded, amount
from tieout.config.arrivals import arrival_days
from tieout.observe.exporting.exported import TABLES
from tieout.observe.exporting.exports import Filters, export
from tieout.observe.exporting.writing import ENDINGS
from tieout.observe.money.cash import cash
from tieout.observe.money.owed import ageing
from tieout.observe.proofs.proving import prove

pytestmark = pytest.mark.slow
LAST = dt.date(2026, 11, 1)
DOCUMENTS = {"invoice", "credit_note", "bill"}


@pytest.mark.parametrize("ending", some_of(ENDINGS, 2))
@pytest.mark.parametrize("name", sorted({*NONE_HERE, "fees", "payouts", "proofs"} - {"journals", "trial_balance"}))
def test_every_table_of_results_goes_into_every_kind_of_file(
    group: Traded, tmp_path: Path, name: str, ending: str
) -> None:
    path = tmp_path / f"{name}.{ending}"
    done = export(group.store, group.workspace, name, path)
    rows, names = read_back(path)
    assert len(rows) == done.rows > 0
    assert names == [column.name for column in TABLES[name].columns]


def used(group: Traded, claim: str, until: dt.date) -> dict[str, Decimal]:
    """
    Sum what matches use up of a claim by a day: all, once all of a match's records are booked; else what its other side
    had by then, for this side's records that run with its sum.
    """
    days = {r["record_id"]: dt.date.fromisoformat(r["booked_on"]) for r in group.table("records")}
    members: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in group.table("matches"):
        members[row["match_id"]].append(row)
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for rows in members.values():
        whole = all(days[row["record_id"]] <= until for row in rows)
        for side in ("left", "right"):
            mine = [row for row in rows if row["side"] == side]
            came = sum(
                (amount(r["allocated"]) for r in rows if r["side"] != side and days[r["record_id"]] <= until),
                Decimal(0),
            )
            way = 1 if sum(amount(row["allocated"]) for row in mine) > 0 else -1
            left = abs(came)
            for row in sorted(mine, key=lambda r: days[r["record_id"]]):
                taken = amount(row["allocated"])
                if not whole:
                    runs = days[row["record_id"]] <= until and taken * way > 0
                    taken = way * min(abs(taken), left) if runs else Decimal(0)
                    left -= abs(taken)
                if row["claim"] == claim:
                    found[row["record_id"]] += taken
    return found


@pytest.mark.parametrize("as_of", DAYS)
def test_open_items_are_documents_less_what_was_paid_by_then(group: Traded, as_of: dt.date | None) -> None:
    until = as_of or LAST
    paid = used(group, "document", until)
    expected = {}
    for row in group.table("records"):
        if row["kind"] in DOCUMENTS and dt.date.fromisoformat(row["booked_on"]) <= until:
            left = amount(row["amount"]) - paid.get(row["record_id"], Decimal(0))
            if left:
                due = dt.date.fromisoformat(row["due_on"])
                expected[row["record_id"]] = (left, max(0, (until - due).days))
    told = group.table("open_items", as_of)
    assert {row["record_id"]: (amount(row["open"]), row["days_overdue"]) for row in told} == expected
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in told:
        sums[row["currency"]] += amount(row["open"])
        assert amount(row["amount"]) - amount(row["paid"]) == amount(row["open"])
    aged = ageing(group.store, group.workspace, Filters(as_of=as_of))
    assert {row["currency"]: Decimal(row["total"]) for row in aged} == sums
    for row in aged:
        parts = [Decimal(value) for name, value in row.items() if name not in {"currency", "total"}]
        assert sum(parts) == Decimal(row["total"])


def test_cash_in_transit_is_the_truth_and_what_cannot_be_decided(group: Traded) -> None:
    truth = {(row["account"], row["external_id"]): row for row in group.truth("in_transit")}
    payouts = [row for row in group.table("in_transit") if row["kind"] not in {"balance_transfer", "bank_entry"}]
    told = {(row["account"], row["external_id"]): row for row in payouts}
    assert truth
    assert truth.keys() <= told.keys()
    ambiguous = {
        row["external_id"]
        for row in group.truth("positions")
        if row["claim"] == "settlement" and row["kind"] == "payout" and not row["decidable"]
    }
    assert {name for _, name in told.keys() - truth.keys()} <= ambiguous
    left = [(account, row["paid_on"]) for (account, _), row in truth.items()]
    expected = arrival_days(group.workspace.accounts, group.workspace.folder, left)
    for (key, row), due in zip(truth.items(), expected, strict=True):
        mine = told[key]
        assert int(mine["outstanding"].replace(".", "")) == row["amount"], key
        assert (mine["paid_on"], mine["expected_on"]) == (row["paid_on"].isoformat(), due.isoformat())
        assert (mine["state"] == "late") == (row["trouble"] == "payout_missing_at_bank"), key


@pytest.mark.parametrize(("place", "currency", "on"), [(0, "USD", LAST), (1, "JPY", dt.date(2026, 10, 9))])
def test_an_account_of_what_is_on_its_way_closes(group: Traded, place: int, currency: str, on: dt.date) -> None:
    """What left less what arrived, line by line, is what the list says of matches; sweeps of the group among it."""
    entity = group.workspace.entities[place].id
    declared = (
        a for a in group.workspace.accounts if (a.kind, a.entity, a.currency) == ("in_transit", entity, currency)
    )
    proof = prove(group.store, group.workspace, next(declared).id, on)
    assert (proof.rolled, proof.outside.balance) == (0, proof.closing)
    rows = [row for row in group.table("in_transit", on) if (row["entity"], row["currency"]) == (entity, currency)]
    listed = sum((amount(row["outstanding"]) for row in rows if row["kind"] != "settlement"), Decimal(0))
    assert Decimal(proof.closing or 0).scaleb(-proof.exponent) == listed
    assert "payout" in {movement.kind for movement in proof.movements}


def test_what_was_swept_to_and_from_the_treasury_of_the_group_is_shown(group: Traded) -> None:
    swept = {row["external_id"] for row in group.truth("positions") if row["trouble"] == "sweep"}
    told = [row["external_id"] for row in group.table("in_transit") if row["kind"] == "bank_entry"]
    assert swept
    assert sorted(told) == sorted(swept)


@pytest.mark.parametrize("as_of", DAYS)
def test_what_left_and_has_not_arrived_adds_up(group: Traded, as_of: dt.date | None) -> None:
    until = as_of or LAST
    leaving = dict.fromkeys(("payout", "payout_reversal"), used(group, "settlement", until))
    leaving["balance_transfer"] = used(group, "transfer", until)
    left: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in group.table("records"):
        if row["kind"] in leaving and dt.date.fromisoformat(row["booked_on"]) <= until:
            left[row["account_id"]] += leaving[row["kind"]].get(row["record_id"], Decimal(0)) - effect(row)
    told: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in group.table("in_transit", as_of):
        if row["kind"] != "bank_entry":  # what a bank swept is asked about by itself, and is no cash on its way
            told[row["account"]] += amount(row["outstanding"])
    expected = {name: total for name, total in left.items() if total}
    assert {name: total for name, total in told.items() if total} == expected
    position = cash(group.store, group.workspace, as_of)
    shown = {h.account_id: Decimal(h.in_transit).scaleb(-h.exponent) for h in position.holdings if h.in_transit}
    assert shown == expected
    for total in position.totals:
        mine = [h for h in position.holdings if h.currency == total["currency"]]
        known = [Decimal(h.total).scaleb(-h.exponent) for h in mine if h.total is not None]
        assert total["total"] is None if len(known) < len(mine) else Decimal(total["total"]) == sum(known)


def test_payouts_are_made_of_their_lines(group: Traded) -> None:
    lines: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    paid: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in group.table("records"):
        if row["settlement_id"] and row["account_id"].startswith(("stripe", "adyen")):
            away = row["kind"] in {"payout", "payout_reversal"}
            (paid if away else lines)[row["account_id"], row["settlement_id"]] += -effect(row) if away else effect(row)
    told = {(row["account"], row["settlement_id"]): row for row in group.table("payouts") if row["settlement_id"]}
    assert lines.keys() <= told.keys()
    for key, row in told.items():
        parts = [amount(row[name]) for name in ("charges", "returned", "fees", "reserve", "other")]
        assert sum(parts) == amount(row["sum"]) == lines.get(key, Decimal(0))
        assert amount(row["payout"]) == paid.get(key, Decimal(0))
        if row["difference"] is not None:
            assert amount(row["difference"]) == 0
    states = {row["state"] for row in told.values()}
    assert states >= {"arrived", "in_transit"}


def test_fees_are_what_the_platforms_kept(group: Traded) -> None:
    words = {"charge": "processing", "dispute": "dispute", "fee": "service"}
    truth: defaultdict[tuple[str, str | None, str], int] = defaultdict(int)
    for row in group.truth("fees"):
        what = "service" if row["what"] == "fee_tax" else row["what"]
        truth[row["account"], row["settlement_id"], what] += row["amount"]
    told: defaultdict[tuple[str, str | None, str], int] = defaultdict(int)
    for row in group.table("fees"):
        assert row["expected"] is None
        told[row["account"], row["settlement_id"], words.get(row["kind"], "other")] += int(
            row["actual"].replace(".", "")
        )
    assert told == truth
