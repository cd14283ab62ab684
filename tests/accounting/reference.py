"""
The same journals, derived slowly and obviously: one record and one match at a time, in fractions.

It knows the postings that ship by heart instead of reading them, and shares nothing with the product but its words.
It covers what the property tests draw: charges, refunds, fees, payouts, bank receipts, documents, differences.
"""

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from typing import Any

from tests.accounting.facts import Facts

#: (record, match or None, part) -> {(name, currency): [amount, amount in the books' currency]}, debits positive.
Lines = dict[tuple[str, str], list[Fraction]]
Books = dict[tuple[str, bytes | None, str], Lines]

REASONS = {
    "bank_charge": "bank_charges",
    "discount": "discounts_allowed",
    "short_payment": "short_payments",
    "withholding_tax": "withholding_tax",
    "rounding": "rounding",
}


def money_of(row: dict[str, Any], key: str = "amount") -> Fraction:
    return Fraction(row.get(key) or 0, 10 ** row["exponent"])


def half_up(value: Fraction, decimals: int) -> Fraction:
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled + 1) // 2
    return Fraction(whole if value > 0 else -whole, 10**decimals)


class Reference:
    """Goes through the facts one by one."""

    def __init__(self, facts: Facts, rates: dict[tuple[str, dt.date], Fraction]) -> None:
        self.facts = facts
        self.rates = rates
        self.known = {row["record_id"]: row for row in facts.records}
        self.carried: dict[tuple[tuple[str, bytes | None, str], str, str], Fraction] = defaultdict(Fraction)
        self.books: Books = defaultdict(lambda: defaultdict(lambda: [Fraction(0), Fraction(0)]))

    def journals(self) -> Books:
        used: dict[bytes, Fraction] = defaultdict(Fraction)
        for match_id in {row["match_id"]: None for row in self.facts.matches}:
            self.match(match_id, used)
        for row in self.facts.records:
            self.rest(row, money_of(row) - used[row["record_id"]])
            self.fee(row)
        self.value()
        said = {key: {k: v for k, v in lines.items() if any(v)} for key, lines in self.books.items()}
        return {key: lines for key, lines in said.items() if lines}

    def add(self, key: tuple[str, bytes | None, str], name: str, currency: str, amount: Fraction) -> None:
        self.books[key][name, currency][0] += amount

    def pair(
        self, key: tuple[str, bytes | None, str], debit: str, credit: str, currency: str, amount: Fraction
    ) -> None:
        self.add(key, debit, currency, amount)
        self.add(key, credit, currency, -amount)

    def match(self, match_id: bytes, used: dict[bytes, Fraction]) -> None:
        rows = [row for row in self.facts.matches if row["match_id"] == match_id]
        money = [row for row in rows if row["claim"] in {"payment", "bank"}]
        money.sort(key=lambda row: (self.known[row["record_id"]]["booked_on"], row["record_id"]))
        for row in money:
            used[row["record_id"]] += money_of(row, "allocated")
        last = self.known[money[-1]["record_id"]]
        key = (last["external_id"], match_id, "amount")
        own = "bank" if last["kind"] == "bank_entry" else "platform_clearing"
        currency = last["currency"]
        whole = {self.known[row["record_id"]]["kind"] for row in rows} & {"payout"}
        waits = "cash_in_transit" if whole else "customer_deposits"
        for row in money[:-1]:
            earlier = self.known[row["record_id"]]
            part = (earlier["external_id"], match_id, "amount")
            self.pair(part, own, waits, currency, money_of(row, "allocated"))
            self.pair(key, own, waits, currency, -money_of(row, "allocated"))
        for row in rows:
            kind = self.known[row["record_id"]]["kind"]
            if row["claim"] == "document":
                self.pair(key, own, "receivable", currency, money_of(row, "allocated"))
                if currency != "EUR":
                    self.carry(key, self.known[row["record_id"]], money_of(row, "allocated"))
            elif kind == "payout":
                self.pair(key, own, "cash_in_transit", currency, -money_of(row, "allocated"))
        if whole and currency != "EUR":
            self.carry_payouts(match_id, [row for row in rows if row["claim"] == "transfer"], money)
        for row in self.facts.adjustments:
            if row["match_id"] == match_id:
                tax = money_of(row, "tax_amount")
                self.pair(key, REASONS[row["reason"]], own, currency, money_of(row) - tax)
                self.pair(key, {"bank_charge": "input_vat"}.get(row["reason"], "output_vat"), own, currency, tax)

    def carry(self, key: tuple[str, bytes | None, str], document: dict[str, Any], allocated: Fraction) -> None:
        """A document leaves the books at its share of what it stands there for."""
        share = abs(allocated / money_of(document))
        worth = half_up(Fraction(document["base_amount"], 100) * share, 2) * (1 if allocated > 0 else -1)
        self.carried[key, "receivable", document["currency"]] += worth

    def carry_payouts(self, match_id: bytes, payouts: list[dict[str, Any]], money: list[dict[str, Any]]) -> None:
        """Cash in transit leaves the books at what it was worth when it left the platform; each line takes its share."""
        amount = worth = until = Fraction(0)
        for row in payouts:
            payout = self.known[row["record_id"]]
            amount -= money_of(payout)
            worth -= half_up(money_of(payout) * self.rates[payout["currency"], payout["booked_on"]], 2)
        for row in money:
            key = (self.known[row["record_id"]]["external_id"], match_id, "amount")
            before, until = until, until + money_of(row, "allocated")
            share = half_up(worth * until / amount, 2) - half_up(worth * before / amount, 2)
            self.carried[key, "cash_in_transit", row["currency"]] += share

    def rest(self, row: dict[str, Any], amount: Fraction) -> None:
        key, currency = (row["external_id"], None, "amount"), row["currency"]
        if row["kind"] in {"charge", "refund"}:
            self.pair(key, "platform_clearing", "customer_deposits", currency, amount)
        elif row["kind"] == "payout":
            self.pair(key, "platform_clearing", "cash_in_transit", currency, amount)
        elif row["kind"] == "fee":
            self.pair(key, "platform_clearing", "fee_expense", currency, amount)

    def fee(self, row: dict[str, Any]) -> None:
        key, currency = (row["external_id"], None, "fee"), row["currency"]
        self.pair(key, "fee_expense", "platform_clearing", currency, money_of(row, "fee"))
        self.pair(key, "input_vat", "platform_clearing", currency, money_of(row, "fee_tax"))

    def value(self) -> None:
        """Give every line its amount in euro, and put what rounding leaves over on a line of its own."""
        days = {row["external_id"]: row["booked_on"] for row in self.facts.records}
        for key, lines in self.books.items():
            name = key[0]
            left: dict[str, Fraction] = defaultdict(Fraction)
            for (_, currency), amounts in lines.items():
                rate = Fraction(1) if currency == "EUR" else self.rates[currency, days[name]]
                amounts[1] = half_up(amounts[0] * rate, 2)
                left[currency] += amounts[1]
            for currency, over in left.items():
                if over:
                    lines["rounding", currency][1] -= over
            self.realise(key, lines)

    def realise(self, key: tuple[str, bytes | None, str], lines: Lines) -> None:
        """Take the difference between what came and what the document stood at as a gain or loss."""
        for (owner, name, currency), carried in self.carried.items():
            if owner == key:
                worth = lines[name, currency]
                difference = worth[1] + carried
                worth[1] = -carried
                if difference:
                    lines["fx_loss" if difference > 0 else "fx_gain", currency][1] += difference
