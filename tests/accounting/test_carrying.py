"""What stands in the books of money in other currencies: EUR is EUR, and what is settled leaves nothing behind."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounting.facts import Facts
from tests.accounting.test_properties import DAYS, rates_text
from tests.depth import examples
from tieout.model.money import exponent_of, format_minor

FOREIGN = ("USD", "JPY", "KWD")


def money(minor: int, currency: str) -> str:
    return f"{format_minor(minor, exponent_of(currency))} {currency}"


def rows_of(facts: Facts) -> list[dict[str, object]]:
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
