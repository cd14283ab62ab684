"""Several in one, in two currencies: they agree by the rate within the tolerance, and within one currency to the cent."""

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import World, invoice, line, rule, rules_text, world

KEYS = '[{ left = "external_id", right = "text", how = "token" }]'
AMOUNT = '{ abs = "5", base = true }'


def with_rates(w: World) -> World:
    (w.folder / "rates").mkdir()
    (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n2026-09-28,EUR,USD,1.1\n")
    return w


@pytest.mark.parametrize(
    ("currency", "paid", "difference"),
    [
        pytest.param("EUR", 22000, 0, marks=pytest.mark.deep),  # to the cent
        ("EUR", 21900, None),  # the tolerance is for the rate
        pytest.param("USD", 24200, 0, marks=pytest.mark.deep),
        ("USD", 24090, 100),  # 1.00 EUR less
        pytest.param("USD", 24200 - 551, None, marks=pytest.mark.deep),  # 5.01 EUR less
        pytest.param("GBP", 22000, None, marks=pytest.mark.deep),  # nobody knows the rate
    ],
)
def test_several_invoices_in_one_line_of_another_currency(currency: str, paid: int, difference: int | None) -> None:
    rules = rules_text(rule(keys=KEYS, shape='"n:1"', amount=AMOUNT, difference='{ currency = "fx" }'))
    with world(rules) as w:
        with_rates(w).add(
            invoice("INV-1001", 11000),
            invoice("INV-1002", 11000),
            line("b", paid, currency=currency, text="INV-1001 INV-1002"),
        )
        together = {frozenset({"INV-1001", "INV-1002", "b"})}
        assert w.matched() == (set() if difference is None else together)
        assert {m.difference // 10**7 for m in w.matches()} == (set() if difference is None else {difference})
        assert {(a["reason"], a["currency"]) for a in w.rows("adjustments")} == (
            {("fx", "EUR")} if difference else set()
        )
        assert broken(w) == []


@pytest.mark.parametrize(
    ("only", "paid", "found"),
    [
        pytest.param("short", 110, True, marks=pytest.mark.deep),
        ("short", 112, False),
        pytest.param("over", 112, True, marks=pytest.mark.deep),
    ],
)
def test_one_invoice_in_several_lines_that_may_only_have_less_or_more(only: str, paid: int, found: bool) -> None:
    amount = f'{{ pct = "1", base = true, only = "{only}" }}'
    rules = rules_text(rule(keys=KEYS, shape='"1:n"', amount=amount))
    with world(rules) as w:
        text = {"currency": "USD", "text": "INV-1001"}
        with_rates(w).add(invoice("INV-1001", 20100), line("b1", 11000, **text), line("b2", paid * 101, **text))
        together = {frozenset({"INV-1001", "b1", "b2"})}
        assert w.matched() == (together if found else set())
