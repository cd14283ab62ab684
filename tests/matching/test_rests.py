"""What a later reconciliation leaves of a record, an earlier one of the same call hears of; the order of rows decides nothing."""

from itertools import permutations
from typing import Any

import pytest

from tests.depth import some_of
from tests.matching.worlds import Fact, World, invoice, line, world

RECONCILIATIONS = """
[[reconciliation]]
id = "orders"
left = { source = "a" }
right = { source = "c" }
rules = "invoice-to-payment"

[[reconciliation]]
id = "items"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
"""
WORLD: dict[str, Any] = {"sources": ("a", "b", "c"), "reconciliations": RECONCILIATIONS}
MEIER = "Meier"


def card(own_id: str, amount: int) -> Fact:
    return Fact(source="c", id=own_id, amount=amount, kind="charge", refs=("RE-70001",), day=1, name=MEIER)


THREE_PARTS = [
    invoice("RE-70001", 100_000, name=MEIER),
    card("c1", 50_000),
    line("b1", 30_000, text="RE-70001", day=2, name=MEIER),
    line("b2", 20_000, text="RE-70001", day=5, name=MEIER),
]


def told(w: World) -> tuple[list[str], set[frozenset[str]], dict[str, str]]:
    outcomes = w.match()
    return [outcome.digest for outcome in outcomes], w.together(), w.reasons()


@pytest.mark.parametrize("order", some_of(permutations(range(4)), 3))
def test_an_invoice_paid_in_three_parts_by_card_and_transfer(order: tuple[int, ...]) -> None:
    with world("generic", **WORLD) as w:
        w.add(*THREE_PARTS)
        straight = told(w)
    with world("generic", **WORLD) as w:
        w.add(*(THREE_PARTS[n] for n in order))
        digests, together, reasons = told(w)
        assert together == {frozenset({"RE-70001", "b1", "b2"}), frozenset({"RE-70001", "c1"})}
        assert reasons == {}
        assert (digests, together, reasons) == straight
        again = w.match()
        assert [outcome.unchanged for outcome in again] == [True, True]
        assert [outcome.digest for outcome in again] == digests


def test_where_a_rest_fits_nothing_nothing_more_happens() -> None:
    facts = [THREE_PARTS[0], card("c1", 49_000), *THREE_PARTS[2:]]
    with world("generic", *facts, **WORLD) as w:
        w.match()
        assert w.together() == {frozenset({"RE-70001", "b1", "b2"})}
        assert w.reasons()["c1"] == "amount_difference"
        assert [outcome.unchanged for outcome in w.match()] == [True, True]


def test_one_alone_that_is_run_again_hears_of_it_too() -> None:
    with world("generic", *THREE_PARTS, **WORLD) as w:
        w.match("orders")
        w.match("items")
        assert w.together() == {frozenset({"RE-70001", "b1", "b2"})}
        (outcome,) = w.match("orders")
        assert not outcome.unchanged
        assert w.together() == {frozenset({"RE-70001", "b1", "b2"}), frozenset({"RE-70001", "c1"})}


def test_of_two_that_were_ambiguous_one_is_taken_by_a_later_one() -> None:
    facts = [
        invoice("RE-70001", 10_000, name=MEIER),
        invoice("RE-70002", 10_000, name=MEIER),
        Fact(source="c", id="c1", amount=10_000, kind="charge", day=1, name=MEIER),
        line("b1", 10_000, text="RE-70002", day=2, name=MEIER),
    ]
    with world("generic", *facts, **WORLD) as w:
        w.match()
        together = w.together()
        assert frozenset({"RE-70002", "b1"}) in together
        assert [outcome.unchanged for outcome in w.match()] == [True, True]
        assert w.together() == together
