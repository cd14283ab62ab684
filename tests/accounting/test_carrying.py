"""What stands in the books of money in other currencies: EUR is EUR, and what is settled leaves nothing behind."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounting.facts import Facts, day, identity
from tests.accounting.test_properties import DAYS, rates_text
from tests.depth import examples
from tieout.model.money import exponent_of, format_minor

FOREIGN = ("USD", "JPY", "KWD")


def money(minor: int, currency: str) -> str:
    return f"{format_minor(minor, exponent_of(currency))} {currency}"


def rows_of(facts: Facts) -> list[dict[str, Any]]:
    journals, drafts = facts.draft()
    assert drafts.findings.to_pylist() == []
    return [dict(row) for row in journals.to_pylist()]


@st.composite
def crossings(draw: st.DrawFn) -> Facts:
    """Draw documents and payouts in one currency, and what came for them in another."""
    facts = Facts(rates=rates_text())
    amounts = st.integers(1, 10**6)
    for n in range(draw(st.integers(1, 4))):
        ours, theirs = draw(st.permutations(["EUR", *FOREIGN]))[:2]
        if draw(st.booleans()):
            theirs = "EUR"
        if ours == theirs:
            ours = "USD"
        kind = draw(st.sampled_from(["invoice", "credit_note", "bill", "payout"]))
        sign = 1 if kind == "invoice" else -1
        money_sign = 1 if kind == "payout" else sign
        by = "charge" if kind == "invoice" and draw(st.booleans()) else "bank_entry"
        facts.record(f"d_{n}", kind, money(sign * draw(amounts), ours), "10-01")
        facts.record(f"p_{n}", by, money(money_sign * draw(amounts), theirs), draw(st.sampled_from(DAYS)))
        facts.match(f"m_{n}", {f"d_{n}": None}, {f"p_{n}": None}, differences={"fx": "0.01 EUR"})
    return facts


@settings(max_examples=examples(12))
@given(crossings())
def test_an_amount_in_the_currency_of_the_books_is_what_it_is_worth_there(facts: Facts) -> None:
    sums: dict[object, int] = defaultdict(int)
    for row in facts.draft()[0].to_pylist():
        if row["currency"] == row["base_currency"]:
            assert (row["debit"], row["credit"]) == (row["base_debit"], row["base_credit"])
        sums[row["journal_id"], row["currency"]] += row["debit"] - row["credit"]
        sums[row["journal_id"]] += row["base_debit"] - row["base_credit"]
    assert set(sums.values()) <= {0}


SETTLED = ("receivable", "payable", "cash_in_transit", "customer_deposits", "supplier_deposits")
#: Rates that move much, on every fifth day.
MOVING = "date,base,quote,rate\n" + "".join(
    f"2026-10-{day:02},{pair},{rate}\n"
    for pair, rates in {
        "EUR,USD": ("1.0", "1.25", "1.6", "1.1", "0.9", "1.3"),
        "JPY,EUR": ("0.0061", "0.0067", "0.0052", "0.0071", "0.0064", "0.0058"),
        "EUR,KWD": ("0.3331", "0.3127", "0.3459", "0.3333", "0.2999", "0.3601"),
    }.items()
    for day, rate in zip(range(1, 31, 5), rates, strict=True)
)


def left_behind(facts: Facts, names: tuple[str, ...] = SETTLED) -> dict[object, list[int]]:
    """Sum what stands on accounts: what documents were booked at before, and what the journals add."""
    sums: dict[object, list[int]] = defaultdict(lambda: [0, 0])
    for row in facts.records:
        if row["kind"] in {"invoice", "credit_note", "bill"}:
            stands = sums["payable" if row["kind"] == "bill" else "receivable", row["currency"]]
            stands[0] += row["amount"]
            stands[1] += row["base_amount"]
    for row in rows_of(facts):
        if row["name"] in names:
            stands = sums[row["name"], row["currency"]]
            stands[0] += row["debit"] - row["credit"]
            stands[1] += row["base_debit"] - row["base_credit"]
    return {key: stands for key, stands in sums.items() if any(stands)}


@st.composite
def settled(draw: st.DrawFn) -> Facts:
    """Draw documents and payouts, each settled to the last minor unit: by several payments, in several matches."""
    facts = Facts(rates=MOVING)
    for n in range(draw(st.integers(1, 3))):
        currency = draw(st.sampled_from(FOREIGN))
        kind = draw(st.sampled_from(["invoice", "credit_note", "bill", "payout", "payouts", "lines"]))
        sign = 1 if kind in {"invoice", "payout", "payouts", "lines"} else -1
        amount = draw(st.integers(10, 10**6))
        cuts = sorted(draw(st.lists(st.integers(1, amount - 1), max_size=3, unique=True)))
        sizes = [high - low for low, high in zip([0, *cuts], [*cuts, amount], strict=True)]
        payments = [f"p_{n}_{k}" for k in range(len(sizes))]
        theirs = draw(st.sampled_from([currency, currency, "EUR", "USD"]))
        on = st.sampled_from(DAYS[4:])
        for payment, size in zip(payments, sizes, strict=True):
            facts.record(payment, "bank_entry", money(sign * size, theirs), draw(on))
        if kind == "lines":
            facts.record(f"l_{n}_0", "fee", money(amount + 7, currency), settlement_id=f"s_{n}")
            facts.record(f"l_{n}_1", "fee", money(-7, currency), settlement_id=f"s_{n}")
            facts.record(
                f"d_{n}", "payout", money(-amount, currency), draw(st.sampled_from(DAYS)), settlement_id=f"s_{n}"
            )
            left: dict[str, str | None] = {f"l_{n}_0": None, f"l_{n}_1": None}
        elif kind in {"payout", "payouts"}:
            first = draw(st.integers(1, amount - 1)) if kind == "payouts" else amount
            left = {}
            for k, size in enumerate([first, amount - first]):
                if size:
                    left[
                        facts.record(f"d_{n}_{k}", "payout", money(-size, currency), draw(st.sampled_from(DAYS[:5])))
                    ] = None
        else:
            worth = {"base_amount": sign * draw(st.integers(1, 10**6)), "base_currency": "EUR", "base_exponent": 2}
            left = {facts.record(f"d_{n}", kind, money(sign * amount, currency), "10-01", **worth): None}
        if theirs == currency and len(left) == 1 and kind != "lines" and draw(st.booleans()):
            for k, (payment, size) in enumerate(zip(payments, sizes, strict=True)):  # each in a match of its own
                part = size if kind == "invoice" else -size
                facts.match(f"m_{n}_{k}", {next(iter(left)): money(part, currency).split()[0]}, {payment: None})
        else:
            fx = {} if theirs == currency else {"fx": "0.01 EUR"}
            facts.match(f"m_{n}", left, dict.fromkeys(payments), differences=fx)
    return facts


@settings(max_examples=examples(15))
@given(settled())
def test_what_is_settled_leaves_nothing_behind(facts: Facts) -> None:
    assert left_behind(facts) == {}


def test_the_difference_is_realised_once() -> None:
    facts = Facts(rates=MOVING)
    facts.record("po_1", "payout", "-100.00 USD", "10-02")
    facts.record("b_1", "bank_entry", "98.00 EUR", "10-06")
    facts.match("m_1", {"po_1": None}, {"b_1": None}, differences={"fx": "2.00 EUR"})
    facts.record("inv_2", "invoice", "1000.00 USD", "10-01", base_amount=100_000, base_currency="EUR", base_exponent=2)
    facts.record("b_2", "bank_entry", "500.00 USD", "10-06")
    facts.record("b_3", "bank_entry", "500.00 USD", "10-11")
    facts.match("m_2", {"inv_2": None}, {"b_2": None, "b_3": None})
    assert left_behind(facts) == {}
    rows = rows_of(facts)
    assert {row["description"]: row["base_debit"] for row in rows if row["name"] == "fx_loss"} == {
        "bank entry b_1": 200,
        "bank entry b_3": 28_750,
    }


def aside(kind: str, amounts: list[tuple[int, str]], **more: list[str]) -> Facts:
    facts = Facts(rates=MOVING)
    away, back = (kind, f"{kind}_reversal") if kind == "dispute" else (f"{kind}_hold", f"{kind}_release")
    for n, (amount, on) in enumerate(amounts):
        said = {"references": more["references"][n : n + 1]} if more else {}
        facts.record(f"a_{n}", away if amount < 0 else back, money(amount, "USD"), on, **said)
    return facts


ASIDE = ("disputed_receivable", "reserve")


@pytest.mark.parametrize("kind", ["dispute", "reserve"])
def test_what_comes_back_leaves_at_what_it_was_put_there_for(kind: str) -> None:
    back = aside(kind, [(-10_000, "10-01"), (-6_000, "10-06"), (10_000, "10-11"), (2_000, "10-16"), (4_000, "10-26")])
    assert left_behind(back, ASIDE) == {}
    rows = [row for row in rows_of(back) if row["name"] in {"fx_gain", "fx_loss"}]
    # 100.00 at 1.0 comes back at 1.6; 20.00 and 40.00 of 60.00 at 1.25 come back at 1.1 and at 1.3.
    assert [row["base_debit"] - row["base_credit"] for row in rows] == [3_750, -218, 123]


def test_a_dispute_comes_back_as_the_one_that_it_names() -> None:
    names = ["ch_1", "ch_2", "a_1", "a_0"]
    facts = aside(
        "dispute", [(-1_000, "10-01"), (-1_000, "10-06"), (1_000, "10-07"), (1_000, "10-08")], references=names
    )
    assert left_behind(facts, ASIDE) == {}
    losses = [row["base_debit"] for row in rows_of(facts) if row["name"] == "fx_loss"]
    assert losses == [200]  # the second came back at its own rate, the first at another


def test_a_lost_dispute_leaves_nothing_behind() -> None:
    facts = aside("dispute", [(-1_000, "10-01"), (1_000, "10-16")])
    for name, on in (("a_0", "10-11"), ("a_1", "10-16")):
        facts.outcomes.append({"record_id": identity(name), "outcome": "lost", "decided_on": day(on)})
    assert left_behind(facts, ASIDE) == {}


def test_what_stood_aside_before_the_first_fact_leaves_at_the_rate_of_its_day() -> None:
    facts = aside("reserve", [(1_000, "10-01"), (-1_000, "10-06")])
    assert {row["name"] for row in rows_of(facts)} == {"reserve", "platform_clearing"}


def deposit(*refunds: tuple[int, str, dict[str, Any]]) -> Facts:
    """Two charges of 100.00 USD that no document is known for, at rates that differ, and what was given back."""
    facts = Facts(rates=MOVING)
    facts.record("ch_1", "charge", "100.00 USD", "10-01", payment_id="pay_1")
    facts.record("ch_2", "charge", "100.00 USD", "10-06", payment_id="pay_2")
    for n, (amount, on, said) in enumerate(refunds):
        kind = "refund" if amount < 0 else "refund_reversal"
        facts.record(f"re_{n}", kind, money(amount, "USD"), on, **said)
    return facts


PAID_BY = ({"payment_id": "pay_2"}, {"parent_external_id": "ch_2"}, {"references": ["ch_2"]})


@pytest.mark.parametrize("said", PAID_BY)
def test_a_refund_of_a_deposit_leaves_at_what_its_charge_was_put_there_for(said: dict[str, Any]) -> None:
    facts = deposit((-4_000, "10-11", said), (-6_000, "10-16", said))
    # What is left is the first charge: 100.00 USD at 1.0, and not a sum of rates.
    assert left_behind(facts, ("customer_deposits",)) == {("customer_deposits", "USD"): [-10_000, -10_000]}


def test_a_refund_that_came_back_and_was_made_again_leaves_nothing_behind() -> None:
    one, other = {"payment_id": "pay_1"}, {"payment_id": "pay_2"}
    facts = deposit((-10_000, "10-06", one), (10_000, "10-11", one), (-10_000, "10-16", one), (-10_000, "10-21", other))
    assert left_behind(facts, ("customer_deposits",)) == {}


def test_a_refund_of_a_charge_that_nobody_knows_leaves_at_the_rate_of_its_day() -> None:
    facts = deposit((-10_000, "10-11", {"payment_id": "pay_9"}))
    # At 1.6: no other customer's money goes for it.
    assert left_behind(facts, ("customer_deposits",)) == {
        ("customer_deposits", "USD"): [-10_000, -10_000 - 8_000 + 6_250]
    }


def test_a_refund_that_a_posting_books_as_sales_is_worth_what_its_day_says() -> None:
    facts = deposit((-10_000, "10-11", PAID_BY[0]))
    facts.texts["postings/acme.toml"] += """
[[posting]]
name = "sold"
leg = "receipt"
when = { kind = ["charge", "refund"], matched = "nothing" }
lines = [{ debit = "platform_clearing", amount = "amount" }, { credit = "sales", amount = "amount" }]
"""
    assert {row["name"] for row in rows_of(facts)} == {"platform_clearing", "sales"}
