"""
Law 12 and law 10 against drawn facts: every journal balances, and an obvious slow reference finds the same lines.
"""

import datetime as dt
import itertools
from collections import defaultdict
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounting.facts import Facts, day
from tests.accounting.reference import REASONS, Books, Reference
from tests.depth import examples
from tieout.accounting.proving import trial_balance
from tieout.model.money import exponent_of, format_minor
from tieout.store.digest import RowDigest
from tieout.store.tables import RESULTS

CURRENCIES = ("EUR", "USD", "JPY", "KWD")
RATES = {"USD": ("EUR,USD", "1.0873"), "JPY": ("JPY,EUR", "0.006137"), "KWD": ("EUR,KWD", "0.3331")}
DAYS = [f"10-{n:02}" for n in range(1, 29)]


def rates_text() -> str:
    rows = [f"2026-10-{n:02},{pair},{rate}" for pair, rate in RATES.values() for n in (1, 8, 15, 22)]
    return "\n".join(["date,base,quote,rate", *rows]) + "\n"


def rates_of_days() -> dict[tuple[str, dt.date], Fraction]:
    known: dict[tuple[str, dt.date], Fraction] = {}
    for currency, (pair, text) in RATES.items():
        rate = Fraction(text) if pair.startswith(currency) else 1 / Fraction(text)
        known |= {(currency, day(text_day)): rate for text_day in DAYS}
    return known


@st.composite
def companies(draw: st.DrawFn, currencies: tuple[str, ...] = CURRENCIES) -> Facts:
    """A few charges, refunds, fees, payouts and bank entries; some matched to documents, wholly or in part."""
    facts = Facts(rates=rates_text())
    amounts = st.integers(1, 10**7)

    def money(minor: int, currency: str) -> str:
        return f"{format_minor(minor, exponent_of(currency))} {currency}"

    for n in range(draw(st.integers(1, 4))):
        currency, amount = draw(st.sampled_from(currencies)), draw(amounts)
        sign = draw(st.sampled_from([1, 1, -1]))
        decimals = exponent_of(currency)
        costs = {k: format_minor(draw(st.integers(-50, 500)), decimals) for k in ("fee", "fee_tax")}
        kind = "charge" if sign > 0 else "refund"
        facts.record(f"ch_{n}", kind, money(sign * amount, currency), draw(st.sampled_from(DAYS)), **costs)
        how = draw(st.sampled_from(["nothing", "document", "part"]))
        if how != "nothing":
            used = amount if how == "document" else draw(st.integers(1, amount))
            document = "invoice" if sign > 0 else "credit_note"
            more = draw(st.integers(0, 5))
            # What a document in another currency stands at in the books is as its ERP says.
            worth = (
                {"base_amount": draw(amounts), "base_currency": "EUR", "base_exponent": 2} if currency != "EUR" else {}
            )
            facts.record(f"inv_{n}", document, money(sign * (used + more), currency), "10-01", **worth)
            differences = {"short_payment": money(sign * more, currency)} if more else {}
            allocated = money(sign * used, currency).split()[0]
            facts.match(f"m_{n}", {f"inv_{n}": None}, {f"ch_{n}": allocated}, differences=differences)
    for n in range(draw(st.integers(0, 2))):
        currency, amount = draw(st.sampled_from(currencies)), draw(st.integers(-(10**6), 10**6).filter(bool))
        facts.record(f"po_{n}", "payout", money(-amount, currency), draw(st.sampled_from(DAYS)))
        facts.record(f"fe_{n}", "fee", money(-draw(amounts), currency), draw(st.sampled_from(DAYS)))
        if draw(st.booleans()):
            cut = draw(st.sampled_from([0, amount]) | st.integers(-(10**6), 10**6))  # it arrives in one line or in two
            lines = {f"in_{n}_{k}": part for k, part in enumerate((cut, amount - cut)) if part}
            for line, part in lines.items():
                facts.record(line, "bank_entry", money(part, currency), draw(st.sampled_from(DAYS)))
            facts.match(f"a_{n}", {f"po_{n}": None}, dict.fromkeys(lines))
    for n in range(draw(st.integers(0, 2))):
        draw_receipt(draw, facts, n)
    return facts


def draw_receipt(draw: st.DrawFn, facts: Facts, n: int) -> None:
    """Draw a bank receipt in euro: several payments for several documents, with differences that explain the rest."""
    payments = draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=3))
    reasons = draw(st.lists(st.sampled_from(sorted(REASONS)), unique=True, max_size=2))
    taken = {reason: draw(st.integers(1, 300)) for reason in reasons}
    owed = sum(payments) + sum(taken.values())
    cuts = sorted([*draw(st.lists(st.integers(1, owed), max_size=2, unique=True)), 0, owed])
    documents = [high - low for low, high in itertools.pairwise(cuts) if high > low]
    if draw(st.booleans()):
        documents += [documents[0], -documents[0]]  # an invoice and its credit note
    for k, amount in enumerate(documents):
        facts.record(f"d_{n}_{k}", "invoice" if amount > 0 else "credit_note", "1.00 EUR", "10-01")
        facts.records[-1]["amount"] = facts.records[-1]["net"] = amount
    for k, amount in enumerate(payments):
        facts.record(f"b_{n}_{k}", "bank_entry", "1.00 EUR", draw(st.sampled_from(DAYS)))
        facts.records[-1]["amount"] = facts.records[-1]["net"] = amount
    differences = {
        reason: (f"{cents // 100}.{cents % 100:02} EUR", "0.01" if reason == "discount" else "0")
        for reason, cents in taken.items()
    }
    left = {f"d_{n}_{k}": None for k in range(len(documents))}
    right = {f"b_{n}_{k}": None for k in range(len(payments))}
    facts.match(f"r_{n}", left, right, differences=differences)


def as_books(journals: pa.Table, facts: Facts) -> Books:
    """Turn drafts into what the reference makes."""
    names = {row["record_id"]: row["external_id"] for row in facts.records}
    books: Books = {}
    for row in journals.to_pylist():
        part = "fee" if row["posting"].startswith("fee on") else "amount"
        key = (names[row["record_ids"][0]], row["match_id"], part)
        amounts = books.setdefault(key, {}).setdefault((row["name"], row["currency"]), [Fraction(0), Fraction(0)])
        amounts[0] += Fraction(row["debit"] - row["credit"], 10 ** row["exponent"])
        amounts[1] += Fraction(row["base_debit"] - row["base_credit"], 10 ** row["base_exponent"])
    return books


def digest(journals: pa.Table) -> str:
    rows = RowDigest(RESULTS["journals"])
    rows.update(journals)
    return rows.hexdigest()


@settings(max_examples=examples(20))
@given(companies())
def test_a_slow_reference_finds_the_same_lines(facts: Facts) -> None:
    journals, drafts = facts.draft()
    assert drafts.findings.to_pylist() == []
    assert as_books(journals, facts) == Reference(facts, rates_of_days()).journals()


@settings(max_examples=examples(8))
@given(companies())
def test_every_journal_balances_in_every_currency_and_in_the_books(facts: Facts) -> None:
    rows = facts.draft()[0].to_pylist()
    sums: dict[object, int] = defaultdict(int)
    lines: dict[object, int] = defaultdict(int)
    rounding: dict[object, int] = defaultdict(int)
    for row in rows:
        sums[row["journal_id"], row["currency"], row["exponent"]] += row["debit"] - row["credit"]
        sums[row["journal_id"]] += row["base_debit"] - row["base_credit"]
        # Every line stands on one side, and nothing is negative.
        assert min(row["debit"], row["credit"], row["base_debit"], row["base_credit"]) == 0
        assert [row["debit"], row["base_debit"]].count(0) >= [row["credit"], row["base_credit"]].count(0) - 2
        key = (row["journal_id"], row["currency"])
        named = row["name"] == "rounding" and not row["debit"] + row["credit"]
        rounding[key] += row["base_debit"] + row["base_credit"] if named else 0
        lines[key] += not named
    assert set(sums.values()) <= {0}
    assert all(2 * rounding[key] <= count for key, count in lines.items())


@settings(max_examples=examples(8))
@given(companies())
def test_clearing_moves_by_the_net_of_its_lines(facts: Facts) -> None:
    journals, _ = facts.draft()
    posted: dict[str, Fraction] = defaultdict(Fraction)
    for row in journals.to_pylist():
        if row["name"] == "platform_clearing":
            posted[row["currency"]] += Fraction(row["debit"] - row["credit"], 10 ** row["exponent"])
    reported: dict[str, Fraction] = defaultdict(Fraction)
    for row in facts.records:
        if row["kind"] in {"charge", "refund", "fee", "payout"}:
            reported[row["currency"]] += Fraction(row["net"], 10 ** row["exponent"])
    assert {k: v for k, v in posted.items() if v} == {k: v for k, v in reported.items() if v}


@settings(max_examples=examples(3))
@given(companies(), st.randoms(use_true_random=False), st.sampled_from([1, 2, 4]))
def test_order_and_threads_do_not_matter(facts: Facts, random: object, threads: int) -> None:
    first = digest(facts.draft()[0])
    for rows in (facts.records, facts.matches, facts.adjustments):
        random.shuffle(rows)  # type: ignore[attr-defined]  # Hypothesis' Random
    assert digest(facts.draft(facts.connection(threads))[0]) == first


@settings(max_examples=examples(6))
@given(companies())
def test_the_trial_balance_adds_up(facts: Facts) -> None:
    con = facts.connection()
    _, drafts = facts.draft(con)
    rows = trial_balance(con, drafts.relation).to_pylist()
    assert sum(row["base_balance"] for row in rows) == 0
    for currency in {*CURRENCIES} - {"EUR"}:  # what rates and rounding leave over stands in the books' currency only
        assert sum(row["balance"] for row in rows if row["currency"] == currency) == 0
    assert all(row["balance"] or not row["base_balance"] for row in rows if row["account"] in {"4840", "6880"})


@pytest.mark.slow
@settings(max_examples=examples(5))
@given(companies(currencies=("EUR",)))
def test_without_foreign_money_nothing_is_rounded(facts: Facts) -> None:
    for row in facts.draft()[0].to_pylist():
        assert (row["debit"], row["credit"]) == (row["base_debit"], row["base_credit"])
