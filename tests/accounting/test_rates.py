"""Rates are exact and never guessed; periods are the ledger's."""

import datetime as dt

import pytest

from tests.accounting.facts import Facts, day, rates_of
from tieout.accounting.daily_rates import DailyRate, rate_of
from tieout.accounting.periods import LedgerPeriod, period_of

HEAD = "date,base,quote,rate\n"


def drafted(rates: str, on: str) -> tuple[str, list[str]]:
    facts = Facts(rates=HEAD + rates)
    facts.record("ch_1", "charge", "100.00 USD", on)
    journals, drafts = facts.draft()
    return str([(row["base_debit"], row["rate"], str(row["rate_on"])) for row in journals.to_pylist()[:1]]), [
        f"{row['reason']}: {row['note']}" for row in drafts.findings.to_pylist()
    ]


def test_the_last_rate_before_counts_if_it_is_not_too_old() -> None:
    first, second = "2026-10-01,EUR,USD,1.2500\n", "2026-10-12,EUR,USD,1.3\n"
    assert drafted(first + second, "10-11") == ("[(8000, '1/1.2500', '2026-10-01')]", [])
    note = "expected a rate USD to EUR of 2026-10-12 or at most 10 days before, found none: add it to rates/*.csv"
    assert drafted(first, "10-12") == ("[]", [f"master_data: {note}"])
    assert drafted(second, "10-11")[0] == "[]"


def test_a_pair_counts_either_way_round_as_it_stands_first() -> None:
    both = "2026-10-01,EUR,USD,1.2500\n2026-10-01,USD,EUR,0.9\n"
    assert drafted(both, "10-01")[0] == "[(9000, '0.9', '2026-10-01')]"
    assert drafted("2026-10-02,EUR,USD,1.2500\n", "10-02")[0] == "[(8000, '1/1.2500', '2026-10-02')]"


def test_a_pair_that_nobody_states_is_crossed_over_the_currency_of_the_workspace_on_one_day() -> None:
    both = "2026-10-01,EUR,USD,1.2500\n2026-10-01,EUR,GBP,0.8\n"
    crossed = rate_of(rates_of(HEAD + both), "USD", "GBP", day("10-02"), "EUR")
    assert crossed == DailyRate(day("10-01"), (16, 25), "1/1.2500 * 0.8")
    assert rate_of(rates_of(HEAD + both), "USD", "GBP", day("10-02"), "USD") is None
    assert rate_of(rates_of(HEAD + both), "USD", "JPY", day("10-02"), "EUR") is None
    later = both + "2026-10-02,EUR,GBP,0.9\n"
    assert rate_of(rates_of(HEAD + later), "USD", "GBP", day("10-02"), "EUR") is None


def test_a_half_is_rounded_away_from_zero_for_either_sign() -> None:
    facts = Facts(rates=HEAD + "2026-10-01,USD,EUR,0.5\n")
    facts.record("ch_1", "charge", "0.01 USD", "10-01")
    facts.record("re_1", "refund", "-0.01 USD", "10-01")
    assert {row["base_debit"] + row["base_credit"] for row in facts.draft()[0].to_pylist()} == {1}


def test_an_amount_that_does_not_fit_the_books_is_a_finding() -> None:
    facts = Facts(rates=HEAD + "2026-10-01,USD,EUR,99999999999\n")
    facts.record("ch_1", "charge", "90000000000000000.00 USD", "10-01")
    journals, drafts = facts.draft()
    assert journals.num_rows == 0
    assert "expected an amount that fits 64 bits" in drafts.findings.to_pylist()[0]["note"]


@pytest.mark.parametrize(
    ("kind", "on", "period"),
    [
        ("monthly", "2026-10-31", "2026-10"),
        ("4-4-5", "2026-01-25", "2026-P01"),  # the last day of the fourth ISO week
        ("4-4-5", "2026-01-26", "2026-P02"),
        ("4-4-5", "2026-02-23", "2026-P03"),
        ("4-4-5", "2026-03-30", "2026-P04"),
        ("4-5-4", "2026-02-23", "2026-P02"),
        ("4-5-4", "2026-03-02", "2026-P03"),
        ("5-4-4", "2026-01-26", "2026-P01"),
        ("4-4-5", "2027-01-03", "2026-P12"),  # the 53rd week of 2026
        ("4-4-5", "2025-12-29", "2026-P01"),
    ],
)
def test_a_day_lies_in_its_period(kind: str, on: str, period: str) -> None:
    assert period_of(kind, dt.date.fromisoformat(on)) == period


def test_every_day_lies_in_one_of_twelve_periods() -> None:
    for kind in ("4-4-5", "4-5-4", "5-4-4"):
        names = [period_of(kind, dt.date(2020, 12, 28) + dt.timedelta(n)) or "" for n in range(3650)]
        assert names == sorted(names)
        assert {name[-2:] for name in names} == {f"{n:02}" for n in range(1, 13)}


def test_the_periods_of_an_erp_are_its_own() -> None:
    own = [LedgerPeriod("books", "2026/07", day("10-01"), day("10-31"))]
    assert period_of("erp", day("10-31"), own) == "2026/07"
    assert period_of("erp", day("11-01"), own) is None
