"""Which disputes are lost, on which day, and what becomes of one that is won after all: exactly once in the books."""

import datetime as dt
from typing import Any

import pytest

from tests.accounting.facts import Facts
from tests.accounting.test_properties import rates_text
from tieout.accounting.outcomes import make_outcomes

LOSS = "dispute_losses"


def lines(facts: Facts) -> dict[str, list[tuple[str, int]]]:
    """Draft with the outcomes that the records say: day of each journal about a loss, and the balances of two accounts."""
    con = facts.connection()
    make_outcomes(con)
    journals, _ = facts.draft(con)
    found: dict[str, list[tuple[str, int]]] = {LOSS: [], "disputed_receivable": [], "customer_deposits": []}
    for row in journals.to_pylist():
        if row["name"] in found:
            found[row["name"]].append((f"{row['posting_date']:%m-%d}", row["debit"] - row["credit"]))
    return found


def balance(told: list[tuple[str, int]]) -> int:
    return sum(amount for _, amount in told)


def dispute(facts: Facts, name: str, kind: str, on: str, amount: str = "-40.00 EUR", **more: Any) -> None:
    said = {"system": "stripe", "external_id": "dp_1", "payment_id": "pi_1"} | more
    facts.record(name, kind, amount, on, **said)


def test_a_dispute_that_the_platform_calls_lost_is_a_loss_on_that_day_and_once() -> None:
    facts = Facts()
    dispute(facts, "txn_1", "dispute", "10-05")
    assert (lines(facts)[LOSS], balance(lines(facts)["disputed_receivable"])) == ([], 4000)
    dispute(facts, "said", "dispute_lost", "10-25")
    dispute(facts, "said again", "dispute_lost", "10-27", parent_external_id="dp_1", external_id="x")
    assert lines(facts)[LOSS] == [("10-25", 4000)]
    assert balance(lines(facts)["disputed_receivable"]) == 0


def test_another_dispute_of_the_same_payment_is_told_by_its_payment() -> None:
    facts = Facts()
    dispute(facts, "a", "dispute", "10-05", external_id=None)
    dispute(facts, "of another", "dispute", "10-05", external_id=None, payment_id="pi_2")
    dispute(facts, "said", "dispute_lost", "10-25", external_id=None)
    assert lines(facts)[LOSS] == [("10-25", 4000)]


def test_of_two_disputes_of_a_payment_only_the_one_that_is_named_is_lost() -> None:
    facts = Facts()
    dispute(facts, "a", "dispute", "10-05")
    dispute(facts, "b", "dispute", "10-06", "-15.00 EUR", external_id="dp_2")
    dispute(facts, "said", "dispute_lost", "10-25", external_id="dp_2")
    assert lines(facts)[LOSS] == [("10-25", 1500)]


def test_what_comes_back_after_a_loss_takes_the_loss_back() -> None:
    facts = Facts()
    dispute(facts, "txn_1", "dispute", "10-05")
    dispute(facts, "said", "dispute_lost", "10-25")
    dispute(facts, "txn_2", "dispute_reversal", "11-03", "40.00 EUR")
    assert lines(facts)[LOSS] == [("10-25", 4000), ("11-03", -4000)]
    assert balance(lines(facts)["disputed_receivable"]) == 0


def test_what_came_back_before_is_not_lost() -> None:
    facts = Facts()
    dispute(facts, "txn_1", "dispute", "10-05")
    dispute(facts, "txn_2", "dispute_reversal", "10-20", "40.00 EUR")
    dispute(facts, "said", "dispute_lost", "10-25")
    assert lines(facts)[LOSS] == []
    assert balance(lines(facts)["disputed_receivable"]) == 0


@pytest.mark.parametrize("day", ["10-20", "10-29"])
def test_a_second_chargeback_is_lost_as_it_is_booked(day: str) -> None:
    facts, said = Facts(), {"system": "adyen", "payment_id": "psp_1"}
    noon = dt.datetime(2026, 10, int(day[3:]), 12, tzinfo=dt.UTC)
    facts.record("m_1", "dispute", "-40.00 EUR", "10-05", details='{"Type":"Chargeback"}', **said)
    facts.record("m_2", "dispute_reversal", "40.00 EUR", "10-20", **said, occurred_at=noon.replace(day=20, hour=1))
    facts.record("m_3", "dispute", "-40.00 EUR", day, details='{"Type":"SecondChargeback"}', **said, occurred_at=noon)
    assert lines(facts)[LOSS] == [(day, 4000)]
    assert balance(lines(facts)["disputed_receivable"]) == 0
    facts.record("m_4", "dispute_reversal", "40.00 EUR", "11-09", details='{"Type":"SecondChargebackReversed"}', **said)
    assert lines(facts)[LOSS] == [(day, 4000), ("11-09", -4000)]
    assert balance(lines(facts)["disputed_receivable"]) == 0


def test_what_was_booked_against_its_credit_note_is_no_loss() -> None:
    facts = Facts()
    facts.record("cn_1", "credit_note", "-30.00 EUR", "10-01")
    dispute(facts, "txn_1", "dispute", "10-05", external_id="txn_1")
    facts.match("m_1", {"cn_1": None}, {"txn_1": "-30.00"})
    dispute(facts, "said", "dispute_lost", "10-25", external_id="x")
    assert lines(facts)[LOSS] == [("10-25", 1000)]
    assert balance(lines(facts)["disputed_receivable"]) == 0


@pytest.mark.parametrize("currency", ["EUR", "JPY", "USD"])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("parts", [("40",), ("15", "25")])
def test_what_comes_back_after_its_credit_note_is_the_customers(
    parts: tuple[str, ...], lost: bool, currency: str
) -> None:
    """Nothing of the dispute stands aside, and nothing is a loss that could be taken back."""
    facts = Facts(rates=rates_text())
    facts.record("cn_1", "credit_note", f"-40 {currency}", "10-01")
    dispute(facts, "txn_1", "dispute", "10-05", f"-40 {currency}", external_id="txn_1")
    facts.match("m_1", {"cn_1": None}, {"txn_1": None})
    if lost:
        dispute(facts, "said", "dispute_lost", "10-25", external_id="x", parent_external_id="txn_1")
    for n, amount in enumerate(parts):
        back = {"external_id": f"back_{n}", "parent_external_id": "txn_1"}
        dispute(facts, f"back_{n}", "dispute_reversal", "10-28", f"{amount} {currency}", **back)
    told = lines(facts)
    assert (told[LOSS], told["disputed_receivable"]) == ([], [])
    assert len(told["customer_deposits"]) == len(parts)
    assert balance(told["customer_deposits"]) == -40 * (1 if currency == "JPY" else 100)


def test_a_dispute_of_which_a_part_stands_aside_is_brought_back_from_there() -> None:
    facts = Facts()
    facts.record("cn_1", "credit_note", "-30.00 EUR", "10-01")
    dispute(facts, "txn_1", "dispute", "10-05", external_id="txn_1")
    facts.match("m_1", {"cn_1": None}, {"txn_1": "-30.00"})
    dispute(facts, "back", "dispute_reversal", "11-10", "10.00 EUR", external_id="b", parent_external_id="txn_1")
    assert (balance(lines(facts)["disputed_receivable"]), lines(facts)["customer_deposits"]) == (0, [])


def test_without_a_dispute_nothing_is_lost_and_other_platforms_say_nothing_of_it() -> None:
    facts = Facts()
    dispute(facts, "txn_1", "dispute", "10-05", system="adyen")
    dispute(facts, "said", "dispute_lost", "10-25")
    assert lines(facts)[LOSS] == []
