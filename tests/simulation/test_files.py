"""
The files add up, read by hand: without a line of the product's own readers.
"""

import csv
import re
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

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
