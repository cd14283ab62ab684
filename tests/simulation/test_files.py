"""
The files add up, read by hand: without a line of the product's own readers.
"""

import csv
import datetime as dt
import json
import re
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest

from tests.simulation.conftest import MONTHS, Make, positions

CAMT = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"
SEEDS = list(MONTHS)[:3]


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def number(text: str) -> Decimal:
    return Decimal(text or "0")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_automatic_payout_is_the_sum_of_its_lines(company: Make, seed: int) -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    payouts: dict[str, Decimal] = {}
    for path in (company(seed).folder / "inbox/stripe").glob("*.csv"):
        for row in rows(path):
            assert number(row["gross"]) - number(row["fee"]) == number(row["net"])
            sums[row["automatic_payout_id"]] += number(row["net"])
            if row["reporting_category"] == "payout":
                payouts[row["source_id"]] = number(row["net"])
    assert len(payouts) > 30
    assert set(payouts) == set(sums)
    assert {payout: total for payout, total in sums.items() if total} == {}
    assert min(payouts.values()) < 0 < max(payouts.values())  # one of them is negative


@pytest.mark.parametrize("seed", SEEDS)
def test_every_batch_sums_to_its_payout_or_to_what_it_carries_over(company: Make, seed: int) -> None:
    carried: dict[str, Decimal] = {}
    for path in sorted((company(seed).folder / "inbox/adyen").glob("*.csv")):
        batch = rows(path)
        nets = [number(row["Net Credit (NC)"]) - number(row["Net Debit (NC)"]) for row in batch]
        assert sum(nets) == 0, path.name
        store = batch[0]["Merchant Account"]
        transfers = [net for net, row in zip(nets, batch, strict=True) if row["Type"] == "Balancetransfer"]
        begun = [net for net, row in zip(nets, batch, strict=True) if "from" in row["Modification Reference"]]
        assert sum(begun) == carried.pop(store, 0)
        if len(transfers) > len(begun):
            carried[store] = -transfers[-1]
    assert carried  # the month's last batches are carried into the next month


@pytest.mark.parametrize("seed", SEEDS)
def test_the_statements_of_the_german_bank_close_and_follow_each_other(company: Make, seed: int) -> None:
    found: defaultdict[str, dict[int, tuple[Decimal, Decimal]]] = defaultdict(dict)
    batches = 0
    for path in (company(seed).folder / "inbox/bank-de").glob("*.xml"):
        for statement in ET.parse(path).iter(f"{CAMT}Stmt"):  # noqa: S314 - we wrote it ourselves
            opening, closing = (signed(balance) for balance in statement.iter(f"{CAMT}Bal"))
            entries = list(statement.iter(f"{CAMT}Ntry"))
            assert opening + sum(map(signed, entries)) == closing
            for entry in entries:
                details = list(entry.iter(f"{CAMT}TxDtls"))
                assert sum(map(signed, details)) == signed(entry)
                batches += len(details) > 1
            iban = statement.findtext(f"{CAMT}Acct/{CAMT}Id/{CAMT}IBAN", "")
            found[iban][int(statement.findtext(f"{CAMT}ElctrncSeqNb", ""))] = (opening, closing)
    assert batches
    assert len(found) == 2
    for chain in found.values():
        assert sorted(chain) == list(range(min(chain), max(chain) + 1))
        assert all(chain[before][1] == chain[after][0] for before, after in pairwise(sorted(chain)))


def signed(element: ET.Element) -> Decimal:
    amount = Decimal(element.findtext(f"{CAMT}Amt", ""))
    return -amount if element.findtext(f"{CAMT}CdtDbtInd") == "DBIT" else amount


@pytest.mark.parametrize("seed", SEEDS)
def test_the_statements_of_the_american_bank_close_and_follow_each_other(company: Make, seed: int) -> None:
    chain: dict[int, tuple[Decimal, Decimal]] = {}
    for path in (company(seed).folder / "inbox/bank-us").glob("*.sta"):
        for message in path.read_text(encoding="ascii").split(":20:")[1:]:
            balance = balances(message)
            lines = re.findall(r"^:61:\d{10}([CD])([\d,]+)N", message, re.MULTILINE)
            assert len(lines) == message.count(":61:")
            moved = sum((-comma(text) if mark == "D" else comma(text)) for mark, text in lines)
            assert balance["60F"] + moved == balance["62F"]
            [sequence] = re.findall(r":28C:(\d+)/", message)
            chain[int(sequence)] = (balance["60F"], balance["62F"])
    assert sorted(chain) == list(range(min(chain), max(chain) + 1))
    assert all(chain[before][1] == chain[after][0] for before, after in pairwise(sorted(chain)))


def comma(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def balances(message: str) -> dict[str, Decimal]:
    found = re.findall(r"^:(60F|62F):([CD])\d{6}[A-Z]{3}([\d,]+)", message, re.MULTILINE)
    return {tag: -comma(text) if mark == "D" else comma(text) for tag, mark, text in found}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_summary_of_the_first_platform_closes_with_what_its_lines_sum_to(company: Make, seed: int) -> None:
    folder = company(seed).folder / "inbox"
    [path] = (folder / "stripe-balance").glob("Balance_Summary*.csv")
    summary: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in rows(path):
        summary[row["currency"]][row["category"]] = number(row["net_amount"])
    nets: dict[tuple[str, str], Decimal] = {}
    for file in (*(folder / "stripe").glob("*.csv"), *(folder / "stripe-balance").glob("Item*.csv")):
        nets |= {(row["currency"], row["balance_transaction_id"]): number(row["net"]) for row in rows(file)}
    for currency, said in summary.items():
        moved = sum(net for (each, _), net in nets.items() if each == currency)
        assert said["activity"] + said["payouts"] == moved
        assert said["starting_balance"] + moved == said["ending_balance"]


@pytest.mark.parametrize("seed", SEEDS)
def test_exports_overlap_and_some_rows_change_between_them(company: Make, seed: int) -> None:
    seen: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted((company(seed).folder / "inbox/erp-de").glob("*.csv")):
        for row in rows(path, ";"):
            seen[row["Beleg"]].append((row["Betrag"], row["Bezug"]))
    again = [told for told in seen.values() if len(told) > 1]
    assert len(again) > 20
    assert any(first[0] != last[0] for first, last in again)
    assert any(first[1] == "" != last[1] for first, last in again)


@pytest.mark.parametrize(
    ("seed", "bank", "holidays"),
    [
        (1, "bank-us", ["2026-10-12"]),
        (2, "bank-us", ["2026-02-16"]),
        (3, "bank-de", ["2026-04-03", "2026-04-06"]),
        (4, "bank-de", ["2026-12-25"]),
        (4, "bank-us", ["2026-12-25"]),
    ],
)
def test_banks_rest_on_weekends_and_on_their_own_holidays(
    company: Make, seed: int, bank: str, holidays: list[str]
) -> None:
    days = {position["booked_on"] for position in positions(company(seed).truth) if position["source"] == bank}
    assert len(days) > 10
    assert {day for day in days if day.weekday() > 4 or day.isoformat() in holidays} == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_texts_have_the_letters_of_their_format(company: Make, seed: int) -> None:
    inbox = company(seed).folder / "inbox"
    swift = re.compile(r"[A-Za-z0-9/?:().,'+ \r\n-]*")
    assert all(swift.fullmatch(path.read_text(encoding="ascii")) for path in (inbox / "bank-us").glob("*.sta"))
    assert any("ü" in path.read_text(encoding="utf-8") for path in (inbox / "bank-de").glob("*.xml"))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_first_platform_tells_every_day_is_what_its_lines_come_to_by_then(company: Make, seed: int) -> None:
    inbox = company(seed).folder / "inbox"
    [summary], [events] = (inbox / "stripe-balance").glob("Balance*.csv"), (inbox / "stripe-events").glob("*.jsonl")
    opened = {r["currency"]: number(r["net_amount"]) for r in rows(summary) if r["category"] == "starting_balance"}
    lines: dict[str, tuple[str, str, str, Decimal]] = {}
    for file in (*(inbox / "stripe").glob("*.csv"), *(inbox / "stripe-balance").glob("Item*.csv")):
        for row in rows(file):
            told = row["currency"], row["created_utc"], row["available_on_utc"], number(row["net"])
            lines[row["balance_transaction_id"]] = told
    moments = []
    for text in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(text)
        moments.append(dt.datetime.fromtimestamp(event["created"], dt.UTC).strftime("%Y-%m-%d %H:%M:%S"))
        balance = event["data"]["object"]
        assert [part["currency"] for part in balance["available"]] == ["eur", "usd", "kwd"]
        for free, waiting in zip(balance["available"], balance["pending"], strict=True):
            unit = {"kwd": 1000}.get(free["currency"], 100)
            mine = [line for line in lines.values() if line[0] == free["currency"] and line[1] <= moments[-1]]
            due = sum(net for _, _, on, net in mine if on <= moments[-1])
            assert Decimal(free["amount"]) / unit == opened[free["currency"]] + due
            assert Decimal(waiting["amount"]) / unit == sum(net for _, _, on, net in mine if on > moments[-1])
    assert len(set(moments)) == int(json.loads(text)["created"]) // 86_400 - first_day(seed) + 1 >= 28


def first_day(seed: int) -> int:
    """Count the first day of a company's month since 1970."""
    return (dt.date.fromisoformat(f"{MONTHS[seed]}-01") - dt.date(1970, 1, 1)).days


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_held_back_is_released_in_one_sum_in_parts_in_part_or_not(company: Make, seed: int) -> None:
    inbox = company(seed).folder / "inbox"
    held = [r for p in (inbox / "stripe").glob("*EUR*.csv") for r in rows(p) if "reserve" in r["reporting_category"]]
    withheld = [r for p in (inbox / "adyen").glob("*.csv") for r in rows(p) if r["Type"] == "DepositCorrection"]
    for amounts in (
        [number(r["net"]) for r in sorted(held, key=lambda r: r["created_utc"])],
        [number(r["Net Credit (NC)"]) - number(r["Net Debit (NC)"])
         for r in sorted(withheld, key=lambda r: r["Creation Date"])],
    ):  # fmt: skip
        whole, parted, first, second, back, kept, rest, last = amounts
        assert whole + back == parted + first + second == 0
        assert max(whole, parted, kept, last) < 0 < min(back, first, second, rest)
        assert kept + rest < 0
        assert len({abs(amount) for amount in amounts}) == 7  # only the sum that comes back whole is there twice


@pytest.mark.parametrize("seed", SEEDS)
def test_a_conversion_takes_from_one_balance_and_gives_to_another_at_one_moment(company: Make, seed: int) -> None:
    folder = company(seed).folder
    halves: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for path in (folder / "inbox/stripe").glob("*.csv"):
        for row in rows(path):
            if row["reporting_category"] == "currency_conversion":
                halves[row["created_utc"]][row["currency"].upper()] = number(row["net"])
    truth = pq.read_table(folder / "truth/conversions.parquet").to_pylist()
    units = {"EUR": 100, "USD": 100, "KWD": 1000}
    assert len(truth) == 2
    assert sorted(sorted(each.items()) for each in halves.values()) == sorted(
        sorted({
            c["from_currency"]: -Decimal(c["given"]) / units[c["from_currency"]],
            c["to_currency"]: Decimal(c["received"]) / units[c["to_currency"]],
        }.items())
        for c in truth
    )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_of_cash_in_transit_has_what_the_truth_says_that_it_booked(company: Make, seed: int) -> None:
    folder = company(seed).folder
    booked = {}
    for country, sep, names in (("de", ";", ("Buchung", "Sachkonto", "Betrag", "Referenz")),
                                ("us", ",", ("Entry", "GL Account", "Amount", "Reference"))):  # fmt: skip
        for path in (folder / f"inbox/ledger-{country}").glob("*.csv"):
            for row in rows(path, sep):
                entry, account, amount, reference = (row[name] for name in names)
                booked[entry] = account, number(amount.replace(",", ".")), reference
    passed = pq.read_table(folder / "truth/transit.parquet").to_pylist()
    ours = {"1460", "1463", "1464", "10900", "10910"}
    told = {p["entry"]: (Decimal(p["booked_amount"]), p["name"]) for p in passed if p["entry"]}
    assert {entry for entry, (account, *_) in booked.items() if account in ours} == set(told)
    for entry, (minor, name) in told.items():
        assert booked[entry][1:] == (minor / {"1464": 1000, "10910": 1}.get(booked[entry][0], 100), name)
    hows = {p["how"] for p in passed}
    assert {"booked", "booked_late", "booked_wrong", "not_booked", "next_month"} == hows
    assert {p["amount"] == p["booked_amount"] for p in passed if p["how"] == "booked"} == {True}
