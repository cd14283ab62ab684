"""Rates are exact and never guessed; periods are the ledger's."""

import datetime as dt
from pathlib import Path

import pytest

from tests.accounting.facts import TOML, Facts, day, rates_of
from tieout.accounting.daily_rates import DailyRate, rate_of
from tieout.accounting.periods import LedgerPeriod, period_of
from tieout.config import read_workspace

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
    note = (
        "expected a rate EUR/USD for 2026-10-12, the day of ch_1, or at most 10 days before, found none: 1 journal waits"
        " for it; add it to rates/*.csv"
    )
    assert drafted(first, "10-12") == ("[]", [f"master_data: {note}"])
    assert drafted(second, "10-11")[0] == "[]"


def test_a_rate_that_is_missing_is_one_finding_however_many_days_and_journals_wait_for_it() -> None:
    facts = Facts(rates=HEAD)
    for number in range(40):
        facts.record(f"ch_{number}", "charge", "100.00 USD", f"10-{number % 20 + 5:02}")
    facts.record("ch_jp", "charge", "100 JPY")
    _, drafts = facts.draft()
    assert [(row["reason"], row["external_id"], row["note"]) for row in drafts.findings.to_pylist()] == [
        (
            "master_data",
            "EUR/JPY",
            facts_note("JPY", "2026-10-05, the day of ch_jp, or at most 10 days before", "1 journal waits"),
        ),
        (
            "master_data",
            "EUR/USD",
            facts_note(
                "USD",
                "2026-10-05, the day of ch_0, or at most 10 days before (and for other days until 2026-10-24)",
                "40 journals wait",
            ),
        ),
    ]
    assert drafts.counts["refused"] == 41


def facts_note(currency: str, days: str, count: str) -> str:
    return f"expected a rate EUR/{currency} for {days}, found none: {count} for it; add it to rates/*.csv"


def test_a_rate_for_the_day_of_a_document_names_the_document() -> None:
    facts = Facts(rates=HEAD + "2026-10-05,EUR,USD,1.25\n")
    facts.record("INV-1", "invoice", "100.00 USD", "09-01")
    facts.record("ch_1", "charge", "100.00 USD")
    facts.match("m_1", {"INV-1": None}, {"ch_1": None})
    (found,) = facts.draft()[1].findings.to_pylist()
    assert "expected a rate EUR/USD for 2026-09-01, the day of INV-1, or at most" in found["note"]


def test_periods_that_an_erp_does_not_have_are_one_finding() -> None:
    facts = Facts(
        workspace=read_workspace(TOML.replace('system = "files"', 'system = "files"\nperiods = "erp"'), Path("/a"), {})
    )
    for number in range(3):
        facts.record(f"ch_{number}", "charge", "100.00 EUR", f"1{number % 2}-05")
    own = [LedgerPeriod("books", "2026/07", day("10-01"), day("10-31"))]
    (found,) = facts.draft(periods=own)[1].findings.to_pylist()
    assert found["note"] == (
        "expected a period of the ledger books for 2026-11-05, the day of ch_1, found none: 1 journal waits for it; read the"
        " periods of its ERP again"
    )
    (found,) = facts.draft()[1].findings.to_pylist()
    assert (
        "2026-10-05, the day of ch_0 (and for other days until 2026-11-05), found none: 3 journals wait"
        in found["note"]
    )


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
