"""A conversion leaves nothing on FX clearing: what it brought more or less than it took is the gain or loss."""

import datetime as dt
from typing import Any

import pytest

from tests.accounting.facts import Facts, identity

#: One euro is 1.08 dollars, 160 yen and 0.34 dinars.
RATES = "date,base,quote,rate\n2026-10-01,EUR,USD,1.08\n2026-10-01,EUR,JPY,160\n2026-10-01,EUR,KWD,0.34\n2026-10-06,EUR,USD,1.25\n"


def _booked(facts: Facts) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Give the balance of each name in the books' currency, and the lines."""
    journals, drafts = facts.draft()
    assert drafts.findings.to_pylist() == []
    rows = journals.to_pylist()
    balance: dict[str, int] = {}
    for row in rows:
        balance[row["name"]] = balance.get(row["name"], 0) + row["base_debit"] - row["base_credit"]
    return {name: amount for name, amount in balance.items() if amount}, rows


def _converted(*halves: tuple[str, str], **more: list[dict[str, Any]]) -> Facts:
    facts = Facts(rates=RATES)
    told = more.get("more", [{}] * len(halves))
    for n, ((amount, on), said) in enumerate(zip(halves, told, strict=True)):
        facts.record(f"co_{n}", "conversion", amount, on, **said)
    return facts


#: What was taken, what was given for it, and what that is in EUR, by name.
PENCILLED: list[tuple[str, str, dict[str, int]]] = [
    # 108.00 USD are worth 100.00 EUR: two less came, or three more.
    ("-108.00 USD", "98.00 EUR", {"platform_clearing": -200, "fx_loss": 200}),
    ("-108.00 USD", "103.00 EUR", {"platform_clearing": 300, "fx_gain": -300}),
    # The other way: 98.00 EUR were given for what is worth 100.00.
    ("-98.00 EUR", "108.00 USD", {"platform_clearing": 200, "fx_gain": -200}),
    ("-103.00 EUR", "108.00 USD", {"platform_clearing": -300, "fx_loss": 300}),
    # No decimals, and three: 16,000 JPY and 34.000 KWD are worth 100.00 EUR.
    ("-16000 JPY", "98.00 EUR", {"platform_clearing": -200, "fx_loss": 200}),
    ("-98.50 EUR", "16000 JPY", {"platform_clearing": 150, "fx_gain": -150}),
    ("-34.000 KWD", "99.99 EUR", {"platform_clearing": -1, "fx_loss": 1}),
    ("-99.00 EUR", "34.000 KWD", {"platform_clearing": 100, "fx_gain": -100}),
    # Neither is the books' currency.
    ("-108.00 USD", "15680 JPY", {"platform_clearing": -200, "fx_loss": 200}),
    ("-34.000 KWD", "109.08 USD", {"platform_clearing": 100, "fx_gain": -100}),
    ("-108.00 USD", "100.00 EUR", {}),
]


@pytest.mark.parametrize("order", [("10-05", "10-05"), ("10-04", "10-05"), ("10-05", "10-04")])
def test_nothing_stays_on_fx_clearing(order: tuple[str, str]) -> None:
    facts, of = Facts(rates=RATES), {}
    for n, halves in enumerate(PENCILLED):
        for amount, on in zip(halves[:2], order, strict=True):
            facts.record(f"{amount} of {n}", "conversion", amount, on, references=[f"fx_{n}"])
            of[identity(f"{amount} of {n}")] = n
    _, rows = _booked(facts)
    found: list[dict[str, int]] = [{} for _ in PENCILLED]
    for row in rows:
        mine = found[of[row["record_ids"][0]]]
        mine[row["name"]] = mine.get(row["name"], 0) + row["base_debit"] - row["base_credit"]
        if row["currency"] == row["base_currency"]:
            assert (row["debit"], row["credit"]) == (row["base_debit"], row["base_credit"])
    told = [{name: amount for name, amount in one.items() if amount} for one in found]
    assert told == [expected for *_, expected in PENCILLED]


def test_the_earlier_half_counts_at_the_rate_of_its_own_day() -> None:
    # 108.00 USD at 1.08 are 100.00 EUR; on 6 October, at 1.25, they would be 86.40.
    named = [{"references": ["fx_1"]}, {"references": ["fx_1"]}]
    balance, _ = _booked(_converted(("-108.00 USD", "10-05"), ("95.00 EUR", "10-06"), more=named))
    assert balance == {"platform_clearing": -500, "fx_loss": 500}
    balance, _ = _booked(_converted(("-95.00 EUR", "10-05"), ("108.00 USD", "10-06"), more=named))
    assert balance == {"platform_clearing": -860, "fx_loss": 860}


def test_the_only_two_of_a_day_are_one_conversion_and_of_a_moment_too() -> None:
    assert "fx_clearing" not in _booked(_converted(("-108.00 USD", "10-05"), ("98.00 EUR", "10-05")))[0]
    at = [{"occurred_at": dt.datetime(2026, 10, 5, hour, tzinfo=dt.UTC)} for hour in (9, 10, 9, 10)]
    four = (("-108.00 USD", "10-05"), ("-108.00 USD", "10-05"), ("98.00 EUR", "10-05"), ("99.00 EUR", "10-05"))
    balance, rows = _booked(_converted(*four, more=at))
    assert balance == {"platform_clearing": -300, "fx_loss": 300}
    assert sorted(row["base_debit"] for row in rows if row["name"] == "fx_loss") == [100, 200]


@pytest.mark.parametrize(
    "halves",
    [
        # Two conversions of a day that nothing tells apart; halves of two days; one half; worths too far apart.
        [("-108.00 USD", "10-05"), ("-108.00 USD", "10-05"), ("98.00 EUR", "10-05"), ("99.00 EUR", "10-05")],
        [("-108.00 USD", "10-04"), ("98.00 EUR", "10-05")],
        [("-108.00 USD", "10-05")],
        [("-108.00 USD", "10-05"), ("80.00 EUR", "10-05")],
        [("108.00 USD", "10-05"), ("98.00 EUR", "10-05")],
    ],
)
def test_what_nothing_proves_to_be_one_conversion_stays_at_the_rates_of_its_days(halves: list[tuple[str, str]]) -> None:
    balance, _ = _booked(_converted(*halves))
    assert balance.keys() == {"platform_clearing", "fx_clearing"}
    assert sum(balance.values()) == 0


def test_a_half_without_a_rate_refuses_both_by_name() -> None:
    facts = _converted(("-100.00 CHF", "10-05"), ("98.00 EUR", "10-05"), more=[{"references": ["x1"]}] * 2)
    journals, drafts = facts.draft()
    assert journals.num_rows == 0
    assert {row["reason"] for row in drafts.findings.to_pylist()} == {"master_data"}
