"""What names something that an earlier run used up says so: a second payment of an invoice is no riddle."""

import datetime as dt
from typing import Any

import pytest

from tests.matching.test_reasons import notes, shown
from tests.matching.worlds import World, invoice, line, world

PAID = "RE-90001 shares its number, and is matched with something else"
TWICE = "looks like b a second time: same identifier and amount"


def paid_once(w: World) -> None:
    w.match()
    assert w.together() == {frozenset({"RE-90001", "b"})}


@pytest.mark.parametrize("others", [(), (invoice("RE-80001", 777),)])
def test_a_second_payment_of_an_invoice_looks_like_the_first(others: tuple[Any, ...]) -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001"), *others) as w:
        paid_once(w)
        w.add(line("c", 10_000, "RE-90001", day=5))
        w.match()
        assert w.together() == {frozenset({"RE-90001", "b"})}
        assert w.reasons()["c"] == "duplicate"
        assert shown(w, "c") == [("RE-90001", "taken"), ("b", "duplicate")]
        assert notes(w)["c"] == TWICE


@pytest.mark.parametrize("amount", [9_000, 10_001])
def test_another_amount_for_a_paid_invoice_says_that_it_is_paid(amount: int) -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        paid_once(w)
        w.add(line("c", amount, "RE-90001", day=5))
        w.match()
        assert w.reasons() == {"c": "missing_left"}
        assert (shown(w, "c"), notes(w)["c"]) == ([("RE-90001", "taken")], PAID)


def test_a_text_that_names_a_paid_invoice_says_that_it_is_paid() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        paid_once(w)
        w.add(line("c", 10_000, text="Rechnung RE-90001 vom 3.10.", day=5))
        w.match()
        assert (w.reasons(), shown(w, "c")) == ({"c": "missing_left"}, [("RE-90001", "taken")])
        assert notes(w)["c"] == PAID


def test_a_second_charge_of_an_order_looks_like_the_first() -> None:
    facts = invoice("RE-90001", 10_000, refs=("ORD-1",)), line("b", 10_000, "ORD-1", kind="charge")
    with world("invoice-to-payment", *facts) as w:
        paid_once(w)
        w.add(line("c", 10_000, "ORD-1", kind="charge", day=5), line("d", -10_000, "ORD-1", kind="refund", day=6))
        w.match()
        assert w.reasons()["c"] == "duplicate"
        assert shown(w, "c")[:2] == [("RE-90001", "taken"), ("b", "duplicate")]


def test_what_was_taken_back_is_no_longer_paid() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        paid_once(w)
        w.undo(w.match_id("RE-90001", "b"))
        w.add(line("c", 10_000, "RE-90001", day=5))
        w.match()
        assert w.together() == {frozenset({"RE-90001", "c"})}


def test_an_identifier_that_many_paid_things_have_names_none_of_them() -> None:
    many = [invoice(f"RE-9000{n}", 10_000 + n, refs=("KD-77001",)) for n in range(6)]
    paid = [line(f"b{n}", 10_000 + n, f"RE-9000{n}") for n in range(6)]
    with world("open-items-to-bank", *many, *paid) as w:
        w.match()
        assert len(w.together()) == 6
        w.add(line("c", 5_555, "KD-77001", day=5))
        w.match()
        assert (w.reasons(), shown(w, "c")) == ({"c": "missing_left"}, [])


def test_another_currency_is_told_with_its_own() -> None:
    dollars = invoice("RE-90001", 10_000, currency="USD"), line("b", 10_000, "RE-90001", currency="USD")
    with world("open-items-to-bank", *dollars, invoice("RE-80001", 777)) as w:
        paid_once(w)
        w.add(line("c", 10_000, "RE-90001", day=5))
        w.match()
        assert (w.reasons()["c"], shown(w, "c")) == ("missing_left", [("RE-90001", "taken")])


def test_the_same_comes_out_where_everything_is_read_again() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        paid_once(w)
        w.add(line("c", 10_000, "RE-90001", day=5))
        w.match()
        told = w.exceptions()
        w.add(invoice("RE-70001", 1, day=300))
        w.through += dt.timedelta(days=1)
        w.match()
        assert [(row["external_id"], row["candidates"]) for row in w.exceptions()] == [
            (row["external_id"], row["candidates"]) for row in told
        ]
