"""Law 4: statements close and chain, or somebody is told."""

import itertools
from typing import Any

import pytest

from tests.intake.conftest import Desk, charge
from tieout.intake.chains import AccountStatement, chain_findings


def chained(number: int | None, opening: int, closing: int, day: int, **more: Any) -> AccountStatement:
    values: dict[str, Any] = {
        "account_id": "DE1",
        "source_id": "bank",
        "delivery_id": f"d{number}",
        "currency": "EUR",
        "statement_id": None,
        "number": None if number is None else str(number),
        "from_day": day - 1,
        "to_day": day,
        "opening": opening,
        "closing": closing,
        "exponent": 2,
    }
    return AccountStatement(**values | more)


def test_a_chain_without_gaps_needs_nobody() -> None:
    assert chain_findings([chained(1, 0, 500, 10), chained(2, 500, 300, 11), chained(3, 300, 300, 12)]) == []


def test_a_missing_statement_is_found_once_with_both_balances() -> None:
    [finding] = chain_findings([chained(1, 0, 500, 10), chained(3, 300, 200, 12)])
    assert (finding.reason, finding.amount) == ("incomplete", -200)
    assert "5.00 EUR" in finding.note
    assert "got 3.00 EUR" in finding.note


def test_a_number_left_out_is_found_although_the_balances_agree() -> None:
    [finding] = chain_findings([chained(1, 0, 500, 10), chained(4, 500, 200, 12)])
    assert "2 to 3 missing" in finding.note


def test_numbers_start_again_in_a_new_year() -> None:
    assert chain_findings([chained(250, 0, 500, 20_453), chained(1, 500, 200, 20_455)]) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_several_statements_of_one_day_are_put_in_the_order_that_chains(order: tuple[int, ...]) -> None:
    day = [chained(None, 500, 900, 10), chained(None, 900, 100, 10), chained(1, 0, 500, 9)]
    assert chain_findings([day[i] for i in order]) == []


def test_the_same_statement_from_two_files_is_one() -> None:
    assert (
        chain_findings([chained(1, 0, 500, 10), chained(1, 0, 500, 10, delivery_id="x"), chained(2, 500, 1, 11)]) == []
    )


def test_balances_with_other_decimals_are_the_same_money() -> None:
    assert chain_findings([chained(1, 0, 500, 10), chained(2, 5000, 1, 11, exponent=3)]) == []


def statement(number: str, opening: str, closing: str, day: str) -> dict[str, Any]:
    return {"statement": {"number": number, "opening": opening, "closing": closing, "from_on": day, "to_on": day}}


def test_the_gap_closes_when_the_missing_statement_arrives(desk: Desk) -> None:
    desk.deliver(statement("1", "0.00", "5.00", "2026-10-01"), source="bank")
    outcome = desk.deliver(statement("3", "3.00", "2.00", "2026-10-03"), source="bank")
    assert outcome.findings == 1
    assert [reason for reason, _ in desk.findings()] == ["incomplete"]
    desk.deliver(statement("2", "5.00", "3.00", "2026-10-02"), source="bank")
    assert desk.findings() == []


def test_opening_and_closing_are_facts_of_their_own(desk: Desk) -> None:
    desk.deliver(statement("1", "0.00", "5.00", "2026-10-01"), charge("a"), source="bank")
    assert desk.query("select kind, amount, account_id from {balances} order by kind") == [
        {"kind": "closing", "amount": 500, "account_id": "DE1"},
        {"kind": "opening", "amount": 0, "account_id": "DE1"},
    ]


def test_days_that_came_as_a_whole_month_too_are_no_gap() -> None:
    month = chained(None, 0, 700, 30, from_day=0)
    days = [chained(None, 500, 300, 11), chained(None, 300, 700, 30, from_day=20)]
    assert chain_findings([month, *days, chained(None, 700, 800, 31, from_day=30)]) == []


def test_a_second_statement_of_the_last_day_of_a_longer_one_is_not_within_it() -> None:
    longer, second = chained(2, 0, 500, 11, from_day=9), chained(3, 500, 300, 11, from_day=11)
    assert chain_findings([longer, second, chained(4, 300, 200, 12)]) == []


def test_one_series_of_numbers_for_all_currencies_of_an_account_has_no_gaps() -> None:
    euros, dollars = [chained(1, 0, 500, 10), chained(3, 500, 200, 12)], [chained(2, 0, 1, 11, currency="USD")]
    assert chain_findings(euros, dollars) == []
    assert len(chain_findings(euros, [*dollars, chained(1, 0, 0, 10, currency="USD")])) == 1
    assert len(chain_findings(euros, [chained(2, 0, 1, 11 + 366, currency="USD")])) == 1
