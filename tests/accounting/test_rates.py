"""Rates are exact and never guessed; periods are the ledger's."""

import datetime as dt

import pytest

from tests.accounting.facts import Facts, day
from tieout.accounting.periods import LedgerPeriod, period_of
from tieout.accounting.rates import read_rates
from tieout.errors import WrongUse

HEAD = "date,base,quote,rate\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("day,base,quote,rate\n", "line 1: expected the columns date,base,quote,rate, got 'day,base,quote,rate'"),
        ("", "line 1: expected the columns"),
        (HEAD + "2026-10-01,EUR,USD\n", "line 2: expected 4 values, got 3"),
        (HEAD + "01.10.2026,EUR,USD,1\n", "line 2: expected a date such as 2026-10-31, got '01.10.2026'"),
        (HEAD + "2026-10-01,EUR,XXQ,1\n", "line 2: expected an ISO 4217 currency such as EUR, got 'XXQ'"),
        (HEAD + "\n2026-10-01,EUR,EUR,1\n", "line 3: expected two different currencies, got EUR twice"),
        (HEAD + "2026-10-01,EUR,USD,1e3\n", "line 2: expected a decimal such as 1234.56"),
        (HEAD + "2026-10-01,EUR,USD,0.00\n", "line 2: expected a positive rate of at most 12 digits"),
        (HEAD + "2026-10-01,EUR,USD,-1\n", "line 2: expected a positive rate"),
        (HEAD + "2026-10-01,EUR,USD,1234567890.123\n", "line 2: expected a positive rate of at most 12 digits"),
        (
            HEAD + "2026-10-01,EUR,USD,1.1\n2026-10-01,EUR,USD,1.2\n",
            "line 3: expected one rate EUR to USD on 2026-10-01",
        ),
    ],
)
def test_a_line_that_is_no_rate_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(WrongUse) as caught:
        read_rates({"rates/ecb.csv": text})
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("rates/ecb.csv ")


def test_the_same_rate_twice_is_one() -> None:
    assert read_rates({"a": HEAD + "2026-10-01,EUR,USD,1.10\n", "b": HEAD + "2026-10-01,EUR,USD,1.1\n"}).num_rows == 1


def drafted(rates: str, on: str, days_max: int = 7) -> tuple[str, list[str]]:
    facts = Facts(rates=HEAD + rates)
    facts.record("ch_1", "charge", "100.00 USD", on)
    journals, drafts = facts.draft(rate_days_max=days_max)
    return str([(row["base_debit"], row["rate"], str(row["rate_on"])) for row in journals.to_pylist()[:1]]), [
        f"{row['reason']}: {row['note']}" for row in drafts.findings.to_pylist()
    ]


def test_the_last_rate_before_counts_if_it_is_not_too_old() -> None:
    text = "2026-10-01,EUR,USD,1.2500\n2026-10-09,EUR,USD,1.3\n"
    assert drafted(text, "10-08") == ("[(8000, '1/1.2500', '2026-10-01')]", [])
    assert drafted(text.splitlines()[0], "10-09") == (
        "[]",
        [
            (
                "master_data: expected a rate USD to EUR of 2026-10-09 or at most 7 days before, found none:"
                " add it to rates/*.csv"
            )
        ],
    )
    assert drafted(text.splitlines()[0], "10-09", days_max=8)[1] == []
    assert drafted("2026-10-09,EUR,USD,1.3\n", "10-08")[0] == "[]"


def test_the_newer_of_both_directions_counts_and_on_one_day_the_direct_one() -> None:
    both = "2026-10-01,EUR,USD,1.2500\n2026-10-01,USD,EUR,0.9\n"
    assert drafted(both, "10-01")[0] == "[(9000, '0.9', '2026-10-01')]"
    assert drafted(both + "2026-10-02,EUR,USD,1.2500\n", "10-02")[0] == "[(8000, '1/1.2500', '2026-10-02')]"


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
